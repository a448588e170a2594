"""From a reader's text to token ids and back to the reader's own characters, and from the ids that
a decoder wrote to text for people.
"""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from tokenizers import Encoding, Tokenizer

from bundle_format.folder import AGAIN, BundleError
from explorer.inference.tokens import SPACES, WORD_STARTS, SubwordNotation, Token, group_words
from explorer.tokenizer_file import open_tokenizer

_JOINER = "\u200d"
_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")
# Scripts without spaces between words: Thai and Lao, Burmese and Shan, Khmer, Tai, Balinese and
# Javanese, Chinese and Japanese with their marks of full width. There each piece is a word of its
# own, whatever the tokenizer.
_UNSPACED = (
    ("\u0e00", "\u0eff"),
    ("\u1000", "\u109f"),
    ("\u1780", "\u17ff"),
    ("\u1950", "\u1aaf"),
    ("\u1b00", "\u1b7f"),
    ("\u2e80", "\u9fff"),
    ("\ua980", "\ua9ff"),
    ("\uaa60", "\uaadf"),
    ("\uf900", "\ufaff"),
    ("\uff01", "\uff0f"),
    ("\uff1a", "\uff20"),
    ("\uff3b", "\uff40"),
    ("\uff5b", "\uff9f"),
    ("\U00020000", "\U0003ffff"),
)
_BELONG_TO_LETTER = "\u0e33\u0eb3\uff9e\uff9f"
"""Letters that Unicode joins to the one before them, as it does marks (UAX 29): am in Thai and Lao,
and the narrow marks of Japanese."""


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
                text = texts[sequence][max(one.start, owned[sequence]) : end].strip()
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
            return one.word == before.word and (shares_character or not _apart(*neighbours))
        if self._notation.starts_word(one.piece):
            return False
        # Not by the tokenizer's words: one that cuts at spaces has punctuation, and all of a
        # Chinese sentence, in one; byte-level ones cut accents off, and the vowels of Hindi.
        return shares_character or self._notation.is_space(before.piece) or _joined(*neighbours)


def _with_marks(text: str, one: _Piece, starts: set[tuple[int | None, int]]) -> int:
    """Where a piece ends, with the accents that were written as characters of their own: they
    belong to the letter before them, though the tokenizer dropped them."""
    end = one.end
    while _is_mark(text[end : end + 1]) and (one.sequence, end) not in starts:
        end += 1
    return end


def _joined(before: str, after: str) -> bool:
    """Whether two neighbouring characters are parts of one word, or of one emoji."""
    return _of_one_character(before, after) or (_in_word(before) and _in_word(after))


def _apart(before: str, after: str) -> bool:
    """Whether two neighbours are parts of two words, though no space stands between them; or though
    a tokenizer that cuts texts at nothing has both in one."""
    if _of_one_character(before, after):
        return False
    return any(one.isspace() or _is_unspaced(one) for one in (before, after))


def _of_one_character(before: str, after: str) -> bool:
    """Whether a reader sees one: a letter and its mark, or the parts of an emoji."""
    parts_of_emoji = _JOINER in (before, after) or _SKIN_TONES[0] <= after <= _SKIN_TONES[1]
    return _is_mark(after) or parts_of_emoji


def _in_word(character: str) -> bool:
    return not _is_unspaced(character) and (character.isalnum() or _is_mark(character))


def _is_unspaced(character: str) -> bool:
    return any(first <= character <= last for first, last in _UNSPACED)


def _is_mark(character: str) -> bool:
    if not character:
        return False
    return unicodedata.category(character)[0] == "M" or character in _BELONG_TO_LETTER


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


def masked(encoded: Encoded, places: Collection[int], mask_id: int) -> Encoded:
    """The text with the mask's id in place of some of its tokens, which it still calls by name."""
    ids = [mask_id if place in places else token for place, token in enumerate(encoded.ids)]
    return replace(encoded, ids=ids)


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
        return not _apart(*neighbours) if self._prefix else _joined(*neighbours)

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
        return _Known(piece, text, piece.startswith(WORD_STARTS), readable)
