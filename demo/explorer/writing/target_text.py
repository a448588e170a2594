"""From the ids that a decoder wrote to text for people, and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tokenizers import Tokenizer

from explorer.inference.tokens import SPACES, WORD_STARTS, SubwordNotation, Token, group_words
from explorer.inference.word_bounds import apart, joined
from explorer.tokenizer_file import open_tokenizer


def special_ids(tokenizer: Tokenizer) -> set[int]:
    """The ids that a tokenizer calls special."""
    added = tokenizer.get_added_tokens_decoder()
    return {index for index, token in added.items() if token.special}


class _Known(NamedTuple):
    """What an id stands for, whatever comes before it."""

    piece: str
    text: str
    """The characters that it writes; the bytes, such as `⟨f0 9f⟩`, of what cannot be seen: a part
    of a character, or a control character."""
    starts: bool
    """It is the first piece of a word, for certain."""
    readable: str
    """The piece for people."""


class Spelled(NamedTuple):
    """A word as a tokenizer would write it, and where it stands in the text that it is from."""

    text: str
    start: int
    end: int


class TargetTokens:
    """The decoder's own tokenizer: one that marks the pieces inside a word (WordPiece), or one
    that marks where a word starts (byte-level BPE, SentencePiece)."""

    def __init__(self, tokenizer_file: Path, outside: Sequence[int], *, own: bool = False) -> None:
        """Raises BundleError: the file is no tokenizer.

        Args:
            outside: ids that are no part of the text: the start and the end token.
            own: all that the tokenizer itself calls special is no part of it either.
        """
        self._tokenizer = open_tokenizer(tokenizer_file)
        if own:
            outside = (*outside, *special_ids(self._tokenizer))
        self._prefix = getattr(self._tokenizer.model, "continuing_subword_prefix", None) or ""
        self._notation = SubwordNotation.of(self._tokenizer)
        self._writes_words = not self._prefix and self._tokenizer.decoder is None
        """Whether each piece is a word: the library puts spaces between such."""
        self._outside = frozenset(outside)
        self._known: dict[int, _Known] = {}

    @property
    def size(self) -> int:
        """How many ids it knows, from 0 on."""
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1

    def tokens(self, ids: Sequence[int]) -> tuple[Token, ...]:
        """A token for each id of a text."""
        tokens: list[Token] = []
        for index in ids:
            tokens.append(self.token(index, tokens[-1] if tokens else None))
        return tuple(tokens)

    def token(self, index: int, before: Token | None = None) -> Token:
        """The token of one id that follows another; None before the first."""
        if index not in self._known:
            self._known[index] = self._look_up(index)
        piece, text, starts, readable = self._known[index]
        special = index in self._outside
        return Token(
            piece=piece,
            text="" if special else text,
            special=special,
            continues=not special and not starts and self._joins(text, before),
            segment=0,
            readable=readable,
        )

    def text(self, ids: Sequence[int], after: Sequence[int] = ()) -> str:
        """The written text, pieces joined to words.

        Args:
            after: what it goes on from: a space between the two is the written text's.
        """
        before, whole = self._decoded(after), self._decoded([*after, *ids])
        return whole[len(before) :] if whole.startswith(before) else self._decoded(ids)

    def _decoded(self, ids: Sequence[int]) -> str:
        inside = [index for index in ids if index not in self._outside]
        return self._tokenizer.decode(inside, skip_special_tokens=False) if inside else ""

    def ids(self, text: str) -> list[int]:
        """The ids of a text, without a start or an end."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def spelled(self, text: str) -> list[Spelled]:
        """The words of a text as they would be written, and where they stand in it."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        words = []
        for word in group_words(self.tokens(encoding.ids)):
            spans = [encoding.offsets[place] for place in word.places]
            words.append(Spelled(word.text, min(spans)[0], max(end for _, end in spans)))
        return words

    def _joins(self, text: str, before: Token | None) -> bool:
        """Whether a piece that starts no word for certain goes on with the word before it."""
        if before is None:
            return bool(self._prefix)
        neighbours = before.text[-1:], text[:1]
        return not apart(*neighbours) if self._prefix else joined(*neighbours)

    def _look_up(self, index: int) -> _Known:
        # A graph may score more ids than its tokenizer has pieces for.
        piece = self._tokenizer.id_to_token(index) or f"[{index}]"
        readable = self._notation.readable(piece)
        if self._prefix:
            text = piece.removeprefix(self._prefix)
            return _Known(piece, text or piece, not piece.startswith(self._prefix), readable)
        text = self._tokenizer.decode([index], skip_special_tokens=False)
        text = text.strip() or text.translate(SPACES) or piece
        if "\ufffd" in text or not text.isprintable():
            text = readable
        starts = self._writes_words or piece.startswith(WORD_STARTS)
        return _Known(piece, text, starts, readable)
