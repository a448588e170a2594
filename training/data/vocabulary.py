"""What a tokenizer makes of words: how many a text has, and which of them it does not know."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tokenizers import Encoding
from transformers import PreTrainedTokenizerBase

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
