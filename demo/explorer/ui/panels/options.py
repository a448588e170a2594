"""The options of an analysis: the class that it follows, and how words are removed; and what
endpoints for programs have in common.
"""

from typing import Any, NamedTuple

import gradio as gr

from explorer.analyses.perturbation import REMOVAL_MODES, Answers, RemovalMode, check_removal_mode
from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel, Reading
from explorer.ui.models import PageModels
from explorer.ui.panel import Asked
from explorer.ui.payloads import DIGITS, log_odds_of_label, rounded_numbers


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
    return {"label": gr.update(choices=list(labels), value=labels[asked.reading.likeliest])}


def check_label(label: object, bundle: Bundle) -> int:
    """The place of a class among a model's. Raises RequestError."""
    if not isinstance(label, str) or label not in bundle.labels:
        known = ", ".join(bundle.labels[:8]) + (", ..." if len(bundle.labels) > 8 else "")
        raise RequestError(f"There is no class {label!r:.40}; this model has {known}.")
    return bundle.labels.index(label)


def way_control(panel: str) -> gr.Radio:
    """Offers all ways; where the tokenizer has no mask token, the cost says so."""
    return gr.Radio(
        list(REMOVAL_MODES),
        value=REMOVAL_MODES[0],
        label="Words are",
        elem_id=f"{panel}_way",
        min_width=180,
    )


def label_and_way(panel: str) -> dict[str, Any]:
    """The options of an `Analysis` that follows a class while words are removed."""
    return {
        "lay_out_options": lambda bundle: {
            "label": label_control(bundle, panel),
            "way": way_control(panel),
        },
        "refresh_options": refresh_label,
    }


class WordsAsked(NamedTuple):
    """What an analysis of words is asked about, checked."""

    model: EncoderModel
    reading: Reading
    label: int
    way: RemovalMode


def check_way(asked: Asked) -> WordsAsked:
    """About the likeliest class. Raises RequestError."""
    way = check_removal_mode(asked.options.get("way"), asked.model)
    return WordsAsked(asked.model, asked.reading, asked.reading.likeliest, way)


def check_label_and_way(asked: Asked) -> WordsAsked:
    """Raises RequestError."""
    label = check_label(asked.options.get("label"), asked.model.bundle)
    return check_way(asked)._replace(label=label)


def ask_label(
    models: PageModels, text: Any, text_pair: Any, label: Any, bundle: Any, without: Any = None
) -> tuple[EncoderModel, Reading, int]:
    """What a program asks about: a text, and a class of the model; the likeliest if none is named.

    Raises RequestError.
    """
    title = bundle or models.first("classifies")
    model, reading = models.answer(title, text, text_pair, without)
    return model, reading, check_label(label, model.bundle) if label else reading.likeliest


def ask_words(
    models: PageModels, text: Any, text_pair: Any, label: Any, way: Any, bundle: Any
) -> WordsAsked:
    """The same, and how words are removed. Raises RequestError."""
    model, reading, place = ask_label(models, text, text_pair, label, bundle)
    return WordsAsked(model, reading, place, check_removal_mode(way, model))


def about_words(asked: WordsAsked) -> dict[str, Any]:
    """What every endpoint on words says of the answer."""
    model, reading, label, way = asked
    answer = Answers(model.bundle, reading.logits)
    return {
        "label": model.bundle.labels[label],
        "value": round(float(reading.probabilities[label]), DIGITS),
        "log_odds": rounded_numbers(log_odds_of_label(answer, label)),
        "way": way,
        "tokens_left_out": reading.tokens_left_out,
        "bundle": model.bundle.title,
    }
