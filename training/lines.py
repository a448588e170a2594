"""How the commands' printed pages are laid out: a name in the margin, text beside it."""

_MARGIN = 12


def line(name: str, text: str) -> str:
    """One line of a page."""
    return f"{name:<{_MARGIN}}{text}".rstrip()


def counted(number: int, thing: str) -> str:
    """A number with its thing: 1 epoch, 2 epochs."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
