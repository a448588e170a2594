"""What a reader of texts hands over: rows in parts, before anything is cleaned or split."""

from dataclasses import dataclass, field


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
    """Texts for the page to offer, `{"text": ..., "text_pair": ...}`; none: the test part's."""
