"""Sentences to restore: a labelled corpus's texts, cut into sentences and into plain words.

A sentence stands in the part of the text that it comes from, so the classifier's test part stays
unseen here too; a sentence that stands in several parts is kept in the last of them alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from training.data.corpus import Corpus, load_corpus
from training.data.splits import PARTS, Parts, fingerprint, normal_form
from training.readers.packaged import SOURCES
from training.readers.rows import Reading

_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")
Sentence = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentences(Parts[Sentence]):
    """Sentences in three parts; each is its words as the tokenizer parts them."""

    data: tuple[str, ...]
    """What `load_corpus` was given."""
    licences: tuple[str, ...]


def split_sentences(text: str) -> list[str]:
    """Cuts a text after a mark that ends a sentence, where a capital or a digit follows."""
    return [sentence for sentence in (part.strip() for part in _END.split(text)) if sentence]


def to_words(text: str, tokenizer: PreTrainedTokenizerBase) -> Sentence:
    """The words that the tokenizer cuts into pieces: for BERT lower case, punctuation by itself.

    Joined by spaces they give the same token ids as the text.
    """
    backend = tokenizer.backend_tokenizer
    normal = backend.normalizer.normalize_str(text)
    return tuple(word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal))


def load_sentences(
    data: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    shortest: int,
    longest: int,
    reading: Reading | None = None,
) -> Sentences:
    """Every sentence of `shortest` to `longest` words of some corpora, each sentence once.

    Args:
        reading: how the corpora are to be read; the packaged ones are read as they are.

    Raises:
        FileNotFoundError, ValueError: as `load_corpus`; or a part has no such sentence.
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
