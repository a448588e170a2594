"""Labelled texts that are learned beside the data, and that nothing is measured on.

A person writes behind `--also` what `--data` takes. Of each its train part is taken, without what
is equal in `normal_form` to a text of the data: what decides there, or is measured, is not learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from training.cli import listed, quoted
from training.data.corpus import Corpus, Example, load_corpus
from training.data.splits import fingerprint, normal_form
from training.file_names import public_name
from training.model.config import NUMBER


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
        other = load_corpus(source)
        licences[other.licence] = None
        places = _places(source, other, corpus)
        for example in other.train:
            held_back += _form(example) in known
            if _form(example) not in known:
                known.add(_form(example))
                texts.append(Example(example.text, _placed(example, places), example.text_pair))
    return Also(
        sources=tuple(sources),
        texts=tuple(texts),
        licences=tuple(licences),
        held_back=held_back,
    )


def _form(example: Example) -> tuple[str, str]:
    return normal_form(example.text), normal_form(example.text_pair or "")


def _places(source: str, other: Corpus, corpus: Corpus) -> list[int]:
    """Where the other's labels stand among the corpus's."""
    same = set(other.labels) == set(corpus.labels) or corpus.problem_type == NUMBER
    if other.problem_type != corpus.problem_type or not same:
        here, there = (listed([quoted(name) for name in one.labels]) for one in (corpus, other))
        raise ValueError(
            f"{source} has {other.problem_type.replace('_', ' ')} with the labels {there}; "
            f"expected what {corpus.name} has: {corpus.problem_type.replace('_', ' ')} with "
            f"{here}. Give --also texts with the same labels, or write the same names"
        )
    return [
        0 if corpus.problem_type == NUMBER else corpus.labels.index(name) for name in other.labels
    ]


def _placed(example: Example, places: list[int]) -> int | tuple[float, ...]:
    if isinstance(example.label, int):
        return places[example.label]
    return tuple(value for _, value in sorted(zip(places, example.label, strict=True)))
