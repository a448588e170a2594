"""Our names in code, Hugging Face's names on disk: a family's one table, read both ways.

The tables stand in `model/families.py`. Each row names a module; its `.weight` and `.bias` follow
it.
"""

import re
from collections.abc import Iterable, Mapping
from torch import Tensor
from training.model.families import FAMILIES, Family


_BERT = FAMILIES["bert"]


class OneEach:
    """Gathers weights under our names, each from one on disk: which of two is meant none can tell.

    Raises:
        ValueError: on `put`, a second one comes.
    """

    def __init__(self) -> None:
        self.weights: dict[str, Tensor] = {}
        self._on_disk: dict[str, str] = {}

    def put(self, ours: str, tensor: Tensor, on_disk: str) -> None:
        """Takes a tensor that is called `on_disk` in the file."""
        first = self._on_disk.setdefault(ours, on_disk)
        if ours in self.weights:
            raise ValueError(
                f"{first[:100]} and {on_disk[:100]} are stored both, and are one weight of the "
                "model under two names; keep the one that the model was trained with"
            )
        self.weights[ours] = tensor


def to_hf(weights: Mapping[str, Tensor], family: Family = _BERT) -> dict[str, Tensor]:
    """Our state dict under Hugging Face's names.

    Raises:
        KeyError: a weight of ours has no row in the table.
    """
    return {_translate(name, family.names): tensor for name, tensor in weights.items()}


def from_hf(weights: Mapping[str, Tensor], family: Family = _BERT) -> dict[str, Tensor]:
    """Hugging Face's state dict under our names.

    Takes what checkpoints have been called over the years: with or without the prefix (a
    `BertModel` has none), layer norms with `gamma` and `beta` (before 2019), the buffer of position
    numbers that was saved once. A name that no row knows stays as it is, so that a strict load
    names it.

    Raises:
        ValueError: two of them are one weight of ours.
    """
    inverse = {theirs: ours for ours, theirs in family.names.items()}
    unprefixed = {theirs.partition(".")[0] for theirs in family.encoder.values()} | {"pooler"}
    ours = OneEach()
    for name, tensor in weights.items():
        modern = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", name)
        modern = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", modern)
        if name.partition(".")[0] in unprefixed:
            modern = f"{family.prefix}.{modern}"
        if not modern.startswith(family.left_out) and not modern.endswith(".position_ids"):
            ours.put(_translate(modern, inverse) if _key(modern) in inverse else name, tensor, name)
    return ours.weights


def hf_names(names: Iterable[str], family: Family = _BERT) -> list[str]:
    """Our weights' names as they stand on disk, for a message; unknown ones as they are."""
    table = family.names
    return [_translate(name, table) if _key(name) in table else name for name in names]


def _key(name: str) -> str:
    module, _, _ = name.rpartition(".")
    return re.sub(r"\.\d+\.", ".{}.", module)


def _translate(name: str, table: Mapping[str, str]) -> str:
    module, _, parameter = name.rpartition(".")
    number = re.search(r"\.(\d+)\.", module)
    translated = table[_key(name)]
    return f"{translated.format(number.group(1) if number else '')}.{parameter}"
