"""A corpus: labelled texts, cleaned and split into train, validation and test.

`load_corpus` takes what a person writes behind `--data`: the name of packaged reviews, a CSV or
JSON file, a folder in the format of `datasets`, or a dataset's name on the Hub. What a person
should know of their labels and words before hours go into them is told.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from tokenizers import Encoding
from transformers import PreTrainedTokenizerBase

from training.cli import listed, quoted
from training.data.splits import (
    PARTS,
    Cleaned,
    Parts,
    Removed,
    fingerprint,
    remove_duplicates,
    row_form,
    split,
)
from training.file_names import SUFFIXES
from training.model.config import NUMBER, ONE_LABEL, ClassifierConfig
from training.readers.answers import settle_kind
from training.readers.packaged import SOURCES, read_reviews
from training.readers.rows import (
    LABELLED,
    SCORE,
    Answer,
    RawTexts,
    Reading,
    Row,
    column_flags,
)
from training.readers.table_file import make_row, read_table

DEFAULT = "rotten-tomatoes"
_SWAPPED = "--text-column and --label-column say which is which, if they were taken for each other"


@dataclass(frozen=True, slots=True)
class Example:
    """One text, or a pair of texts, with the number of its label.

    Where several labels may hold at once, with 1 or 0 for each of them; or with the one number that
    is to be given.
    """

    text: str
    label: int | tuple[float, ...]
    text_pair: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus(Parts[Example]):
    """Labelled texts in three parts."""

    name: str
    source: str
    """What `load_corpus` was given."""
    title: str
    licence: str
    labels: tuple[str, ...]
    problem_type: str = ONE_LABEL
    """What is asked of a text, by Hugging Face's word."""
    removed: Removed
    examples: tuple[dict[str, str], ...]
    """Texts for a page to offer, of the packaged reviews alone: rows of other data are not ours to
    make public. `{"text": ...}`, with `"text_pair"` where there are pairs."""


def load_corpus(data: str = DEFAULT, reading: Reading | None = None) -> Corpus:
    """Reads, cleans and splits labelled texts; the same arguments give the same corpus anywhere.

    Args:
        reading: how they are to be read; None: as they come.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: rows are bad, or too few to train on.
    """
    reading = reading or Reading()
    raw = _read(data, reading)
    problem, given = settle_kind(raw.parts)
    notes: tuple[str, ...] = ()
    if problem == ONE_LABEL:
        given, notes = settle_labels(given, own_names=raw.labels is not None)
    if reading.keep_duplicates:
        cleaned = Cleaned(given, Removed(), (), ())
    else:
        cleaned = remove_duplicates(given)
    rows = split(cleaned.parts, row_form)
    answers = [row.label for part in rows.values() for row in part]
    labels = (SCORE.name,) if problem == NUMBER else raw.labels or _in_order(_names(answers))
    _check(data, labels, problem, rows, cleaned.removed)
    parts = {
        part: tuple(Example(r.text, _target(r.label, labels), r.text_pair) for r in rows[part])
        for part in PARTS
    }
    return Corpus(
        name=raw.name,
        source=data,
        title=raw.title,
        licence=raw.licence,
        labels=labels,
        problem_type=problem,
        **parts,
        fingerprint=fingerprint(
            {part: [(r.text, r.text_pair, r.label) for r in rows[part]] for part in PARTS}
        ),
        removed=cleaned.removed,
        reading=reading,
        notes=(*raw.notes, *notes, *_removals(cleaned)),
        examples=raw.examples,
    )


def _read(data: str, reading: Reading) -> RawTexts[Row]:
    if data in SOURCES:
        if reading.columns:
            raise ValueError(
                f"{data} is packaged, and its columns are known; {column_flags(reading.columns)} "
                "names those of a file or a dataset. Give it with --data"
            )
        return read_reviews(data)
    if Path(data).suffix.lower() in SUFFIXES:
        return read_table(Path(data), reading.columns)
    from training.readers.hub_dataset import read_parts  # `datasets` takes seconds to import

    return read_parts(data, make_row, roles=LABELLED, given=reading.columns)


def _removals(cleaned: Cleaned) -> Iterator[str]:
    """Some of what was removed, so that a person sees whether it was right."""
    for row, other in cleaned.near_duplicates:
        yield f"removed {_shown(row)}, a near-duplicate of {_shown(other)}"
    for row in cleaned.conflicting:
        yield f"removed {_shown(row)}, which has several labels, {quoted(row.label)} here"


def _shown(row: Row) -> str:
    both = row.text if row.text_pair is None else f"{row.text} | {row.text_pair}"
    return quoted(" ".join(both.split()))


