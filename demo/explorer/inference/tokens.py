"""Tokens and the words that they make up, as a vocabulary writes them and as people read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from tokenizers import Tokenizer

WORD_STARTS = ("Ġ", "▁")
"""What byte-level BPE and SentencePiece write for a space in front of a word."""

SPACES = str.maketrans({" ": "␣", "\n": "⏎", "\t": "⇥"})  # a token of nothing else can be seen


@dataclass(frozen=True, slots=True)
class SubwordNotation:
    """Byte-level BPE writes a letter for each byte, SentencePiece `▁` for a space; WordPiece marks
    the pieces inside a word instead, with `##`."""

    byte_level: bool
    marks_starts: bool
    """The pieces say where a word starts, and not where it goes on."""

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "SubwordNotation":
        """That of a tokenizer of the tokenizers library."""
        parts = f"{tokenizer.pre_tokenizer} {tokenizer.decoder}"
        byte_level = "ByteLevel" in parts
        # Metaspace writes the mark for a space, or a normalizer that a decoder undoes, as Gemma's.
        return cls(byte_level, marks_starts=byte_level or WORD_STARTS[1] in parts)

    def readable(self, piece: str) -> str:
        """`␣film` for `Ġfilm` and `▁film`; the bytes, such as `⟨f0 9f⟩`, of what cannot be seen: a
        part of a character, or a control character."""
        if not self.byte_level:
            return piece.replace("▁", "␣") if self.marks_starts else piece
        letters = _byte_letters()
        if not letters.keys() >= set(piece):
            return piece
        found = bytes(letters[letter] for letter in piece)
        try:
            text = found.decode().translate(SPACES)
        except UnicodeDecodeError:
            text = ""
        return text if text and text.isprintable() else f"⟨{found.hex(' ')}⟩"

    def is_space(self, piece: str) -> bool:
        """Whether a piece stands for nothing but the space in front of a word."""
        return self.marks_starts and not piece.strip("".join(WORD_STARTS))

    def starts_word(self, piece: str) -> bool:
        """Whether a piece says that a word starts with it."""
        return self.marks_starts and piece.startswith(WORD_STARTS)


def is_visible(text: str) -> bool:
    """Whether any of the characters can be seen: joiners and the like alone cannot."""
    return any(c.isprintable() and not "\ufe00" <= c <= "\ufe0f" for c in text)


@cache
def _byte_letters() -> dict[str, int]:
    """The letter that stands for each byte: itself where it is printable in Latin-1, else one of
    those from U+0100 on, in turn (`bytes_to_unicode` of GPT-2)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    return letters | {chr(0x100 + place): byte for place, byte in enumerate(others)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One token, with the reader's own characters that it stands for."""

    piece: str
    """Its entry in the vocabulary, such as `##able`, `[UNK]` or `[CLS]`."""
    text: str
    """The characters of the reader's text that it covers; empty for a special token, for a space in
    front of a word, and for the second and later parts of one character."""
    special: bool
    """Put there by the tokenizer: [CLS], [SEP]."""
    continues: bool
    """True for the second and later pieces of a word."""
    segment: int
    """0 in text A, 1 in text B."""
    readable: str = ""
    """Its piece for people, where that is written otherwise: `␣film` for `Ġfilm`."""

    @property
    def entry(self) -> str:
        """Its entry in the vocabulary, as people can read it."""
        return self.readable or self.piece

    @property
    def name(self) -> str:
        """The reader's characters; its entry, if it has none that can be seen."""
        return self.text if is_visible(self.text) else self.entry.removeprefix("##") or self.entry

    @property
    def label(self) -> str:
        """The name on axes and in lists, which says whether it goes on with a word."""
        return f"##{self.name}" if self.continues else self.name


class Word(NamedTuple):
    """A word as it was typed, or a special token by itself."""

    places: tuple[int, ...]
    """Its tokens, by their places from 0, in order."""
    text: str
    """The reader's characters; a special token's piece, and what stands for a lone space."""
    special: bool
    segment: int


def group_words(tokens: Sequence[Token]) -> list[Word]:
    """The words of a text in reading order: a token, and those after it that continue it."""
    groups: list[list[int]] = []
    for place, token in enumerate(tokens):
        if token.continues and groups:
            groups[-1].append(place)
        else:
            groups.append([place])
    return [_word(tokens, places) for places in groups]


def own_words(tokens: Sequence[Token]) -> list[Word]:
    """The words of a text, or of both texts of a pair, without special tokens."""
    return [word for word in group_words(tokens) if not word.special]


def placed_words(
    tokens: Sequence[Token], texts: tuple[str, str]
) -> list[tuple[Word, tuple[int, int]]]:
    """The own words of a text, or of both texts of a pair, each with where it stands in its text:
    from which character up to which. One that is not there is left out."""
    found, at = [], [0, 0]
    for word in own_words(tokens):
        start = texts[word.segment].find(word.text, at[word.segment])
        if start >= 0:
            at[word.segment] = start + len(word.text)
            found.append((word, (start, at[word.segment])))
    return found


def _word(tokens: Sequence[Token], places: list[int]) -> Word:
    first = tokens[places[0]]
    text = "".join(tokens[place].text for place in places)
    return Word(tuple(places), text or first.name, first.special, first.segment)
