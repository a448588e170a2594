"""Weights under our names and under Hugging Face's: one table of `hf_names.py`, read both ways.

Each row of a table names a module; its `.weight` and `.bias` follow it. GPT-2 differs twice from
BERT: it stores the matrices of linear layers transposed, and queries, keys and values side by side
in one.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from training.checkpoints.hf_names import DECODER, DECODER_JOINED, FAMILIES, Family

# The head is the word embedding again; the others are causal masks that old versions saved.
_NOT_OF_DECODER = re.compile(r"^lm_head\.weight$|\.(attn|crossattention)\.(bias|masked_bias)$")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a kind of model."""

    rows: Mapping[str, tuple[str, ...]]
    """Their module -> ours, of which it may hold several. `{}` stands for a layer's number."""
    transposed: frozenset[str]
    """Those of theirs whose matrix is stored (in, out)."""
    modern: Callable[[str], str]
    """A name that checkpoints had over the years -> today's."""
    left_out: Callable[[str], bool]
    """Whether a name of today's is of nothing that our model has."""

    def to_hf(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Our state dict under their names.

        Raises:
            KeyError: a weight of ours has no row in the table.
        """
        theirs: dict[str, dict[str, Tensor]] = {}
        places = {ours: row for row, joined in self.rows.items() for ours in joined}
        for name, tensor in weights.items():
            key, number, parameter = _parsed(name)
            row = places[key]
            stored = f"{row.format(number)}.{parameter}"
            theirs.setdefault(stored, {})[key] = tensor
        return {name: self._stored(name, parts) for name, parts in theirs.items()}

    def _stored(self, name: str, parts: Mapping[str, Tensor]) -> Tensor:
        row, _, parameter = _parsed(name)
        ordered = [parts[ours] for ours in self.rows[row] if ours in parts]
        joined = torch.cat(ordered) if len(ordered) > 1 else ordered[0]
        return joined.T.contiguous() if row in self.transposed and parameter == "weight" else joined

    def from_hf(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Their state dict under our names.

        A name that no row knows stays as it is, so that a strict load names it.

        Raises:
            ValueError: two of them are one weight of ours.
        """
        ours: dict[str, Tensor] = {}
        on_disk: dict[str, str] = {}
        for name, tensor in weights.items():
            modern = self.modern(name)
            if self.left_out(modern):
                continue
            for found, part in self._parts(name, modern, tensor):
                if found in ours:
                    raise ValueError(
                        f"{on_disk[found][:100]} and {name[:100]} are stored both, and are one "
                        "weight of the model under two names; keep the one that the model was "
                        "trained with"
                    )
                ours[found], on_disk[found] = part, name
        return ours

    def _parts(self, name: str, modern: str, tensor: Tensor) -> list[tuple[str, Tensor]]:
        """What a weight on disk holds of ours."""
        row, number, parameter = _parsed(modern)
        joined = self.rows.get(row, ())
        turned = tensor.T if row in self.transposed and tensor.ndim == 2 else tensor
        if not joined or (len(joined) > 1 and (turned.ndim == 0 or turned.shape[0] % len(joined))):
            return [(name, tensor)]
        parts = turned.chunk(len(joined)) if len(joined) > 1 else [turned]
        return [
            (f"{ours.format(number)}.{parameter}", part.contiguous())
            for ours, part in zip(joined, parts, strict=True)
        ]

    def on_disk(self, names: Iterable[str]) -> list[str]:
        """Our weights' names as they stand on disk, for a message; unknown ones as they are."""
        places = {ours: row for row, joined in self.rows.items() for ours in joined}
        found = []
        for name in names:
            key, number, parameter = _parsed(name)
            known = key in places
            found.append(f"{places[key].format(number)}.{parameter}" if known else name)
        return found


@cache
def encoder_names(model_type: str = "bert") -> Names:
    """The names of a classifier of a family, or of its encoder alone.

    Takes what checkpoints have been called over the years: with or without the prefix (a
    `BertModel` has none), layer norms with `gamma` and `beta` (before 2019), the buffer of position
    numbers that was saved once.
    """
    family: Family = FAMILIES[model_type]
    unprefixed = {theirs.partition(".")[0] for theirs in family.encoder.values()} | {"pooler"}

    def modern(name: str) -> str:
        today = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", name)
        today = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", today)
        return f"{family.prefix}.{today}" if name.partition(".")[0] in unprefixed else today

    return Names(
        rows={theirs: (ours,) for ours, theirs in family.names.items()},
        transposed=frozenset(),
        modern=modern,
        left_out=lambda name: name.startswith(family.left_out) or name.endswith(".position_ids"),
    )


DECODER_NAMES = Names(
    rows={theirs: (ours,) for ours, theirs in DECODER.items()} | DECODER_JOINED,
    transposed=frozenset(DECODER_JOINED),
    modern=lambda name: re.sub(r"^(h\.|wte\.|wpe\.|ln_f\.)", r"transformer.\1", name),
    left_out=lambda name: bool(_NOT_OF_DECODER.search(name)),
)
"""Of a `GPT2LMHeadModel`, or a `GPT2Model`."""


def _parsed(name: str) -> tuple[str, str, str]:
    """A weight's row, its layer's number, and whether it is a weight or a bias."""
    module, _, parameter = name.rpartition(".")
    number = re.search(r"\.(\d+)\.", module)
    return re.sub(r"\.\d+\.", ".{}.", module), number[1] if number else "", parameter
