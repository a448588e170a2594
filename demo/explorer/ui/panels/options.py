"""The controls of an analysis: the class that it follows, and how words are taken out."""

from typing import Any

import gradio as gr

from explorer.analyses.perturbation import REMOVAL_MODES
from explorer.bundle.bundle import Bundle
from explorer.errors import RequestError
from explorer.ui.panel import Asked


def label_control(bundle: Bundle, panel: str) -> gr.Dropdown:
    """Offers the classes of a model."""
    return gr.Dropdown(
        list(bundle.labels),
        value=next(iter(bundle.labels), None),
        label="Class",
        elem_id=f"{panel}_label",
        min_width=140,
    )


def refresh_label(asked: Asked) -> dict[str, Any]:
    """The classes of the model that is shown; the likeliest is chosen."""
    labels = asked.model.bundle.labels
    likeliest = labels[asked.reading.likeliest]
    return gr.update(choices=list(labels), value=likeliest)


def check_label(label: object, bundle: Bundle) -> int:
    """The place of a class among a model's. Raises RequestError."""
    if not isinstance(label, str) or label not in bundle.labels:
        known = ", ".join(bundle.labels[:8]) + (", ..." if len(bundle.labels) > 8 else "")
        raise RequestError(f"There is no class {label!r:.40}; this model has {known}.")
    return bundle.labels.index(label)


def way_control(panel: str) -> gr.Radio:
    """Offers all ways; where the tokenizer has no mask token, the price says so."""
    return gr.Radio(
        list(REMOVAL_MODES),
        value=REMOVAL_MODES[0],
        label="Words are",
        elem_id=f"{panel}_way",
        min_width=180,
    )
