"""The control that chooses the class whose probability an analysis follows."""

from typing import Any

import gradio as gr
import numpy as np

from explorer.bundle import Bundle
from explorer.panels.analysis import Asked
from explorer.request import RequestError


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
    labels = asked.runner.bundle.labels
    likeliest = labels[int(np.argmax(asked.reading.probabilities))]
    return gr.update(choices=list(labels), value=likeliest)


def check_label(label: object, bundle: Bundle) -> int:
    """The place of a class among a model's. Raises RequestError."""
    if not isinstance(label, str) or label not in bundle.labels:
        known = ", ".join(bundle.labels[:8]) + (", ..." if len(bundle.labels) > 8 else "")
        raise RequestError(f"There is no class {label!r:.40}; this model has {known}.")
    return bundle.labels.index(label)