def _names(answers: Iterable[Answer]) -> set[str]:
    return {name for a in answers for name in (a if isinstance(a, tuple) else (str(a),))}


def _target(answer: Answer, labels: tuple[str, ...]) -> int | tuple[float, ...]:
    """See `Example`."""
    if isinstance(answer, tuple):
        return tuple(float(label in answer) for label in labels)
    return (answer,) if isinstance(answer, float) else labels.index(answer)


def _in_order(names: set[str]) -> tuple[str, ...]:
    """Numbers by their size, words by the alphabet."""
    if all(re.fullmatch(r"-?\d{1,99}", name) for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))  # "1" and "01" are two
    return tuple(sorted(names))


def _check(
    data: str,
    labels: tuple[str, ...],
    problem: str,
    rows: Mapping[str, Sequence[Row]],
    removed: Removed,
) -> None:
    sizes = ", ".join(f"{len(rows[part])} {part}" for part in PARTS)
    if not any(rows.values()):
        raise ValueError(
            f"nothing is left of {data}: {removed.conflicting:,} rows have a text that is there "
            "with several labels; give each text one label, or keep all with --keep-duplicates "
            f"({_SWAPPED})"
        )
    if len(labels) < 2 and problem == ONE_LABEL:
        raise ValueError(
            f"{data} has only the label {quoted(labels[0])}; expected two or more labels"
        )
    if empty := [part for part in PARTS if not rows[part]]:
        raise ValueError(
            f"{data} leaves no texts for {' and '.join(empty)} ({sizes}); give more texts, "
            "100 or more for each label"
        )
    trained = _names(row.label for row in rows["train"])
    if len(trained) < 2 and problem == NUMBER:
        raise ValueError(f"{data} has only the score {', '.join(trained)}; expected several")
    if problem != NUMBER and (unseen := [label for label in labels if label not in trained]):
        many = 2 * len(labels) > sum(map(len, rows.values()))
        raise ValueError(
            f"{len(unseen)} of {len(labels)} labels of {data} have no text in the train part "
            f"({sizes}): {listed([quoted(label) for label in unseen])}; give more texts of each, "
            f"or merge rare labels{f' ({_SWAPPED})' if many else ''}"
        )


def columns_of(given: str, other: ClassifierConfig | Corpus, corpus: Corpus) -> list[int]:
    """Where the corpus's labels stand among those of a classifier, or of other texts, that a person
    called `given`.

    Raises ValueError: it is asked something else than the corpus.
    """
    problem, labels = other.problem_type, other.labels
    if problem == corpus.problem_type == NUMBER and len(labels) == 1:
        return [0]
    if problem != corpus.problem_type or sorted(labels) != sorted(corpus.labels):
        raise ValueError(
            f"{given} has {problem.replace('_', ' ')} with the labels "
            f"{listed([quoted(name) for name in labels])}; expected what {corpus.name} has: "
            f"{corpus.problem_type.replace('_', ' ')} with the labels "
            f"{listed([quoted(name) for name in corpus.labels])}. Give one with the same labels, "
            "or write the same names"
        )
    return [labels.index(label) for label in corpus.labels]


def placed(label: int | tuple[float, ...], columns: Sequence[int]) -> int | tuple[float, ...]:
    """A text's label where the labels stand in another order: each in these columns of its own."""
    if isinstance(label, int):
        return columns.index(label)
    return tuple(label[column] for column in columns)


def renumbered(corpus: Corpus, labels: tuple[str, ...]) -> Corpus:
    """The same texts, with the same labels in another order."""
    columns = [corpus.labels.index(label) for label in labels]
    train, validation, test = (
        tuple(replace(one, label=placed(one.label, columns)) for one in corpus.parts[part])
        for part in PARTS
    )
    return replace(corpus, labels=labels, train=train, validation=validation, test=test)


_MISSING = frozenset({"nan", "na", "n/a", "none", "null", "nil", "-", "?"})
_LISTED = 5


def settle_labels(
    parts: dict[str, list[Row]], *, own_names: bool
) -> tuple[dict[str, list[Row]], tuple[str, ...]]:
    """The same rows, their labels without white space around them; and what is odd, in words.

    Nothing else is changed: labels that are nearly the same stay several, and `nan` is a name.
    Labels that are names which their source lists (`own_names`) need no remark.
    """
    labels = [str(row.label) for part in parts.values() for row in part]
    spaced = sum(label != label.strip() for label in labels)
    counts = Counter(map(str.strip, labels))
    settled = {
        part: [replace(row, label=str(row.label).strip()) for row in rows]
        for part, rows in parts.items()
    }
    notes = [f"{spaced:,} labels have white space around them, which does not count"]
    notes = notes if spaced else []
    if not own_names:
        notes += _nearly_the_same(counts)
        notes += _missing(counts)
    return settled, tuple(notes)


