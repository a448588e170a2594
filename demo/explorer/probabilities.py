"""From a classifier's logits to what a reader sees."""

import numpy as np
from numpy.typing import NDArray

from explorer.bundle import Bundle


def probabilities_of(logits: NDArray[np.float32], bundle: Bundle) -> NDArray[np.float32]:
    """Softmax or sigmoid of the logits over the temperature, by the bundle's problem type; the
    logits themselves for a regression. Shape (..., labels)."""
    if bundle.problem_type == "regression":
        return logits.copy()
    scaled = logits / np.float32(bundle.temperature)
    if bundle.problem_type == "multi_label":
        return 1 / (1 + np.exp(-scaled))
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)
