"""Tokens of a text that a reader typed, each with the characters that it stands for.

`target_tokens.py` is its counterpart for what a decoder writes.
"""

import unicodedata
from typing import NamedTuple

from tokenizers import Encoding, Tokenizer

from explorer.pieces import Spelling
from explorer.reading import Token

_JOINER = "\u200d"
_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")
# Scripts without spaces between words: Thai and Lao, Burmese, Khmer, Chinese and Japanese. There
# each piece is a word of its own.
_UNSPACED = (
    ("\u0e00", "\u0eff"),
    ("\u1000", "\u109f"),
    ("\u1780", "\u17ff"),
    ("\u2e80", "\u9fff"),
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0003ffff"),
)


class _Piece(NamedTuple):
    """One entry of an encoding."""

    piece: str
    sequence: int
    word: int | None
    start: int
    end: int


class SourceTokens:
    """Turns what the tokenizers library says of a text into tokens for people."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._spelling = Spelling.of(tokenizer)

    def tokens(self, encoding: Encoding, texts: tuple[str, str]) -> tuple[Token, ...]:
        """The tokens of a text, or of a pair."""
        tokens: list[Token] = []
        owned = [0, 0]  # up to where each text belongs to a token already
        sequence, before = 0, None
        spans = zip(encoding.sequence_ids, encoding.offsets, strict=True)
        starts = {(found, start) for found, (start, _) in spans}
        for index, token_id in enumerate(encoding.ids):
            # Not encoding.tokens: SentencePiece has the reader's characters there for <unk>.
            name = self._tokenizer.id_to_token(token_id) or ""
            found = encoding.sequence_ids[index]
            sequence = sequence if found is None else found
            special = bool(encoding.special_tokens_mask[index])
            one = _Piece(name, sequence, encoding.word_ids[index], *encoding.offsets[index])
            text, continues = "", False
            if not special:
                continues = self._continues(one, before, owned[sequence], texts[sequence])
            if not special and not self._spelling.is_space(name):
                end = _with_marks(texts[sequence], one, starts)
                text = texts[sequence][max(one.start, owned[sequence]) : end].strip()
                owned[sequence] = max(end, owned[sequence])
            tokens.append(
                Token(
                    piece=name,
                    text=text,
                    special=special,
                    continues=continues,
                    segment=sequence,
                    readable=self._spelling.readable(name),
                )
            )
            before = None if special else one
        return tuple(tokens)

    def _continues(self, one: _Piece, before: _Piece | None, owned: int, text: str) -> bool:
        """Whether a piece goes on with the word of the piece before it."""
        if before is None or one.sequence != before.sequence:
            return False
        if not self._spelling.marks_starts:
            return one.word == before.word
        if self._spelling.starts_word(one.piece):
            return False
        # Not by the tokenizer's words: one that cuts at spaces has punctuation, and all of a
        # Chinese sentence, in one; byte-level ones cut accents off, and the vowels of Hindi.
        shares_character = one.start < owned
        return (
            shares_character
            or self._spelling.is_space(before.piece)
            or _joined(text[one.start - 1 : one.start], text[one.start : one.start + 1])
        )


def _with_marks(text: str, one: _Piece, starts: set[tuple[int | None, int]]) -> int:
    """Where a piece ends, with the accents that were written as characters of their own: they
    belong to the letter before them, though the tokenizer dropped them."""
    end = one.end
    while _is_mark(text[end : end + 1]) and (one.sequence, end) not in starts:
        end += 1
    return end


def _joined(before: str, after: str) -> bool:
    """Whether two neighbouring characters are parts of one word, or of one emoji."""
    parts_of_emoji = _JOINER in (before, after) or _SKIN_TONES[0] <= after <= _SKIN_TONES[1]
    return _is_mark(after) or parts_of_emoji or (_in_word(before) and _in_word(after))


def _in_word(character: str) -> bool:
    unspaced = any(first <= character <= last for first, last in _UNSPACED)
    return not unspaced and (character.isalnum() or _is_mark(character))


def _is_mark(character: str) -> bool:
    return bool(character) and unicodedata.category(character)[0] == "M"