def _nearly_the_same(counts: Counter[str]) -> Iterable[str]:
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for label in counts:
        alike[_plain(label)].append(label)
    groups = [labels for labels in alike.values() if len(labels) > 1]
    for labels in groups[:_LISTED]:
        named = [f"{quoted(label)} ({counts[label]:,} texts)" for label in labels[:_LISTED]]
        if len(labels) > _LISTED:
            named.append(f"{len(labels) - _LISTED:,} more")
        yield (
            f"{' and '.join(named)} are nearly the same, and are taken for {len(labels)} labels; "
            "if they are one, write them alike"
        )
    if len(groups) > _LISTED:
        yield f"so are {len(groups) - _LISTED} more groups of labels"


def _missing(counts: Counter[str]) -> Iterable[str]:
    for label in counts:
        if label.casefold() in _MISSING:
            yield (
                f"{quoted(label)} ({counts[label]:,} texts) is taken for a label's name; if it "
                "stands for a missing one, leave those rows out"
            )


def _plain(label: str) -> str:
    """What labels have in common that differ only in case, spaces, hyphens, or as numbers do."""
    try:
        number = float(label.replace("_", " "))
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return repr(number)
    folded = unicodedata.normalize("NFKC", label).casefold()
    unseen = ("Z", "C", "Pd", "Pc")
    return "".join(c for c in folded if not unicodedata.category(c).startswith(unseen)) or label


_MOST = 20_000  # texts; shares of more come out alike
_AT_ONCE = 1000
_COMMONEST = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownWords:
    """Words that a tokenizer gives its unknown token for: to the model they are all one."""

    words: int
    """All that were counted, as the tokenizer parts them before it cuts them into pieces."""
    unknown: int
    """Those with an unknown piece; none for a tokenizer that falls back to bytes."""
    commonest: tuple[tuple[str, int], ...]
    """What was unknown in them, and how often."""

    @property
    def share(self) -> float:
        """Of all words, from 0 to 1."""
        return self.unknown / max(self.words, 1)


def unknown_words(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> UnknownWords:
    """Counts the unknown words of some texts; of very many texts, of a part that chance chose."""
    words = unknown = 0
    commonest: Counter[str] = Counter()
    for text, found in _encoded(_some(texts), tokenizer):
        words += len(set(found.word_ids) - {None})
        places = _unknown_places(found, tokenizer)
        unknown += len({found.word_ids[at] for at in places})
        commonest.update(text[slice(*found.offsets[at])].strip() for at in places)
    return UnknownWords(
        words=words, unknown=unknown, commonest=tuple(commonest.most_common(_COMMONEST))
    )


def unknown_texts(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Counter[str]:
    """What is unknown in the texts, as it stands there, and how often."""
    return Counter(
        text[slice(*found.offsets[at])].strip()
        for text, found in _encoded(texts, tokenizer)
        for at in _unknown_places(found, tokenizer)
    )


def _some(texts: Sequence[str]) -> Sequence[str]:
    return texts if len(texts) <= _MOST else Random(0).sample(texts, _MOST)


def _unknown_places(found: Encoding, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    return [at for at, token in enumerate(found.ids) if token == tokenizer.unk_token_id]


def most_words(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, max_tokens: int) -> int:
    """Words of the longest text, as far as it is read: up to `max_tokens`, the last one a mark."""
    return max(
        (
            len(set(found.word_ids[: max_tokens - 1]) - {None})
            for _, found in _encoded(texts, tokenizer, marks=True)
        ),
        default=0,
    )


def show_unknown(found: UnknownWords) -> str:
    """A line for the page that is printed before a training."""
    if not found.unknown:
        return "none of the words: this tokenizer reads every one"
    listed = ", ".join(f"{word} ({count:,})" for word, count in found.commonest)
    return (
        f"{100 * found.share:.3g} % of the words of the train part, which all read alike to this "
        f"model: {listed}"
    )


def _encoded(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, marks: bool = False
) -> Iterator[tuple[str, Encoding]]:
    for start in range(0, len(texts), _AT_ONCE):
        some = list(texts[start : start + _AT_ONCE])
        found = tokenizer.backend_tokenizer.encode_batch(some, add_special_tokens=marks)
        yield from zip(some, found, strict=True)
