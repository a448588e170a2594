"""How every JSON of a checkpoint or bundle is written. Needs no torch."""

import json
from pathlib import Path


def write_json(path: Path, content: object) -> None:
    """Writes JSON as people read it: indented, in the given order, ending in a new line."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
