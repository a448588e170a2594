"""Texts to measure an encoder's 8-bit graph on: ones that training never saw, where there are any.

`sources.py` finds those that a decoder is to write from.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime

from export.parts import EncoderPart
from training.data.batches import Batch, EncodedText, encode_texts, pad
from training.data.corpus import Corpus, Example, load_corpus
from training.file_names import find_noted_texts, noted_texts
from training.model.classifier import BERTClassifier
from training.readers.rows import noted_reading

_BATCH = 16
_WHERE = "run this in its folder, or name it with --held-out"


@dataclass(frozen=True)
class HeldOut:
    """Texts to measure on, and whether their labels are known."""

    texts: list[EncodedText]
    labelled: bool
    origin: Mapping[str, int] = field(default_factory=dict)
    """Where they come from, in words, and how many from there."""
    random: bool = False
    """Whether they are no texts but tokens at random, whose labels mean nothing."""
    longest: int | None = None
    """Tokens of the longest text that fits into memory with all maps of two graphs, if there is a
    limit; shorter ones are taken together."""


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
    corpus = checked_corpus(data, record, part)
    if corpus is None:
        rows = [Example(example["text"], 0, example.get("text_pair")) for example in examples]
        return HeldOut(encode_texts(rows, part.tokenizer, max_tokens=part.max_tokens), False)
    texts = encode_texts(corpus.test, part.tokenizer, max_tokens=part.max_tokens)
    return HeldOut(texts, labelled=part.classifies)


def checked_corpus(
    data: str | None, record: Mapping[str, Any] | None, part: EncoderPart
) -> Corpus | None:
    """The corpus called `data`, else that of the training; None where neither is known.

    Raises:
        FileNotFoundError, ValueError: as `held_out_texts`.
    """
    noted = (record or {}).get("data")
    if data:
        source = data
    elif noted:
        source = find_noted_texts(noted["source"], advice=_WHERE)
    else:
        return None
    is_own = noted is not None and noted["source"] in (source, noted_texts(source))
    corpus = load_corpus(source, noted_reading(noted) if noted and is_own else None)
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
    return corpus


def draw_texts(part: EncoderPart, count: int, lengths: tuple[int, int]) -> list[EncodedText]:
    """Tokens at random, always the same: `count` texts of `lengths[0]` to below `lengths[1]`."""
    random = np.random.default_rng(0)
    words = len(part.tokenizer)
    sizes = np.minimum(random.integers(*lengths, count), part.max_tokens)
    return [
        EncodedText(tuple(random.integers(0, words, n).tolist()), (0,) * int(n), 0, int(n))
        for n in sizes
    ]


def by_length(texts: Sequence[EncodedText]) -> list[EncodedText]:
    """The shortest first, so that a batch holds little padding."""
    return sorted(texts, key=lambda text: len(text.token_ids))


def batches(
    texts: Sequence[EncodedText], pad_id: int, longest: int | None = None
) -> Iterator[Batch]:
    """The texts in their order, a few at a time.

    Args:
        longest: tokens of a text that must be alone; maps grow with the square of the length.
    """
    together: list[EncodedText] = []
    for text in texts:
        tokens = max(len(one.token_ids) for one in (*together, text))
        too_large = longest and (len(together) + 1) * tokens**2 > longest**2
        if together and (len(together) == _BATCH or too_large):
            yield pad(together, pad_token_id=pad_id)
            together = []
        together.append(text)
    if together:
        yield pad(together, pad_token_id=pad_id)


def feed_of(batch: Batch, encoder: onnxruntime.InferenceSession) -> dict[str, np.ndarray]:
    """A batch as an encoder's graph takes it: not every family has segments."""
    feed = {
        "input_ids": batch.token_ids.numpy(),
        "attention_mask": batch.padding_mask.numpy().astype(np.int64),
        "token_type_ids": batch.segment_ids.numpy(),
    }
    return {given.name: feed[given.name] for given in encoder.get_inputs()}
