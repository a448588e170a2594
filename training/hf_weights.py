"""Our names in code, Hugging Face's names on disk: one table, read both ways.

`{}` stands for a layer's number. Each row names a module; its `.weight` and `.bias` follow it.
"""

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

_TABLE = {
    # classifier
    "pooler": "bert.pooler.dense",
    "head": "classifier",
    # embeddings
    "encoder.embeddings.word": "bert.embeddings.word_embeddings",
    "encoder.embeddings.position": "bert.embeddings.position_embeddings",
    "encoder.embeddings.segment": "bert.embeddings.token_type_embeddings",
    "encoder.embeddings.norm": "bert.embeddings.LayerNorm",
    # layers
    "encoder.layers.{}.attention.query": "bert.encoder.layer.{}.attention.self.query",
    "encoder.layers.{}.attention.key": "bert.encoder.layer.{}.attention.self.key",
    "encoder.layers.{}.attention.value": "bert.encoder.layer.{}.attention.self.value",
    "encoder.layers.{}.attention.project": "bert.encoder.layer.{}.attention.output.dense",
    "encoder.layers.{}.attention_norm": "bert.encoder.layer.{}.attention.output.LayerNorm",
    "encoder.layers.{}.feed_forward.up": "bert.encoder.layer.{}.intermediate.dense",
    "encoder.layers.{}.feed_forward.down": "bert.encoder.layer.{}.output.dense",
    "encoder.layers.{}.feed_forward_norm": "bert.encoder.layer.{}.output.LayerNorm",
}
_INVERSE = {theirs: ours for ours, theirs in _TABLE.items()}

# In a BERT checkpoint, but no part of a classifier's forward pass: the pre-training heads, and the
# buffer of position numbers that old versions of `transformers` saved.
_NOT_OURS = re.compile(r"^cls\.|\.position_ids$")


def to_hf(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict under Hugging Face's names.

    Raises:
        KeyError: a weight of ours has no row in the table.
    """
    return {_translate(name, _TABLE): tensor for name, tensor in weights.items()}


def from_hf(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Hugging Face's state dict under our names.

    Takes what checkpoints have been called over the years: with or without the `bert.` prefix (a
    `BertModel` has none), layer norms with `gamma` and `beta` (before 2019). A name that no row
    knows stays as it is, so that a strict load names it.
    """
    ours = {}
    for name, tensor in weights.items():
        modern = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", name)
        modern = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", modern)
        if re.match(r"(embeddings|encoder|pooler)\.", modern):
            modern = f"bert.{modern}"
        if not _NOT_OURS.search(modern):
            try:
                ours[_translate(modern, _INVERSE)] = tensor
            except KeyError:
                ours[name] = tensor
    return ours


def hf_names(names: Iterable[str]) -> list[str]:
    """Our weights' names as they stand on disk, for a message; unknown ones as they are."""
    return [_translate(name, _TABLE) if _key(name) in _TABLE else name for name in names]


def _key(name: str) -> str:
    module, _, _ = name.rpartition(".")
    return re.sub(r"\.\d+\.", ".{}.", module)


def _translate(name: str, table: Mapping[str, str]) -> str:
    module, _, parameter = name.rpartition(".")
    number = re.search(r"\.(\d+)\.", module)
    translated = table[_key(name)]
    return f"{translated.format(number.group(1) if number else '')}.{parameter}"
