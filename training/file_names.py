"""How files are called in what others will read: by their names, never by where they lie.

A checkpoint's record and a bundle are handed on; the path of a file on somebody's machine tells
their user name and helps nobody else.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

CSV_SUFFIXES = (".csv", ".tsv")
SUFFIXES = (*CSV_SUFFIXES, ".jsonl", ".json", ".ndjson")
"""How the files are called that we read tables from."""
_FOLDER = "/"
"""Ends the noted name of a folder of texts, so that it is not looked for on the Hub."""


def real_name(given: str | Path) -> str:
    """The name of a file or folder, also where `.`, `..` or a link stands for it.

    Raises ValueError: it has none, like the root of a file system.
    """
    try:
        name = Path(given).resolve().name
    except (OSError, RuntimeError):  # links that go round
        name = Path(given).name
    if not name:
        raise ValueError(f"{str(given)!r} has no name of its own; give a folder inside it")
    return name


def public_name(given: str) -> str:
    """What a record says where somebody named a file, a folder, or a model or data on the Hub."""
    is_path = (
        os.path.exists(given)
        or given.startswith((".", "~", "/"))
        or given.rstrip("/").count("/") > 1
        or "\\" in given
        or re.match("[A-Za-z]:", given)
    )
    if not given or not is_path:
        return given
    # A record may have been written on another system.
    return real_name(given.replace("\\", "/") if not os.path.exists(given) else given)


def noted_texts(given: str) -> str:
    """As `public_name`, of texts to read again later, by `find_noted_texts`."""
    return public_name(given) + (_FOLDER if os.path.isdir(given) else "")


def find_noted_texts(noted: str, given: Sequence[str] = (), *, advice: str) -> str:
    """Where the texts of a training are now.

    Args:
        noted: what `noted_texts` said of them then.
        given: what a person names now; what is called the same is meant.
        advice: what to do where they are not found.

    Raises:
        FileNotFoundError: they are a file or a folder that is not among them, nor here.
    """
    for path in given:
        if noted in (path, noted_texts(path)):
            return path
    is_local = noted.endswith(_FOLDER) or Path(noted).suffix.lower() in SUFFIXES
    if is_local and not os.path.exists(noted):
        raise FileNotFoundError(
            f"{public_name(noted)}, which the training read, is not in the current folder, and "
            f"where it lay is noted nowhere; {advice}"
        )
    return noted
