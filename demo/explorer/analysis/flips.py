"""Whether a changed model, or a changed text, gets another answer."""

import numpy as np
from numpy.typing import NDArray

from explorer.bundle import Bundle


def flips(
    bundle: Bundle, whole: NDArray[np.float32], changed: NDArray[np.float32], label: int
) -> NDArray[np.bool_]:
    """Which changed answers say something else.

    A single-label model says its likeliest label; a multi-label model says of `label` that it fits
    or not, at one half; a regression says a number, which has no other side.

    Args:
        whole: probabilities before the change, shape (labels,).
        changed: probabilities after changes, shape (..., labels). A row of NaN does not flip.

    Returns:
        Shape (...).
    """
    measured = ~np.isnan(changed[..., label])
    if bundle.problem_type == "regression":
        return np.zeros(measured.shape, np.bool_)
    if bundle.problem_type == "multi_label":
        return measured & ((changed[..., label] > 0.5) != (whole[label] > 0.5))
    return measured & (np.nan_to_num(changed, nan=-1).argmax(axis=-1) != whole.argmax())
