"""What was asked of the page, a line of JSON for each: which handler, what came of it, how long it
took. Never what a reader sent, nor who they are.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

_LOG = logging.getLogger(__name__)


def begin() -> None:
    """Has the lines written to stderr from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    _LOG.propagate = False


def tell(outcome: str, **fields: Any) -> None:
    """Writes a line, if lines are wanted.

    Args:
        outcome: `answered`; `refused`, with a sentence; `failed`; `left`, by whoever asked; or
            `shut`, at the door, of which only the HTTP status is told.
        fields: the rest of the line, as JSON has it. Seconds are rounded.
    """
    if _LOG.isEnabledFor(logging.INFO):
        rounded = {
            name: round(one, 3) if isinstance(one, float) else one for name, one in fields.items()
        }
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        _LOG.info(json.dumps({"time": now, "outcome": outcome, **rounded}))
