"""From text to token ids and back to the reader's own characters."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from tokenizers import Tokenizer

from explorer.bundle_schema import AGAIN, BundleError
from explorer.reading import Token
from explorer.source_tokens import SourceTokens
from explorer.tokenizer_file import open_tokenizer

_MASKS = ("[MASK]", "<mask>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """A text, or a pair, as the graph takes it: ids, segment ids, and the tokens for people."""

    text: str
    text_pair: str
    ids: list[int]
    segment_ids: list[int]
    tokens: tuple[Token, ...]
    left_out: int


class TextEncoder:
    """Cuts texts into tokens. Says how many did not fit instead of dropping them in silence."""

    def __init__(self, tokenizer_file: Path, max_tokens: int) -> None:
        """Raises BundleError: the file is no tokenizer, or adds more tokens than fit."""
        # Two of them: what is left out can only be counted by one that leaves nothing out.
        self._whole = open_tokenizer(tokenizer_file)
        added = self._whole.num_special_tokens_to_add(is_pair=True)
        if added >= max_tokens:
            raise BundleError(
                f"{tokenizer_file} adds {added} tokens to a pair of texts, and max_tokens is "
                f"{max_tokens}: no room is left for the texts. {AGAIN}"
            )
        self._cut = Tokenizer.from_str(self._whole.to_str())
        self._cut.enable_truncation(max_tokens, strategy="longest_first")
        self._max_tokens = max_tokens
        vocabulary = self._whole.get_vocab(with_added_tokens=True)
        self.size = max(vocabulary.values(), default=-1) + 1
        """How many ids it knows, from 0 on."""
        self._named = SourceTokens(self._whole)
        known = (mask for mask in _MASKS if self._whole.token_to_id(mask) is not None)
        self.mask = next(known, "")
        """What stands for a masked word in a text; empty if there is no such token."""
        self.mask_id = self._whole.token_to_id(self.mask) if self.mask else None

    def encode(self, text: str, text_pair: str = "") -> Encoded:
        """Encodes one text, or two; of two, the longer is cut first."""
        pair = text_pair or None
        encoding = self._whole.encode(text, pair)
        length = len(encoding)
        if length > self._max_tokens:
            encoding = self._cut.encode(text, pair)
        return Encoded(
            text=text,
            text_pair=text_pair,
            ids=encoding.ids,
            segment_ids=encoding.type_ids,
            tokens=self._named.tokens(encoding, (text, text_pair)),
            left_out=length - len(encoding),
        )


def without(encoded: Encoded, places: Collection[int]) -> Encoded:
    """The text without some of its tokens, as the graph takes it. Its `text` stays as it was."""
    kept = [place for place in range(len(encoded.ids)) if place not in places]
    return replace(
        encoded,
        ids=[encoded.ids[place] for place in kept],
        segment_ids=[encoded.segment_ids[place] for place in kept],
        tokens=tuple(encoded.tokens[place] for place in kept),
    )


def masked(encoded: Encoded, places: Collection[int], mask_id: int) -> Encoded:
    """The text with the mask's id in place of some of its tokens, which it still calls by name."""
    ids = [mask_id if place in places else token for place, token in enumerate(encoded.ids)]
    return replace(encoded, ids=ids)
