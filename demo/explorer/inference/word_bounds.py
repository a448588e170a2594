"""Where words and characters of a text end, by the characters alone: in scripts with spaces between
words and without, with accents and emoji of several characters."""

import unicodedata

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


def joined(before: str, after: str) -> bool:
    """Whether two neighbouring characters are parts of one word, or of one emoji."""
    return _of_one_character(before, after) or (_in_word(before) and _in_word(after))


def apart(before: str, after: str) -> bool:
    """Whether two neighbours are parts of two words, though no space stands between them; or though
    a tokenizer that cuts texts at nothing has both in one."""
    if _of_one_character(before, after):
        return False
    return any(one.isspace() or _is_unspaced(one) for one in (before, after))


def _of_one_character(before: str, after: str) -> bool:
    """Whether a reader sees one: a letter and its mark, or the parts of an emoji."""
    parts_of_emoji = _JOINER in (before, after) or _SKIN_TONES[0] <= after <= _SKIN_TONES[1]
    return is_mark(after) or parts_of_emoji


def _in_word(character: str) -> bool:
    return not _is_unspaced(character) and (character.isalnum() or is_mark(character))


def _is_unspaced(character: str) -> bool:
    return any(first <= character <= last for first, last in _UNSPACED)


def is_mark(character: str) -> bool:
    if not character:
        return False
    return unicodedata.category(character)[0] == "M" or character in _BELONG_TO_LETTER
