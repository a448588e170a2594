"""From a reader's text to token ids and back to the reader's own characters."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from tokenizers import Encoding, Tokenizer

from bundle_format.folder import AGAIN, BundleError
from explorer.inference.tokens import WORD_STARTS, SubwordNotation, Token
from explorer.inference.word_bounds import apart, is_mark, joined
from explorer.tokenizer_file import open_tokenizer


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
        self._notation = SubwordNotation.of(tokenizer)

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
            if not special and not self._notation.is_space(name):
                end = _with_marks(texts[sequence], one, starts)
                # What goes on with a word begins where that left off: what the tokenizer dropped
                # between, such as a soft hyphen, is the word's as well.
                begin = owned[sequence] if continues else max(one.start, owned[sequence])
                text = texts[sequence][begin:end].strip()
                owned[sequence] = max(end, owned[sequence])
            tokens.append(
                Token(
                    piece=name,
                    text=text,
                    special=special,
                    continues=continues,
                    segment=sequence,
                    readable=self._notation.readable(name),
                )
            )
            before = None if special else one
        return tuple(tokens)

    def _continues(self, one: _Piece, before: _Piece | None, owned: int, text: str) -> bool:
        """Whether a piece goes on with the word of the piece before it."""
        if before is None or one.sequence != before.sequence:
            return False
        neighbours = text[one.start - 1 : one.start], text[one.start : one.start + 1]
        shares_character = one.start < owned
        if not self._notation.marks_starts:
            return one.word == before.word and (shares_character or not apart(*neighbours))
        if self._notation.starts_word(one.piece):
            return False
        # Not by the tokenizer's words: one that cuts at spaces has punctuation, and all of a
        # Chinese sentence, in one; byte-level ones cut accents off, and the vowels of Hindi.
        return shares_character or self._notation.is_space(before.piece) or joined(*neighbours)


def _with_marks(text: str, one: _Piece, starts: set[tuple[int | None, int]]) -> int:
    """Where a piece ends, with the accents that were written as characters of their own: they
    belong to the letter before them, though the tokenizer dropped them."""
    end = one.end
    while is_mark(text[end : end + 1]) and (one.sequence, end) not in starts:
        end += 1
    return end


_MASKS = ("[MASK]", "<mask>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """A text, or a pair, as the graph takes it: ids, segment ids, and the tokens for people."""

    text: str
    text_pair: str
    ids: list[int]
    segment_ids: list[int]
    tokens: tuple[Token, ...]
    tokens_left_out: int
    held: tuple[int, ...] = ()
    """Tokens that are asked about, by their places before anything was removed: none of them is
    deleted."""
    origins: tuple[int, ...] | None = None
    """The place that each token had before some were deleted; None if none was."""
    cls: int = 0
    """Where the token of the whole text stands, [CLS] or whatever is first, by its place before
    anything was removed: a class is read from it, and it stands for no answer."""
    apart: bool = False
    """Two texts that are read each by itself; their tokens stand behind one another here."""

    def place_of(self, origin: int) -> int:
        """Where a token stands now, by the place that it had before."""
        return origin if self.origins is None else self.origins.index(origin)

    @property
    def key(self) -> tuple:
        """The same for texts of which whatever is asked has the same answer."""
        segments = tuple(token.segment for token in self.tokens)
        held = tuple(map(self.place_of, self.held))
        return tuple(self.ids), tuple(self.segment_ids), segments, held


class TextEncoder:
    """Cuts texts into tokens. Says how many did not fit instead of dropping them in silence."""

    def __init__(
        self, tokenizer_file: Path, max_tokens: int, mask: str = "", cls: str = ""
    ) -> None:
        """Raises BundleError: the file is no tokenizer, or adds more tokens than fit.

        Args:
            mask: what stands for a masked word; one of those in use if the tokenizer has no such.
            cls: what stands for the whole text.
        """
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
        self._notation = SubwordNotation.of(self._whole)
        masks = (mask, *_MASKS) if mask else _MASKS
        known = (one for one in masks if self._whole.token_to_id(one) is not None)
        self.mask = next(known, "")
        """What stands for a masked word in a text; empty if there is no such token."""
        self.mask_id = self._whole.token_to_id(self.mask) if self.mask else None
        self._cls_id = self._whole.token_to_id(cls) if cls else None

    def word_of(self, token_id: int) -> str:
        """What an entry of the vocabulary stands for, for people: its characters, with ## in front
        where it goes on with the word before it."""
        piece = self._whole.id_to_token(token_id)
        if piece is None:  # a graph may score more ids than its tokenizer has pieces for
            return f"[{token_id}]"
        readable = self._notation.readable(piece)
        if self._notation.starts_word(piece):
            return readable.removeprefix("␣") or readable
        goes_on = self._notation.marks_starts and readable[:1].isalnum()
        return f"##{readable}" if goes_on else readable

    def id_of(self, word: str) -> int | None:
        """The entry of the vocabulary that is called so, as a word of its own where it can be; None
        if there is none."""
        marked = [f"{mark}{word}" for mark in WORD_STARTS] if self._notation.marks_starts else []
        found = (self._whole.token_to_id(piece) for piece in (*marked, word))
        return next((one for one in found if one is not None), None)

    def encode(self, text: str, text_pair: str = "", *, named: bool = True) -> Encoded:
        """Encodes one text, or two; of two, the longer is cut first.

        Args:
            named: its tokens are made for people too, which takes four times as long as the ids.
        """
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
            tokens=self._named.tokens(encoding, (text, text_pair)) if named else (),
            tokens_left_out=length - len(encoding),
            cls=self._cls_of(encoding),
        )

    def encode_within(self, text: str, own: tuple[int, int]) -> Encoded:
        """Encodes a text as it stands, with all marks that it is to have written in it.

        Args:
            own: from which character up to which it is a reader's. All other tokens are special.
        """
        encoding = self._whole.encode(text, add_special_tokens=False)
        length = len(encoding)
        if length > self._max_tokens:
            encoding = self._cut.encode(text, add_special_tokens=False)
        named = self._named.tokens(encoding, (text, ""))
        tokens = [
            one
            if own[0] < end and start < own[1]
            else replace(one, text="", special=True, continues=False)
            for one, (start, end) in zip(named, encoding.offsets, strict=True)
        ]
        return Encoded(
            text=text,
            text_pair="",
            ids=encoding.ids,
            segment_ids=encoding.type_ids,
            tokens=tuple(tokens),
            tokens_left_out=length - len(encoding),
        )

    def _cls_of(self, encoding: Encoding) -> int:
        """Where the tokenizer put the token of the whole text; the first one if it put none."""
        placed = zip(encoding.ids, encoding.special_tokens_mask, strict=True)
        marks = (place for place, (one, own) in enumerate(placed) if own and one == self._cls_id)
        return next(marks, 0)


def deleted(encoded: Encoded, places: Collection[int]) -> Encoded:
    """The text without some of its tokens, as the graph takes it. Its `text` stays as it was."""
    kept = [place for place in range(len(encoded.ids)) if place not in places]
    origins = encoded.origins or range(len(encoded.ids))
    return replace(
        encoded,
        origins=tuple(origins[place] for place in kept),
        ids=[encoded.ids[place] for place in kept],
        segment_ids=[encoded.segment_ids[place] for place in kept],
        tokens=tuple(encoded.tokens[place] for place in kept),
    )


def spoken(encoded: Encoded, languages: Mapping[str, int], language: str) -> Encoded:
    """The text with the token of this language in place of the one that its tokenizer put.

    Args:
        languages: the token of each, by its code.
    """
    token_id = languages[language]
    known = {*languages.values()}
    places = [
        place
        for place, (one, token) in enumerate(zip(encoded.ids, encoded.tokens, strict=True))
        if token.special and one in known
    ]
    tokens = [
        replace(token, piece=language, readable=language) if place in places else token
        for place, token in enumerate(encoded.tokens)
    ]
    ids = [token_id if place in places else one for place, one in enumerate(encoded.ids)]
    return replace(encoded, ids=ids, tokens=tuple(tokens))


def masked(encoded: Encoded, places: Collection[int], mask_id: int) -> Encoded:
    """The text with the mask's id in place of some of its tokens, which it still calls by name."""
    ids = [mask_id if place in places else token for place, token in enumerate(encoded.ids)]
    return replace(encoded, ids=ids)
