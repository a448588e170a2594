"""What a hybrid learns from: sentences to restore, or pairs of a source and its target.

Sentences are a labelled corpus's texts, cut and parted into plain words. Each stands in the part of
the text that it comes from, so the classifier's test part stays unseen here too; one that stands in
several parts is kept in the last of them alone. For pairs a person writes behind `--pairs` a CSV or
JSON file with the columns `source` and `target`, a folder in the format of `datasets`, or a
dataset's name on the Hub.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from transformers import PreTrainedTokenizerBase

from training.cli import counted
from training.data.corpus import Corpus, load_corpus
from training.data.splits import PARTS, Parts, fingerprint, normal_form, split
from training.file_names import SUFFIXES
from training.readers.packaged import SOURCES
from training.readers.rows import PAIRED, Reading
from training.readers.table_file import licence_of, read_rows, text_problem

# What follows a mark is looked at apart: which letters are capitals is no matter of a range.
_END = re.compile(r"(?<=[.!?…؟۔।])[\"')\]]*\s+(?=[\"'(\[]*([^\W_]))|(?<=[。！？])\s*(?=(\S))")
_PROBE = "It's well-made: two films (in 1), not bad!"
Sentence = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentences(Parts[Sentence]):
    """Sentences in three parts; each is its words as the tokenizer parts them."""

    data: tuple[str, ...]
    """What `load_corpus` was given."""
    licences: tuple[str, ...]


def split_sentences(text: str, *, before_small: bool = False) -> list[str]:
    """Cuts a text after a mark that ends a sentence, where no small letter follows.

    A capital follows, then, or a digit, or a letter of a script that has no capitals; with
    `before_small` any letter.
    """
    ends = [e for e in _END.finditer(text) if before_small or not (e[1] or e[2]).islower()]
    starts = [0, *(end.end() for end in ends)]
    stops = [*(end.start() for end in ends), len(text)]
    cut = (text[start:stop].strip() for start, stop in zip(starts, stops, strict=True))
    return [sentence for sentence in cut if sentence]


def to_words(text: str, tokenizer: PreTrainedTokenizerBase) -> Sentence:
    """The words that the tokenizer cuts into pieces: for BERT lower case, punctuation by itself.

    Joined by spaces they give the same token ids as the text.
    """
    backend = tokenizer.backend_tokenizer
    normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
    return tuple(word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal))


def check_words(tokenizer: PreTrainedTokenizerBase) -> None:
    """Raises ValueError: no sentences can be corrupted and restored word by word with it."""
    backend = tokenizer.backend_tokenizer
    joined = " ".join(to_words(_PROBE, tokenizer)) if backend.pre_tokenizer else ""
    ids, expected = (backend.encode(text).ids for text in (joined, _PROBE))
    if ids != expected or tokenizer.mask_token is None:
        raise ValueError(
            "the classifier's tokenizer does not part words by spaces and punctuation, as BERT's "
            "and MPNet's do, or has no mask token, so sentences cannot be corrupted and restored "
            "word by word; give pairs to learn instead, with --pairs, or a classifier of another "
            "family"
        )


def load_sentences(
    data: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    shortest: int,
    longest: int,
    reading: Reading | None = None,
) -> Sentences:
    """Every sentence of `shortest` to `longest` words of some corpora, each sentence once.

    Packaged corpora are read as they are, whatever the `reading`. Raises what `load_corpus` does,
    and ValueError: a part has no such sentence.
    """
    reading = reading or Reading()
    corpora = [load_corpus(name, None if name in SOURCES else reading) for name in data]
    seen: set[str] = set()
    parts: dict[str, tuple[Sentence, ...]] = {}
    for part in reversed(PARTS):
        found: list[Sentence] = []
        for sentence in _sentences(corpora, part):
            words = to_words(sentence, tokenizer)
            if shortest <= len(words) <= longest and (form := normal_form(sentence)) not in seen:
                seen.add(form)
                found.append(words)
        parts[part] = tuple(found)
        if not found:
            raise ValueError(
                f"the {part} part of {', '.join(data)} has no sentence of {shortest} to {longest} "
                "words; give other texts with --data"
            )
    return Sentences(
        data=tuple(data),
        licences=tuple(dict.fromkeys(corpus.licence for corpus in corpora)),
        **parts,
        reading=reading,
        notes=tuple(note for corpus in corpora for note in corpus.notes),
        fingerprint=fingerprint({part: [(words,) for words in parts[part]] for part in PARTS}),
    )


def _sentences(corpora: Sequence[Corpus], part: str) -> Iterator[str]:
    for corpus in corpora:
        for example in corpus.parts[part]:
            yield from split_sentences(example.text)
            if example.text_pair is not None:
                yield from split_sentences(example.text_pair)


class Pair(NamedTuple):
    """What is read, and what is to be written of it."""

    source: str
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PairCorpus(Parts[Pair]):
    """Pairs in three parts; a source stands in one part only."""

    name: str
    licence: str

    @property
    def data(self) -> tuple[str, ...]:
        """What `load_pairs` was given."""
        return (self.name,)


def load_pairs(name: str, reading: Reading | None = None) -> PairCorpus:
    """Reads and splits pairs; the same pair given twice counts once. As `load_corpus` otherwise."""
    reading = reading or Reading()
    given, notes, licence = _read(name, reading)
    distinct = {part: list(dict.fromkeys(pairs)) for part, pairs in given.items()}
    apart, removed = _apart(distinct)
    if removed:
        notes = (
            *notes,
            f"removed {counted(removed, 'pair')} whose source a later part has as well",
        )
    # By the source, so that all targets of one stay together.
    parts = split(apart, lambda pair: normal_form(pair.source))
    if empty := [part for part in PARTS if not parts[part]]:
        sizes = ", ".join(f"{len(parts[part])} {part}" for part in PARTS)
        raise ValueError(
            f"{name} leaves no pairs for {' and '.join(empty)} ({sizes}); give 100 pairs or more"
        )
    # Not `splits.fingerprint`: records hold this one.
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    return PairCorpus(
        name=name,
        licence=licence,
        fingerprint=digest,
        reading=reading,
        notes=notes,
        **parts,
    )


def _apart(given: Mapping[str, list[Pair]]) -> tuple[dict[str, list[Pair]], int]:
    """Each source in the last of the parts that have it, and how many pairs that leaves out."""
    last = {normal_form(pair.source): part for part in given for pair in given[part]}
    kept = {
        part: [pair for pair in pairs if last[normal_form(pair.source)] == part]
        for part, pairs in given.items()
    }
    return kept, sum(map(len, given.values())) - sum(map(len, kept.values()))


def _read(name: str, reading: Reading) -> tuple[dict[str, list[Pair]], tuple[str, ...], str]:
    """All pairs, what there is to know of them, and their licence."""
    path, columns = Path(name), reading.columns
    if path.suffix.lower() in SUFFIXES:
        of = "sources and targets"
        rows, notes = read_rows(path, make_pair, roles=PAIRED, given=columns, of=of)
        return {"all": rows}, notes, licence_of(path)
    from training.readers.hub_dataset import read_parts  # `datasets` takes seconds to import

    dataset = read_parts(name, make_pair, roles=PAIRED, given=columns)
    return dataset.parts, dataset.notes, dataset.licence


def make_pair(values: Mapping[str, Any]) -> Pair | str:
    """A checked pair, or the sentence that says what is wrong with it."""
    for role in PAIRED:
        if problem := text_problem(role.name, values.get(role.name)):
            return problem
    return Pair(values["source"].strip(), values["target"].strip())
