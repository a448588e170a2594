"""Texts to measure an encoder's 8-bit graph on: ones that training never saw, where there are any.

`sources.py` finds those that a decoder is to write from.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from export.parts import EncoderPart
from training.batches import Batch, EncodedText, encode_texts, pad
from training.corpus import Example, load_corpus
from training.model.classifier import BERTClassifier

_BATCH = 16


@dataclass(frozen=True)
class HeldOut:
    """Texts to measure on, and whether their labels are known."""

    texts: list[EncodedText]
    labelled: bool


def held_out_texts(
    data: str | None,
    record: Mapping[str, Any] | None,
    examples: Sequence[Mapping[str, str]],
    part: EncoderPart,
) -> HeldOut:
    """The test part of `data`, else of what the checkpoint was trained on, else the examples.

    Raises:
        FileNotFoundError, ValueError: as `load_corpus`, or the texts are not those of the training.
    """
    noted = (record or {}).get("data")
    source = data or (noted["source"] if noted else None)
    if source is None:
        rows = [Example(example["text"], 0, example.get("text_pair")) for example in examples]
        return HeldOut(encode_texts(rows, part.tokenizer, max_tokens=part.max_tokens), False)
    corpus = load_corpus(source)
    if data is None and noted and corpus.fingerprint != noted["fingerprint"]:
        raise ValueError(
            f"{source} has the fingerprint {corpus.fingerprint[:12]}, the training noted "
            f"{noted['fingerprint'][:12]}: its texts changed, so its test part may hold "
            "what was trained on. Train again, or give other texts with --held-out"
        )
    labels = part.model.config.labels if isinstance(part.model, BERTClassifier) else None
    if labels and corpus.labels != labels:
        raise ValueError(
            f"{source} has the labels {', '.join(corpus.labels)}; the model's are "
            f"{', '.join(labels)}. Name them alike"
        )
    texts = encode_texts(corpus.test, part.tokenizer, max_tokens=part.max_tokens)
    return HeldOut(texts, labelled=part.classifies)


def by_length(texts: Sequence[EncodedText]) -> list[EncodedText]:
    """The shortest first, so that a batch holds little padding."""
    return sorted(texts, key=lambda text: len(text.token_ids))


def batches(texts: Sequence[EncodedText], pad_id: int) -> Iterator[Batch]:
    """The texts in their order, a few at a time."""
    for start in range(0, len(texts), _BATCH):
        yield pad(texts[start : start + _BATCH], pad_token_id=pad_id)


def feed_of(batch: Batch, encoder: onnxruntime.InferenceSession) -> dict[str, np.ndarray]:
    """A batch as an encoder's graph takes it: not every family has segments."""
    feed = {
        "input_ids": batch.token_ids.numpy(),
        "attention_mask": batch.padding_mask.numpy().astype(np.int64),
        "token_type_ids": batch.segment_ids.numpy(),
    }
    return {given.name: feed[given.name] for given in encoder.get_inputs()}
