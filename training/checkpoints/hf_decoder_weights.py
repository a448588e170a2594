"""The decoder's names and shapes on disk: GPT-2's, read both ways. A sibling of `hf_weights.py`.

Two things differ from BERT's. A `Conv1D` stores its matrix transposed, (in, out). And one matrix
holds queries, keys and values side by side (`c_attn`): one row of this table names several of our
modules. `{}` stands for a layer's number.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
import torch
from torch import Tensor
from training.checkpoints.hf_weights import OneEach


# Embeddings and norms: stored as ours are.
_PLAIN = {
    "word": "transformer.wte",
    "position": "transformer.wpe",
    "norm": "transformer.ln_f",
    "layers.{}.attention_norm": "transformer.h.{}.ln_1",
    "layers.{}.cross_attention_norm": "transformer.h.{}.ln_cross_attn",
    "layers.{}.feed_forward_norm": "transformer.h.{}.ln_2",
}


# Linear layers: stored as Conv1D, several of ours in one.
_JOINED = {
    "transformer.h.{}.attn.c_attn": tuple(
        f"layers.{{}}.attention.{part}" for part in ("query", "key", "value")
    ),
    "transformer.h.{}.attn.c_proj": ("layers.{}.attention.project",),
    "transformer.h.{}.crossattention.q_attn": ("layers.{}.cross_attention.query",),
    "transformer.h.{}.crossattention.c_attn": tuple(
        f"layers.{{}}.cross_attention.{part}" for part in ("key", "value")
    ),
    "transformer.h.{}.crossattention.c_proj": ("layers.{}.cross_attention.project",),
    "transformer.h.{}.mlp.c_fc": ("layers.{}.feed_forward.up",),
    "transformer.h.{}.mlp.c_proj": ("layers.{}.feed_forward.down",),
}


# The head is the word embedding again; the others are causal masks that old versions saved.
_NOT_OURS = re.compile(r"^lm_head\.weight$|\.(attn|crossattention)\.(bias|masked_bias)$")


def to_hf(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our decoder's state dict as a `GPT2LMHeadModel`'s, without the tied head."""
    theirs = {}
    for their_name, our_names in _rows(weights):
        for parameter in ("weight", "bias"):
            parts = [
                weights[f"{n}.{parameter}"] for n in our_names if f"{n}.{parameter}" in weights
            ]
            if parts:
                joined = torch.cat(parts)
                turned = parameter == "weight" and _is_joined(their_name)
                theirs[f"{their_name}.{parameter}"] = joined.T.contiguous() if turned else joined
    return theirs


def from_hf(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A `GPT2LMHeadModel`'s state dict, or a `GPT2Model`'s, as our decoder's.

    A name that no row knows stays as it is, so that a strict load names it.

    Raises:
        ValueError: two of them are one weight of ours.
    """
    ours = OneEach()
    inverse = {theirs: (name,) for name, theirs in _PLAIN.items()} | _JOINED
    for name, tensor in weights.items():
        modern = re.sub(r"^(h\.|wte\.|wpe\.|ln_f\.)", r"transformer.\1", name)
        if _NOT_OURS.search(modern):
            continue
        module, _, parameter = modern.rpartition(".")
        number = re.search(r"\.(\d+)\.", module)
        row = re.sub(r"\.\d+\.", ".{}.", module)
        if row not in inverse:
            ours.put(name, tensor, name)
            continue
        turned = tensor.T if _is_joined(module) and tensor.ndim == 2 else tensor
        parts = inverse[row]
        if turned.ndim == 0 or turned.shape[0] % len(parts):
            ours.put(name, tensor, name)
            continue
        for our_name, part in zip(parts, turned.chunk(len(parts)), strict=True):
            translated = f"{our_name.format(number[1] if number else '')}.{parameter}"
            ours.put(translated, part.contiguous(), name)
    return ours.weights


def _rows(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each row of the table for each layer that `weights` have: their name, our names."""
    numbers = sorted({int(m[1]) for n in weights if (m := re.match(r"layers\.(\d+)\.", n))})
    rows = [(theirs, (ours,)) for ours, theirs in _PLAIN.items()] + list(_JOINED.items())
    for their_name, our_names in rows:
        for number in numbers if "{}" in their_name else [0]:
            yield their_name.format(number), tuple(name.format(number) for name in our_names)


def _is_joined(their_name: str) -> bool:
    return re.sub(r"\.\d+\.", ".{}.", their_name) in _JOINED


def hf_names(names: Iterable[str]) -> list[str]:
    """Our weights' names as they stand on disk, for a message; unknown ones as they are."""
    theirs = dict(_PLAIN)
    theirs |= {ours: row for row, joined in _JOINED.items() for ours in joined}
    found = []
    for name in names:
        module, _, parameter = name.rpartition(".")
        number = re.search(r"\.(\d+)\.", module)
        row = theirs.get(re.sub(r"\.\d+\.", ".{}.", module))
        found.append(f"{row.format(number[1] if number else '')}.{parameter}" if row else name)
    return found
