"""How a tokenizer writes the entries of its vocabulary, and how they are shown to people."""

from dataclasses import dataclass

from tokenizers import Tokenizer

WORD_STARTS = ("Ġ", "▁")
"""What byte-level BPE and SentencePiece write for a space in front of a word."""

SPACES = str.maketrans({" ": "␣", "\n": "⏎", "\t": "⇥"})  # a token of nothing else can be seen


@dataclass(frozen=True, slots=True)
class Spelling:
    """Byte-level BPE writes a letter for each byte, SentencePiece `▁` for a space; WordPiece marks
    the pieces inside a word instead, with `##`."""

    byte_level: bool
    marks_starts: bool
    """The pieces say where a word starts, and not where it goes on."""

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "Spelling":
        """That of a tokenizer of the tokenizers library."""
        parts = f"{tokenizer.pre_tokenizer} {tokenizer.decoder}"
        byte_level = "ByteLevel" in parts
        return cls(byte_level, marks_starts=byte_level or "Metaspace" in parts)

    def readable(self, piece: str) -> str:
        """`␣film` for `Ġfilm` and `▁film`; the bytes, such as `⟨f0 9f⟩`, of what cannot be seen: a
        part of a character, or a control character."""
        if not self.byte_level:
            return piece.replace("▁", "␣") if self.marks_starts else piece
        found = _bytes_of(piece)
        if found is None:
            return piece
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


def _bytes_of(piece: str) -> bytes | None:
    """The bytes behind a piece of byte-level BPE; None if it has none.

    Each byte is one letter there: itself where it is printable in Latin-1, else one of those from
    U+0100 on, in turn (`bytes_to_unicode` of GPT-2).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    letters |= {chr(0x100 + place): byte for place, byte in enumerate(others)}
    if not all(letter in letters for letter in piece):
        return None
    return bytes(letters[letter] for letter in piece)
