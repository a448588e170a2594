"""Which layer and which head a map is of, or what joins several; in words, and in file names.

Layers and heads count from 0 in code, from 1 for people.
"""

MEAN, MAX = "mean", "max"
"""In place of a layer or a head: the mean, or the largest weight, over all of them."""

_NAMES = {MEAN: "mean", MAX: "maximum"}


def said(choice: int | str) -> int | str:
    """A layer or a head as people count; `MEAN` and `MAX` stay."""
    return choice + 1 if isinstance(choice, int) else choice


def in_words(layer: int | str, head: int | str) -> str:
    """A choice in words: "layer 2, mean over heads"."""
    heads = f"head {head + 1}" if isinstance(head, int) else f"{_NAMES[head]} over heads"
    if isinstance(layer, int):
        return f"layer {layer + 1}, {heads}"
    if layer == head:
        return f"{_NAMES[layer]} over all layers and heads"
    return f"{heads}, {_NAMES[layer]} over layers"


def file_part(layer: int | str, head: int | str) -> str:
    """A choice as a part of a file's name."""
    layers = f"layer{layer + 1}" if isinstance(layer, int) else f"layers-{layer}"
    return f"{layers}-{f'head{head + 1}' if isinstance(head, int) else head}"
