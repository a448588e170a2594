"""Words on which attention and effect disagree."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.effects import matter

Disagreement = Literal["idle", "against", "unseen"]

_MUCH = 4
"""One word in so many, rounded up, counts as much looked at, or as of much effect."""
_LITTLE = 0.1
"""Of the largest effect in the text: less is next to none."""


def disagreements(
    attention: NDArray[np.float32], effects: NDArray[np.float64], least: float
) -> list[Disagreement | None]:
    """Marks the words on which the two disagree.

    A word is much looked at if it is in the top quarter of the tried words by attention. Such a
    word is `idle` if its effect is less than a tenth of the largest effect, and `against` if it is
    more than that in the other direction: taken away, it raises the class. A word of the top
    quarter by the size of its effect is `unseen` if it is in the lower half by attention.

    Where no effect is at least `least`, there is nothing to disagree on. A word that is `against`
    or `unseen` has an effect of at least so much itself.

    Args:
        attention: what each word receives, shape (words,).
        effects: on the log-odds, signed, above 0 for the class, shape (words,); NaN where a word
            was not tried. It gets no mark.
        least: the size from which an effect is more than next to nothing.
    """
    marks: list[Disagreement | None] = [None] * len(effects)
    tried = np.flatnonzero(~np.isnan(effects))
    sizes = np.abs(effects[tried])
    if len(tried) < 2 or not matter(effects, least):
        return marks
    many = -(-len(tried) // _MUCH)
    by_attention = tried[np.argsort(-attention[tried], kind="stable")]
    by_effect = tried[np.argsort(-sizes, kind="stable")]
    little = _LITTLE * float(sizes.max())
    counts = max(little, least)
    lower_half = set(by_attention[-(len(tried) // 2) :].tolist())
    for place in by_effect[:many].tolist():
        if place in lower_half and abs(effects[place]) >= counts:
            marks[place] = "unseen"
    for place in by_attention[:many].tolist():
        if abs(effects[place]) < little:
            marks[place] = "idle"
        elif effects[place] <= -counts:
            marks[place] = "against"
    return marks
