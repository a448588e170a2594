"""Maps of some layers alone: the others' are left out of a graph that was proven with all of them.

Of a model of 24 layers a text of 512 tokens has 400 MB of maps, of which nobody looks at most. The
heads of every layer can be removed all the same.
"""

import re
from collections.abc import Sequence

import onnx

_MAPS = tuple(
    f"{side}_{kind}."
    for side in ("encoder", "decoder", "cross")
    for kind in ("attentions", "value_norms")
)
_PART = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


def parse_layers(given: str, layers: int) -> tuple[int, ...] | None:
    """Layers from 0, each once and in their order, of "0,5,11" or "0-3"; None where that is all.

    Args:
        layers: how many the model has.

    Raises:
        ValueError: it is not written so, or names a layer that is not there.
    """
    found = set[int]()
    for part in given.split(","):
        written = _PART.fullmatch(part.strip())
        first, last = (int(one or written[1]) for one in written.groups()) if written else (0, -1)
        if not first <= last < layers:
            raise ValueError(
                f"--layers is {given[:60]!r}; expected numbers from 0 to {layers - 1}, for the "
                f"model has {layers} layers, such as 0,{layers - 1} or 0-{layers - 1}"
            )
        found.update(range(first, last + 1))
    return tuple(sorted(found)) if len(found) < layers else None


def keep_maps(model: onnx.ModelProto, layers: Sequence[int]) -> None:
    """Leaves out the maps and norms of all other layers, and what only they need, in place."""
    graph = model.graph
    kept = {f"{kind}{layer}" for kind in _MAPS for layer in layers}
    outputs = [one for one in graph.output if not one.name.startswith(_MAPS) or one.name in kept]
    needed, nodes = {one.name for one in outputs}, []
    for node in reversed(graph.node):
        if not needed.isdisjoint(node.output):
            needed.update(node.input)
            nodes.append(node)
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    for whole, left in (
        (graph.output, outputs),
        (graph.node, list(reversed(nodes))),
        (graph.initializer, weights),
    ):
        copies = [type(one).FromString(one.SerializeToString()) for one in left]
        del whole[:]
        whole.extend(copies)
