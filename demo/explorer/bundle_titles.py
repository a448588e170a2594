"""A title of its own for each bundle of a page: by it a reader chooses, and a program asks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from explorer.bundle import Bundle


def told_apart(bundles: Sequence[Bundle]) -> list[Bundle]:
    """The bundles, in their order, no two of one title.

    Of several that share a title each has its folder in parentheses behind it, with as much of the
    path before the folder's name as they differ in. Where that is not enough, since a folder was
    given twice or another title looks the same, the later ones are numbered.
    """
    shared = Counter(_seen(bundle.title) for bundle in bundles)
    titles: list[str] = []
    for bundle in bundles:
        namesakes = [one.folder for one in bundles if _seen(one.title) == _seen(bundle.title)]
        title = bundle.title
        if shared[_seen(title)] > 1:
            title = f"{title} ({_path_end(bundle.folder, namesakes)})"
        titles.append(_numbered(title, titles))
    return [replace(one, title=title) for one, title in zip(bundles, titles, strict=True)]


def _seen(title: str) -> str:
    """What a reader can tell one title from another by."""
    return " ".join(title.split()).casefold()


def _path_end(folder: Path, folders: Sequence[Path]) -> str:
    """The end of a folder's path that tells it from the others, of as few parts as will do."""
    parts = [_parts(one) for one in folders]
    longest = max(map(len, parts))
    enough = (n for n in range(1, longest) if len({p[-n:] for p in parts}) == len(set(parts)))
    return "/".join(_parts(folder)[-next(enough, longest) :])


def _parts(folder: Path) -> tuple[str, ...]:
    whole = folder.resolve()
    return whole.relative_to(whole.anchor).parts


def _numbered(title: str, taken: Sequence[str]) -> str:
    number, found = 1, title
    while _seen(found) in map(_seen, taken):
        number += 1
        found = f"{title} {number}"
    return found
