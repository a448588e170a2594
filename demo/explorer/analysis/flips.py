"""Whether a changed model, or a changed text, gets another answer."""

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.effects import Answers


def flips(whole: Answers, changed: Answers, label: int) -> NDArray[np.bool_]:
    """Which changed answers say something else.

    A single-label model says its likeliest label; a multi-label model says of `label` that it fits
    or not, at one half; a regression says a number, which has no other side.

    Args:
        whole: before the change, shape (labels,).
        changed: after changes, shape (..., labels). A row of NaN does not flip.

    Returns:
        Shape (...).
    """
    kind, before, after = whole.bundle.problem_type, whole.probabilities, changed.probabilities
    measured = ~np.isnan(after[..., label])
    if kind == "regression":
        return np.zeros(measured.shape, np.bool_)
    if kind == "multi_label":
        return measured & ((after[..., label] > 0.5) != (before[label] > 0.5))
    return measured & (np.nan_to_num(after, nan=-1).argmax(axis=-1) != before.argmax())
