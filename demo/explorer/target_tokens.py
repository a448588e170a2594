"""Token ids that a decoder wrote, as tokens and as text for people."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tokenizers import Tokenizer

from explorer.reading import Token

_WORD_STARTS = ("Ġ", "▁")
_SPACES = str.maketrans({" ": "␣", "\n": "⏎", "\t": "⇥"})  # a token of nothing else can be seen


class _Known(NamedTuple):
    """What an id stands for, whatever comes before it."""

    piece: str
    text: str
    """The characters that it writes; the bytes, such as `⟨f0 9f⟩`, of what cannot be seen: a part
    of a character, or a control character."""
    starts: bool
    """It is the first piece of a word, for certain."""


class TargetTokens:
    """The decoder's own tokenizer: one that marks the pieces inside a word (WordPiece), or one
    that marks where a word starts (byte-level BPE, SentencePiece)."""

    def __init__(self, tokenizer_file: Path, outside: Sequence[int]) -> None:
        """Raises Exception of the tokenizers library if the file is not one of its own.

        Args:
            outside: ids that are no part of the text: the start and the end token.
        """
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        content = json.loads(self._tokenizer.to_str())
        self._prefix = content["model"].get("continuing_subword_prefix") or ""
        self._byte_level = "ByteLevel" in json.dumps(content["decoder"])
        self._outside = frozenset(outside)
        self._known: dict[int, _Known] = {}

    @property
    def size(self) -> int:
        """How many ids it knows, from 0 on."""
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values()) + 1

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
        piece, text, starts = self._known[index]
        special = index in self._outside
        return Token(
            piece=piece,
            text="" if special else text,
            special=special,
            continues=not special and not starts and self._joins(text, before),
            segment=0,
        )

    def text(self, ids: Sequence[int]) -> str:
        """The written text, pieces joined to words."""
        inside = [index for index in ids if index not in self._outside]
        return self._tokenizer.decode(inside, skip_special_tokens=False)

    def ids(self, text: str) -> list[int]:
        """The ids of a text, without a start or an end."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def _joins(self, text: str, before: Token | None) -> bool:
        """Whether a piece that starts no word for certain goes on with the word before it."""
        if self._prefix:
            return True
        return before is not None and before.text[-1:].isalnum() and text[:1].isalnum()

    def _look_up(self, index: int) -> _Known:
        # A graph may score more ids than its tokenizer has pieces for.
        piece = self._tokenizer.id_to_token(index) or f"[{index}]"
        if self._prefix:
            text = piece.removeprefix(self._prefix)
            return _Known(piece, text or piece, starts=not piece.startswith(self._prefix))
        text = self._tokenizer.decode([index], skip_special_tokens=False)
        text = text.strip() or text.translate(_SPACES) or piece
        if "\ufffd" in text or not text.isprintable():
            text = _as_bytes(piece) if self._byte_level else piece
        return _Known(piece, text, starts=piece.startswith(_WORD_STARTS))


def _as_bytes(piece: str) -> str:
    """The bytes behind a piece of byte-level BPE, in hexadecimal; the piece if it has none.

    Each byte is one letter there: itself where it is printable in Latin-1, else one of those from
    U+0100 on, in turn (`bytes_to_unicode` of GPT-2).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    letters |= {chr(0x100 + place): byte for place, byte in enumerate(others)}
    if not all(letter in letters for letter in piece):
        return piece
    return f"⟨{bytes(letters[letter] for letter in piece).hex(' ')}⟩"
