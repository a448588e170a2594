"""Texts that an encoder learns from without labels, and the batches that are made of them.

    sources -> texts, read anew in every pass -> pieces of tokens -> a pool -> masked batches

A text's part hangs on its normal form, as that of a labelled one: a tenth is held out to measure
on, and is never trained on, in whatever pass it comes. Where the packaged reviews are among the
sources, nothing is taken that a validation or test part of theirs has, out of no source: a
classifier will be judged on those.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from training.data.batches import bucket, rounded_width
from training.data.corpus import Corpus, load_corpus
from training.data.masking import MaskedBatch, WordMasking
from training.data.splits import normal_form, split
from training.data.unlabelled import UNLABELLED, read_source, texts_held_out
from training.file_names import SUFFIXES
from training.readers.packaged import SOURCES

_LINES = ".txt"
_AT_ONCE = 1000  # texts that are tokenised together
_POOL = 2**16  # pieces of texts that are shuffled together, and so held in memory
MOST_VALIDATION = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainingTexts:
    """Texts of several sources, one after the other; in memory, or read as they are asked for."""

    sources: tuple[str, ...]
    licences: tuple[str, ...]
    read: Callable[[], Iterator[str]]
    """Reads all of them, anew at each call."""
    validation: tuple[str, ...]
    """The first texts that are held out, `MOST_VALIDATION` at most."""
    fingerprint: str
    """Over the sources' names and the held-out texts: of a stream nobody knows more."""

    def train(self) -> Iterator[str]:
        """One pass over all that is not held out."""
        return (text for text in self.read() if not _is_held_out(text))


def open_texts(sources: Sequence[str]) -> PretrainingTexts:
    """Opens words for the packaged reviews, files, and datasets, which are streamed.

    Raises:
        FileNotFoundError: there is nothing of such a name.
        ValueError: a file cannot be read; or there are no texts, or too few to hold any out.
    """
    is_packaged = any(source in UNLABELLED for source in sources)
    packaged = {name: load_corpus(name) for name in SOURCES} if is_packaged else {}
    held = set(map(normal_form, texts_held_out(packaged.values())))
    opened = [_open(source, packaged) for source in sources]

    def read() -> Iterator[str]:
        texts = chain.from_iterable(texts() for texts, _ in opened)
        return (text for text in texts if normal_form(text) not in held) if held else texts

    validation = tuple(islice(filter(_is_held_out, read()), MOST_VALIDATION))
    if not validation or all(map(_is_held_out, islice(read(), 2 * len(validation)))):
        raise ValueError(
            f"{', '.join(sources)} has too few texts to hold a tenth of them out; give more"
        )
    digest = hashlib.sha256(repr((*sources, *validation)).encode())
    return PretrainingTexts(
        sources=tuple(sources),
        licences=tuple(dict.fromkeys(licence for _, known in opened for licence in known)),
        read=read,
        validation=validation,
        fingerprint=digest.hexdigest(),
    )


def _open(
    source: str, packaged: Mapping[str, Corpus]
) -> tuple[Callable[[], Iterator[str]], Sequence[str]]:
    if source in UNLABELLED:
        found, licences = read_source(source, packaged)
        texts = list(dict.fromkeys(found))
        return lambda: iter(texts), licences
    if Path(source).suffix.lower() in (_LINES, *SUFFIXES):
        found, licences = read_source(source, packaged)
        lines = list(found)
        return lambda: iter(lines), licences
    from training.readers.hub_dataset import stream_texts  # `datasets` takes seconds to import

    stream, licence = stream_texts(source)
    return stream, [licence]


def _is_held_out(text: str) -> bool:
    return bool(split({"all": [text]}, normal_form)["validation"])


def cut_pieces(
    texts: Iterator[str], tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> Iterator[tuple[int, ...]]:
    """Every text as [CLS] tokens [SEP]; one that is longer than `max_tokens` in several pieces."""
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    inside = max_tokens - 2
    while some := list(islice(texts, _AT_ONCE)):
        for found in tokenizer.backend_tokenizer.encode_batch(some, add_special_tokens=False):
            for start in range(0, len(found.ids), inside):
                yield (first, *found.ids[start : start + inside], last)


def masked_batches(
    texts: PretrainingTexts,
    tokenizer: PreTrainedTokenizerBase,
    masking: WordMasking,
    *,
    batch_size: int,
    max_tokens: int,
    seed: int,
) -> Iterator[MaskedBatch]:
    """Batches without end, pass after pass: pieces of like length together, masked anew each time.

    Each pool of pieces is shuffled by itself, so that a stream need not be known to its end.
    """
    order = torch.Generator().manual_seed(seed)
    hidden = torch.Generator().manual_seed(seed + 1)
    while True:
        pieces = cut_pieces(texts.train(), tokenizer, max_tokens)
        while pool := list(islice(pieces, _POOL)):
            for places in bucket([len(piece) for piece in pool], batch_size, order):
                rows = [pool[i] for i in places]
                yield masking(rows, rounded_width(max(map(len, rows)), max_tokens), hidden)
