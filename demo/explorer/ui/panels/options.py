"""The options of an analysis: the class that it follows and what that is set against, and how words
are removed; and what endpoints for programs have in common.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from explorer.analyses.perturbation import (
    REMOVAL_MODES,
    Answers,
    Contrast,
    RemovalMode,
    Target,
    check_removal_mode,
    label_of,
)
from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Reading
from explorer.inference.tasks.answer import listed_name
from explorer.ui.models import PageModels
from explorer.ui.panel import Asked
from explorer.ui.payloads import DIGITS, log_odds_of_target, rounded_numbers
from explorer.ui.tasks.known import ask, task_of


def label_control(bundle: Bundle, panel: str) -> gr.Dropdown:
    """Offers the classes of a model."""
    return gr.Dropdown(
        list(bundle.labels),
        value=next(iter(bundle.labels), None),
        label="Class",
        elem_id=f"{panel}_label",
        min_width=140,
    )


_ALL_OTHERS = ("all others", "")


def rather_than_control(bundle: Bundle, panel: str) -> gr.Dropdown:
    """Offers the classes that another may be set against."""
    return gr.Dropdown(
        [_ALL_OTHERS, *((label, label) for label in bundle.labels)],
        value="",
        label="Rather than",
        elem_id=f"{panel}_rather_than",
        min_width=140,
        visible=has_contrasts(bundle),
    )


def has_contrasts(bundle: Bundle) -> bool:
    """Whether it says something new to ask for one class rather than another. Of two classes under
    one softmax it does not: one's log-odds are those between the two."""
    several = bundle.problem_type == "multi_label"
    return bundle.problem_type != "regression" and len(bundle.labels) > (1 if several else 2)


def label_controls(bundle: Bundle, panel: str) -> dict[str, Component]:
    """A class, and what it is set against."""
    return {
        "label": label_control(bundle, panel),
        "rather_than": rather_than_control(bundle, panel),
    }


def refresh_label(asked: Asked) -> dict[str, Any]:
    """The classes of the model that is shown; the likeliest is chosen, against all others."""
    labels = asked.model.bundle.labels
    chosen = gr.update(
        choices=list(labels),
        value=labels[asked.reading.likeliest],
        label=task_of(asked.model.bundle).choice,
        visible=len(labels) > 1,
    )
    return {"label": chosen, **_offer_others(asked.model.bundle, labels)}


def refresh_rather_than(asked: Asked) -> dict[str, Any]:
    """What the likeliest class may be set against."""
    labels, likeliest = asked.model.bundle.labels, asked.reading.likeliest
    others = [label for place, label in enumerate(labels) if place != likeliest]
    return _offer_others(asked.model.bundle, others)


def _offer_others(bundle: Bundle, labels: Sequence[str]) -> dict[str, Any]:
    choices = [_ALL_OTHERS, *((label, label) for label in labels)]
    return {"rather_than": gr.update(choices=choices, value="", visible=has_contrasts(bundle))}


def check_label(label: object, bundle: Bundle) -> int:
    """The place of a class among a model's; an answer also by its whole text. Raises
    RequestError."""
    if bundle.task == "answer" and isinstance(label, str) and label not in bundle.labels:
        label = listed_name(label)
    if not isinstance(label, str) or label not in bundle.labels:
        known = ", ".join(bundle.labels[:8]) + (", ..." if len(bundle.labels) > 8 else "")
        raise RequestError(f"There is no class {label!r:.40}; this model has {known}.")
    return bundle.labels.index(label)


def check_target(label: int, rather_than: object, bundle: Bundle) -> Target:
    """A class, set against another where one is named. Raises RequestError: it cannot be."""
    if rather_than is None or rather_than == "":
        return label
    if bundle.problem_type == "regression":
        raise RequestError(
            f"{bundle.title} gives a number, so there is no class to ask about rather than another."
        )
    other = check_label(rather_than, bundle)
    if other == label:
        raise RequestError(
            f"{bundle.labels[label]} is set against itself. Choose another class after “rather "
            "than”, or none: then it is set against all others."
        )
    return Contrast(label, other)


def asked_about(bundle: Bundle, target: Target) -> dict[str, str]:
    """The class that an answer is about, what it was set against, if anything, and where it is one
    of a single place, of which."""
    named = {"label": bundle.labels[label_of(target)]}
    if bundle.about:
        named["about"] = bundle.about
    if isinstance(target, Contrast):
        named["rather_than"] = bundle.labels[target.rather_than]
    return named


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
            **label_controls(bundle, panel),
            "way": way_control(panel),
        },
        "refresh_options": refresh_label,
    }


def rather_than_and_way(panel: str) -> dict[str, Any]:
    """The same for one that follows the likeliest class."""
    return {
        "lay_out_options": lambda bundle: {
            "rather_than": rather_than_control(bundle, panel),
            "way": way_control(panel),
        },
        "refresh_options": refresh_rather_than,
    }


class WordsAsked(NamedTuple):
    """What an analysis of words is asked about, checked."""

    model: EncoderModel
    reading: Reading
    target: Target
    way: RemovalMode


def chosen_target(asked: Asked) -> Target:
    """The class that a panel's controls name, set against another or not. Raises RequestError."""
    label = check_label(asked.options.get("label"), asked.model.bundle)
    return check_target(label, asked.options.get("rather_than"), asked.model.bundle)


def check_way(asked: Asked) -> WordsAsked:
    """About the likeliest class. Raises RequestError."""
    way = check_removal_mode(asked.options.get("way"), asked.model)
    likeliest, other = asked.reading.likeliest, asked.options.get("rather_than")
    target = check_target(likeliest, other, asked.model.bundle)
    return WordsAsked(asked.model, asked.reading, target, way)


def check_label_and_way(asked: Asked) -> WordsAsked:
    """Raises RequestError."""
    way = check_removal_mode(asked.options.get("way"), asked.model)
    return WordsAsked(asked.model, asked.reading, chosen_target(asked), way)


class NamedTarget(NamedTuple):
    """What a program asks about, as it named it: nothing means the likeliest class against all
    others."""

    label: Any = ""
    rather_than: Any = ""
    place: Any = None
    """The word or mask that is asked about, from 1."""


def ask_target(
    models: PageModels,
    text: Any,
    text_pair: Any,
    named: NamedTarget,
    bundle: Any,
    without: Any = None,
) -> tuple[EncoderModel, Reading, Target]:
    """What a program asks about: a text, and a class of the model. Raises RequestError."""
    title = bundle or models.first("explain")
    whole = models.answer(title, text, text_pair, without)
    model, reading, _ = ask(*whole, named.place, named.label)
    label = check_label(named.label, model.bundle) if named.label else reading.likeliest
    return model, reading, check_target(label, named.rather_than, model.bundle)


def ask_words(
    models: PageModels, text: Any, text_pair: Any, named: NamedTarget, way: Any, bundle: Any
) -> WordsAsked:
    """The same, and how words are removed. Raises RequestError."""
    model, reading, target = ask_target(models, text, text_pair, named, bundle)
    return WordsAsked(model, reading, target, check_removal_mode(way, model))


def about_words(asked: WordsAsked) -> dict[str, Any]:
    """What every endpoint on words says of the answer."""
    model, reading, target, way = asked
    answer = Answers(model.bundle, reading.logits)
    return {
        **asked_about(model.bundle, target),
        "value": round(float(answer.target_probability(target)), DIGITS),
        "log_odds": rounded_numbers(log_odds_of_target(answer, target)),
        "way": way,
        "tokens_left_out": reading.tokens_left_out,
        "bundle": model.bundle.title,
    }
