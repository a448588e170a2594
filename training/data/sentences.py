"""Sentences to restore: a labelled corpus's texts, cut into sentences and into plain words.

A sentence stands in the part of the text that it comes from, so the classifier's test part stays
unseen here too; a sentence that stands in several parts is kept in the last of them alone.
What the tokenizer makes of words is counted here as well: how many, and which it does not know.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tokenizers import Encoding
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
    if len(texts) > _MOST:
        texts = Random(0).sample(texts, _MOST)
    words = unknown = 0
    commonest: Counter[str] = Counter()
    for text, found in _encoded(texts, tokenizer):
        words += len(set(found.word_ids) - {None})
        places = [at for at, token in enumerate(found.ids) if token == tokenizer.unk_token_id]
        unknown += len({found.word_ids[at] for at in places})
        commonest.update(text[slice(*found.offsets[at])].strip() for at in places)
    return UnknownWords(
        words=words, unknown=unknown, commonest=tuple(commonest.most_common(_COMMONEST))
    )


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
