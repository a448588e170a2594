"""Token ids that a decoder wrote, as tokens and as text for people."""

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from explorer.reading import Token

_WORD_STARTS = ("Ġ", "▁")


class TargetTokens:
    """The decoder's own tokenizer: WordPiece, or one that marks where a word starts (BPE)."""

    def __init__(self, tokenizer_file: Path, outside: Sequence[int]) -> None:
        """Raises Exception of the tokenizers library if the file is not one of its own.

        Args:
            outside: ids that are no part of the text: the start and the end token.
        """
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        model = json.loads(self._tokenizer.to_str())["model"]
        self._prefix = model.get("continuing_subword_prefix") or ""
        self._outside = set(outside)

    def tokens(self, ids: Sequence[int]) -> tuple[Token, ...]:
        """A token for each id."""
        return tuple(self._token(index, place == 0) for place, index in enumerate(ids))

    def text(self, ids: Sequence[int]) -> str:
        """The written text, pieces joined to words."""
        inside = [index for index in ids if index not in self._outside]
        return self._tokenizer.decode(inside, skip_special_tokens=False)

    def ids(self, text: str) -> list[int]:
        """The ids of a text, without a start or an end."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def _token(self, index: int, first: bool) -> Token:
        # A graph may score more ids than its tokenizer has pieces for.
        piece = self._tokenizer.id_to_token(index) or f"[{index}]"
        special = index in self._outside
        if self._prefix:
            continues = piece.startswith(self._prefix)
            text = piece.removeprefix(self._prefix) if continues else piece
        else:
            continues = not first and not piece.startswith(_WORD_STARTS)
            text = self._tokenizer.decode([index], skip_special_tokens=False).strip() or piece
        return Token(
            piece=piece,
            text="" if special else text,
            special=special,
            continues=continues and not special,
            segment=0,
        )
