"""What a reader of texts hands over: rows in parts, before anything is cleaned or split."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How a person wants texts to be read; a record keeps it, to read them alike again."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Those that are not called as we call them: what for (`text`, `label`, ...) -> name."""
    keep_duplicates: bool = False
    """Nothing is removed before the split."""


def noted_reading(data: Mapping[str, Any]) -> Reading:
    """How the texts were read of which a record's `data` tells; older ones: as they come.

    Raises:
        ValueError: it tells that in another way.
    """
    noted = data.get("reading", {})
    columns = noted.get("columns", {}) if isinstance(noted, dict) else None
    if not isinstance(columns, dict) or not all(isinstance(c, str) for c in columns.values()):
        raise ValueError(
            f"the training's record has {noted!r:.60} as its data.reading; expected how its texts "
            "were read. Train again"
        )
    return Reading(columns=columns, keep_duplicates=bool(noted.get("keep_duplicates", False)))


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text, the label by its name."""

    text: str
    label: str
    text_pair: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RawTexts:
    """All rows of one source of texts, as `corpus.load_corpus` takes them."""

    name: str
    title: str
    licence: str
    parts: dict[str, list[Row]]
    """`{"all": rows}`, or the source's own `train` and, where it has them, `validation`, `test`."""
    labels: tuple[str, ...] | None = None
    """The labels in the source's own order; None lets `corpus` put them in order."""
    examples: tuple[dict[str, str], ...] = field(default=())
    """Texts for the page to offer, `{"text": ..., "text_pair": ...}`."""
    notes: tuple[str, ...] = field(default=())
    """What a person should know of how they were read, in words."""
