"""How every JSON of a checkpoint or bundle is read and written. Needs no torch."""

import json
from pathlib import Path
from typing import Any


def write_json(path: Path, content: object) -> None:
    """Writes JSON as people read it: indented, in the given order, ending in a new line.

    Whole or not at all: a full disk leaves the file that was there.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, with or without a byte order mark.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no JSON, nested deeper than can be read, or no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise ValueError(
            f"{path} is nested too deeply to be read; expected the JSON that a model was saved with"
        ) from None
    except ValueError as error:  # bad JSON, bad UTF-8, or a number of thousands of digits
        raise ValueError(f"{path} is no JSON ({error}); copy or save it again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a JSON {type(content).__name__}; expected an object")
    return content
