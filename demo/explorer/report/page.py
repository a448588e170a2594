"""The page of a report: one file that works from disk, see `offline_page.py`.

`report.js` shows it.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any

from explorer.offline_page import UNPACKED, as_json, data_element, opening, packed_text
from explorer.report.batches import Result
from explorer.report.written import replacing

FILE = "index.html"
MOST_LISTED = 50_000
"""Texts that a page lists: some 20 to 50 MB. The tables have all."""
ROWS_AT_ONCE = 250
"""Texts that a browser unpacks at once."""
_SNIPPET = 160
"""Characters of a text in the list."""
_HERE = Path(__file__).parent
_BODY = """<body>
<main id="report"><p>This page shows its report by a script, which did not run.</p></main>
"""


def write_page(folder: Path, about: Mapping[str, Any], results: Iterable[Result]) -> Path:
    """Writes the page.

    Args:
        about: what `report.js` shows above the list: `input`, `bundle`, `summary`, ...
        results: in the order of the table; the first `MOST_LISTED` are listed.
    """
    css, own = ((_HERE / f"report.{kind}").read_text("utf-8") for kind in ("css", "js"))
    script = UNPACKED + own
    rows = islice(results, MOST_LISTED)
    with replacing(folder / FILE) as opened:
        begin = opening("Report", css, [script], images="'self' file: data:")
        opened.write(f"{begin}<style>{css}</style>\n{_BODY}".encode())
        listed = []
        while group := list(islice(rows, ROWS_AT_ONCE)):
            _write_data(opened, "rows", packed_text(json.dumps(group)))
            listed += [_listed(one) for one in group]
        _write_data(opened, "list", packed_text(json.dumps(listed)))
        _write_data(opened, "about", as_json(about))
        opened.write(f"<script>{script}</script>\n".encode())
    return folder / FILE


def _write_data(opened: IO[bytes], name: str, text: str) -> None:
    opened.write(data_element(name, text).encode())


def _listed(found: Result) -> list[Any]:
    """A text's line in the list."""
    both = f"{found['text']} · {found['text_pair']}" if found["text_pair"] else found["text"]
    text = " ".join(both[: 4 * _SNIPPET].split())
    value = found["number"] if found["confidence"] is None else found["confidence"]
    snippet = text if len(text) <= _SNIPPET else f"{text[: _SNIPPET - 1]}…"
    marks = found.get("disagreement")
    return [found["row"], found["predicted"], value, found["label"], found["error"], marks, snippet]
