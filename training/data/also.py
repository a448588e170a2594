"""Labelled texts that are learned beside the data, and that nothing is measured on.

A person writes behind `--also` what `--data` takes. Of each its train part is taken, without what
is equal in `normal_form` to a text of the data: what decides there, or is measured, is not learned.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from training.data.corpus import Corpus, Example, columns_of, load_corpus, placed
from training.data.splits import fingerprint, normal_form
from training.file_names import public_name
from training.model.config import ONE_LABEL, SEVERAL_LABELS
from training.readers.packaged import SOURCES
from training.readers.rows import Reading


@dataclass(frozen=True, kw_only=True, slots=True)
class Also:
    """Texts of several sources, with the labels of the data."""

    sources: tuple[str, ...]
    texts: tuple[Example, ...]
    licences: tuple[str, ...]
    held_back: int
    """Texts that the data has, or nearly."""

    def record(self) -> dict[str, Any]:
        """What `training.json` says of it."""
        rows = {"train": [(one.text, one.text_pair, one.label) for one in self.texts]}
        return {
            "sources": list(map(public_name, self.sources)),
            "texts": len(self.texts),
            "held_back": self.held_back,
            "texts_fingerprint": fingerprint({**rows, "validation": [], "test": []}),
        }


def load_also(sources: Sequence[str], corpus: Corpus) -> Also:
    """The train parts of all sources, less what the corpus has.

    Raises FileNotFoundError, ValueError: as `load_corpus`, or labels are not those of the corpus.
    """
    known = {_form(one) for part in corpus.parts.values() for one in part}
    texts: list[Example] = []
    held_back = 0
    licences: dict[str, None] = {}
    for source in sources:
        other = _as_several(_load(source, corpus.reading), corpus)
        licences[other.licence] = None
        columns = columns_of(source, other, corpus)
        for example in other.train:
            held_back += _form(example) in known
            if _form(example) not in known:
                known.add(_form(example))
                texts.append(
                    Example(example.text, placed(example.label, columns), example.text_pair)
                )
    return Also(
        sources=tuple(sources),
        texts=tuple(texts),
        licences=tuple(licences),
        held_back=held_back,
    )


def _load(source: str, reading: Reading) -> Corpus:
    """Read as the data is; its columns may be called as those of the data, or as we call them."""
    if source in SOURCES or not reading.columns:
        return load_corpus(source, None if source in SOURCES else reading)
    try:
        return load_corpus(source, reading)
    except ValueError:
        with suppress(ValueError):
            return load_corpus(source, replace(reading, columns={}))
        raise


def _as_several(other: Corpus, corpus: Corpus) -> Corpus:
    """Where several labels may hold, texts that happen to have one each have it alone."""
    if (other.problem_type, corpus.problem_type) != (ONE_LABEL, SEVERAL_LABELS):
        return other
    places = range(len(other.labels))
    train = (replace(e, label=tuple(float(p == e.label) for p in places)) for e in other.train)
    return replace(other, problem_type=SEVERAL_LABELS, train=tuple(train))


def _form(example: Example) -> tuple[str, str]:
    return normal_form(example.text), normal_form(example.text_pair or "")
