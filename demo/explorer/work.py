"""Which work of the page runs beside which: each kind has its own line, in which one thing at a
time is done. Between lines, whoever runs a graph takes turns: see `turns.py`.

One at a time, since each holds a text's maps while it works: a reading, an analysis and a text that
is being written are what the memory has to hold at once.
"""

from typing import Any

READING: dict[str, Any] = {"concurrency_id": "reading", "concurrency_limit": 1}
"""What takes a run of a graph or two, and drawing: nobody should wait for it."""

ANALYSIS: dict[str, Any] = {"concurrency_id": "analysis", "concurrency_limit": 1}
"""What runs a graph many times on changed texts, for seconds."""

WRITING: dict[str, Any] = {"concurrency_id": "writing", "concurrency_limit": 1}
"""What has a decoder write, token by token."""

PRIVATE: dict[str, Any] = {
    **READING,
    # The handlers check what comes in and give what the page takes. Gradio's own checks would write
    # what they refuse into the log, and its images into files.
    "preprocess": False,
    "postprocess": False,
    "api_visibility": "private",
    "show_progress": "hidden",
    "trigger_mode": "always_last",  # of quick clicks the last one counts
}
"""How the page's own handlers run, but for those of the other lines."""
