"""How the commands' printed pages are laid out: a name in the margin, text beside it.

What comes from outside is shown on one line and cut: a text may have any length, and characters
that move a terminal's cursor.
"""

import unicodedata
from collections.abc import Sequence

_MARGIN = 12
_SHOWN, _LISTED = 60, 10
_LINES = frozenset(("Cc", "Zl", "Zp"))


def line(name: str, text: str) -> str:
    """One line of a page."""
    return f"{name:<{_MARGIN}}{text}".rstrip()


def one_line(text: str, most: int = _SHOWN) -> str:
    """A text from outside on one line, of `most` characters; what is cut off becomes dots."""
    shown = " ".join("".join(" " if is_control(c) else c for c in text[: 4 * most]).split())
    cut = len(text) > 4 * most or len(shown) > most
    return f"{shown[: most - 3]}..." if cut else shown


def quoted(value: object, most: int = _SHOWN) -> str:
    """A value from outside as Python writes it, cut; a text is cut inside of its quotes."""
    if isinstance(value, str) and len(value) > most:
        return repr(f"{value[: most - 3]}...")
    return one_line(repr(value), most)


def listed(names: Sequence[str]) -> str:
    """Names from outside with commas between them; the first ones, and how many more there are."""
    rest = len(names) - _LISTED
    more = [f"... and {rest:,} more"] if rest > 0 else []
    return ", ".join([*map(one_line, names[:_LISTED]), *more])


def is_control(character: str) -> bool:
    """Whether a character ends a line, or commands a terminal, rather than being seen."""
    return unicodedata.category(character) in _LINES


def counted(number: int, thing: str) -> str:
    """A number with its thing: 1 epoch, 2 epochs."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
