"""How much of a text is read: what it costs grows with the square of its tokens."""

from bisect import bisect_right
from math import isqrt

MAP_BYTES = 384 * 2**20
"""Of all maps of one text: 512 tokens under 24 layers of 16 heads, as the largest BERT has them."""
CELLS = 1024**2
"""Of one map: 9 MB as numbers in an answer, and as many cells as a picture can show."""
OPERATIONS = 4e11
"""Of one run of the graph: two seconds on two cores, for which everybody else waits."""
_LEAST = 16
"""Tokens that are read however large the model."""


def most_tokens(max_tokens: int, layers: int, heads: int, width: int) -> int:
    """How many tokens of a text are read.

    Args:
        max_tokens: how many the model can read.
        width: numbers per token in the hidden state.
    """
    most = min(max_tokens, isqrt(CELLS), isqrt(MAP_BYTES // (4 * layers * heads)))
    in_time = bisect_right(
        range(1, most + 1), OPERATIONS, key=lambda tokens: operations(tokens, layers, width)
    )
    return max(min(most, in_time), min(max_tokens, _LEAST))


def operations(tokens: int, layers: int, width: int) -> int:
    """Multiplications and additions for one text: each layer multiplies each of its tokens by 12
    width x width weights, and by twice its width for each token that it looks at."""
    return 2 * layers * tokens * (12 * width**2 + 2 * width * tokens)
