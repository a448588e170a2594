"""Texts without labels, for a teacher to answer: nothing of them is in a validation or test part.

A person writes behind `--unlabelled` one of the words for the packaged reviews, a file of texts, a
folder in the format of `datasets`, or a dataset's name on the Hub. Of what has parts, the train
part is taken. Left out is what is equal in `normal_form` to a text of a validation or test part, or
to a sentence of one: of the labelled corpus, and of the packaged reviews, which the model may be
judged by later, where it learns from any of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.data.batches import NO_LABEL
from training.data.corpus import Corpus, Example, load_corpus
from training.data.hybrid_texts import split_sentences
from training.data.splits import fingerprint, normal_form
from training.file_names import SUFFIXES
from training.readers.packaged import SOURCES
from training.readers.rows import TEXT, Role
from training.readers.table_file import licence_of, read_lines, read_rows, text_problem
from training.recipes import HybridRecipe

SENTENCES, REVIEWS, NOTHING = UNLABELLED = ("sentences", "reviews", "none")
"""The packaged reviews cut into sentences; the long ones whole; no texts but the labelled ones."""
_LONG, _LINES = "imdb", ".txt"
_ROLES = (Role("text", TEXT.others, named=False),)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unlabelled:
    """Texts of several sources, each once."""

    sources: tuple[str, ...]
    texts: tuple[Example, ...]
    licences: tuple[str, ...]
    held_back: int
    """Texts that a validation or test part has, or nearly."""
    fingerprint: str


def load_unlabelled(sources: Sequence[str] | None, corpus: Corpus) -> Unlabelled:
    """All texts of the sources that are not in the corpus; raises what readers of texts do.

    None: the packaged reviews' sentences for a packaged corpus, else nothing.
    """
    sources = sources or [SENTENCES if corpus.source in SOURCES else NOTHING]
    wanted = [source for source in sources if source != NOTHING]
    are_asked = corpus.source in SOURCES or {SENTENCES, REVIEWS} & {*wanted}
    packaged = {name: load_corpus(name) for name in SOURCES} if wanted and are_asked else {}
    held = set(map(normal_form, texts_held_out([corpus, *packaged.values()])))
    seen = {normal_form(one.text) for one in corpus.train if one.text_pair is None}
    texts: list[Example] = []
    held_back = 0
    licences: dict[str, None] = {}
    for source in wanted:
        found, licence = read_source(source, packaged)
        licences |= dict.fromkeys(licence)
        for text in found:
            form = normal_form(text)
            held_back += form in held
            if form not in held and form not in seen:
                seen.add(form)
                texts.append(Example(text, NO_LABEL))
    rows = {"train": [(one.text,) for one in texts], "validation": [], "test": []}
    return Unlabelled(
        sources=tuple(wanted),
        texts=tuple(texts),
        licences=tuple(licences),
        held_back=held_back,
        fingerprint=fingerprint(rows),
    )


def texts_held_out(corpora: Iterable[Corpus]) -> Iterator[str]:
    """All texts of their validation and test parts, and the sentences of these."""
    for corpus in corpora:
        for example in (*corpus.validation, *corpus.test):
            for text in filter(None, (example.text, example.text_pair)):
                yield text
                yield from split_sentences(text)
                yield from split_sentences(text, before_small=True)  # one too many does no harm


def read_source(source: str, packaged: Mapping[str, Corpus]) -> tuple[Iterable[str], Sequence[str]]:
    """The texts of a word of `UNLABELLED`, a file or a dataset, and their licences."""
    if source == SENTENCES:
        return _sentences(packaged.values()), [corpus.licence for corpus in packaged.values()]
    if source == REVIEWS:
        return [example.text for example in packaged[_LONG].train], [packaged[_LONG].licence]
    path = Path(source)
    if path.suffix.lower() == _LINES:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is no file; expected texts, one a line")
        return list(filter(None, map(str.strip, read_lines(path)))), [licence_of(path)]
    if path.suffix.lower() in SUFFIXES:
        of = "texts without labels"
        rows, _ = read_rows(path, _example, roles=_ROLES, given={}, of=of)
        return [row.text for row in rows], [licence_of(path)]
    from training.readers.hub_dataset import read_parts  # `datasets` takes seconds to import

    dataset = read_parts(source, _example, roles=_ROLES, given={})
    rows = dataset.parts.get("all") or dataset.parts["train"]
    return [row.text for row in rows], [dataset.licence]


def _sentences(packaged: Iterable[Corpus]) -> Iterator[str]:
    """As a hybrid learns them."""
    size = HybridRecipe()
    for corpus in packaged:
        for example in corpus.train:
            for sentence in split_sentences(example.text):
                if size.shortest <= len(sentence.split()) <= size.longest:
                    yield sentence


def _example(values: Mapping[str, Any]) -> Example | str:
    """A checked text, or the sentence that says what is wrong with it."""
    text = values.get("text")
    return text_problem("text", text) or Example(str(text).strip(), NO_LABEL)
