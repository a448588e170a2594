"""Another text, or another model, beside what is shown: panel and endpoint."""

from typing import Any

import gradio as gr
from gradio.components import Component

from explorer.analyses import compare as analysis
from explorer.analyses.perturbation import Answers, Contrast
from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.cost import Progress, Progressive
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Reading
from explorer.ui import payloads, wording
from explorer.ui.events import READING
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.options import (
    asked_about,
    check_target,
    rather_than_control,
    refresh_rather_than,
)
from explorer.ui.payloads import (
    log_odds_by_label,
    log_odds_of_target,
    rounded,
    rounded_numbers,
)
from explorer.ui.tasks.known import ask, task_of

MOST_WORDS = 40
"""Of a table that can still be read."""


def _options(bundle: Bundle) -> dict[str, Component]:
    return {
        "text": gr.Textbox(
            label="Compare with", lines=1, max_lines=4, elem_id="compare_text", scale=3,
            info="To begin with, the text without the word that gets most attention. Change it as "
            "you like.",
        ),
        "model": gr.Dropdown(
            [bundle.title], value=bundle.title, label="Read by", elem_id="compare_model",
            min_width=160, visible=False,
        ),
        "rather_than": rather_than_control(bundle, "compare"),
    }  # fmt: skip


def _refresh(asked: Asked) -> dict[str, Any]:
    task = asked.model.bundle.task
    titles = [title for title, one in asked.others.by_title.items() if one.bundle.task == task]
    chosen = asked.model.bundle.title
    return {
        "text": gr.update(value=analysis.without_most_seen(asked.reading)),
        "model": gr.update(choices=titles, value=chosen, visible=len(titles) > 1),
        **refresh_rather_than(asked),
    }


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    title, text = asked.options.get("model"), asked.options.get("text")
    # Heads that are ablated for the shown text are so for the other; another model has others.
    without = asked.reading.ablated if title == asked.model.bundle.title else None
    other = asked.others.answer(title, text, asked.reading.text_pair, without)
    model, reading = _asked_too(asked.model, asked.reading, asked.place, other)
    yield Progress(1, 1)
    sides = (asked.model, asked.reading), (model, reading)
    return {**drawn(*sides), **contrast(sides, asked.options.get("rather_than"))}


COMPARE = Analysis(
    name="compare",
    button="Compare",
    look_for=(
        "**Change one thing.** Read the text again with one word changed, or by another model, "
        "and see which heads notice. A head whose attention moves far while the answer stays is "
        "no reason for the answer; look for heads that move together with it."
    ),
    widget="compare",
    cost=lambda asked: asked.model.throughput.cost(1, len(asked.reading.tokens)),
    run=_run,
    line=READING,
    at_once=True,
    lay_out_options=_options,
    refresh_options=_refresh,
)


Side = tuple[EncoderModel, Reading]


def _asked_too(model: EncoderModel, reading: Reading, place: int | None, other: Side) -> Side:
    """The other side, asked the same, about the same word or mask where it has that. Raises
    RequestError."""
    task, bundle = task_of(model.bundle), other[0].bundle
    if model.bundle.task != bundle.task:
        raise RequestError(
            f"{model.bundle.title} and {bundle.title} do not have the same task, so their answers "
            "cannot be compared. Choose two models of one task."
        )
    if place is not None:
        place = task.follow(reading, place, other[1])
    return ask(*other, place)[:2]


def payload(sides: tuple[Side, Side], found: analysis.Comparison) -> dict[str, Any]:
    """What programs are answered and `web/compare.js` draws."""
    moved = found.moved
    farthest = [] if moved is None else analysis.most_moved(moved)
    return {
        "bundles": [model.bundle.title for model, _ in sides],
        "probabilities": [
            dict(zip(model.bundle.labels, rounded(reading.probabilities), strict=True))
            for model, reading in sides
        ],
        "log_odds": [
            rounded_numbers(log_odds_by_label(Answers(model.bundle, reading.logits)))
            for model, reading in sides
        ],
        "words": [[word.text for word in words] for words in (found.first, found.second)],
        "shared": [list(pair) for pair in found.shared],
        "moved": None if moved is None else [rounded(row) for row in moved],
        "layers": [layer + 1 for layer in found.layers],
        "most_moved": [[found.layers[place] + 1, head + 1] for place, head in farthest],
    }


def contrast(sides: tuple[Side, Side], rather_than: Any) -> dict[str, Any]:
    """How far both readings are for the first one's class rather than for another; nothing where
    none is named. Raises RequestError: it cannot be set against that."""
    bundle, reading = sides[0][0].bundle, sides[0][1]
    target = check_target(reading.likeliest, rather_than, bundle)
    if not isinstance(target, Contrast):
        return {}
    named = asked_about(bundle, target)
    log_odds = [_log_odds_between(*side, list(named.values())) for side in sides]
    return {"contrast": {**named, "log_odds": rounded_numbers(log_odds)}}


def _log_odds_between(model: EncoderModel, reading: Reading, labels: list[str]) -> float | None:
    """Of two labels by their names; None where a model lacks one of them, or gives a number."""
    known = model.bundle.labels
    if model.bundle.problem_type == "regression" or not set(labels) <= set(known):
        return None
    return log_odds_of_target(
        Answers(model.bundle, reading.logits), Contrast(*map(known.index, labels))
    )


def drawn(first: Side, second: Side) -> dict[str, Any]:
    """The same, and what is only drawn."""
    found = analysis.compare(first[1], second[1])
    return {
        **payload((first, second), found),
        "answers": [payloads.answer(reading, model.bundle) for model, reading in (first, second)],
        "notices": [wording.notices(reading, model.bundle) for model, reading in (first, second)],
        "special": [[word.special for word in words] for words in (found.first, found.second)],
        "same_model": first[0].is_same(second[0]),
        "equal": _equal(first, second),
        "maps": _maps(first[1], second[1], found),
        "most_words": MOST_WORDS,
    }


def _equal(first: Side, second: Side) -> str:
    """That nothing can have moved, and why; empty where something can."""
    one, other = (
        [(token.piece, token.segment) for token in side[1].tokens] for side in (first, second)
    )
    if not first[0].is_same(second[0]) or one != other:
        return ""
    if first[1].text == second[1].text:
        return "Both are the same text, read by the same model: nothing moved. Change a word."
    return (
        "The model reads the same tokens from both texts, as from words in capitals that it does "
        "not know: nothing moved. Change another word."
    )


def _maps(first: Reading, second: Reading, found: analysis.Comparison) -> list[Any] | None:
    """Both maps of each head that moved most; None where the words are too many to be shown."""
    if found.moved is None or not 0 < len(found.shared) <= MOST_WORDS:
        return None
    pairs = [
        (first.weights[place], second.weights[place]) for place in analysis.most_moved(found.moved)
    ]
    words = found.first, found.second
    return [analysis.shared_maps(pair, words, found.shared).round(4).tolist() for pair in pairs]


def compare(
    models: PageModels,
    text: str,
    other: str,
    text_pair: str = "",
    bundle: str = "",
    other_bundle: str = "",
    rather_than: str = "",
    place: int | None = None,
) -> dict:
    """Two texts under one model, or under two: answers, shared words, heads that moved.

    Args:
        text: what to read, at most 10,000 characters.
        other: what to compare it with; the same text, to compare two models.
        text_pair: a second text that both are read with, for models that compare two.
        bundle: the title of the model; the page's first one that has answers if empty.
        other_bundle: the model that reads `other`; the same one if empty.
        rather_than: a class that the first text's likeliest one is set against; none if empty.
        place: of models that tag or fill, which word or mask is asked about, from 1; the first that
            has an answer of its own if null.

    Returns:
        `probabilities` (for each of the two a number by label), `log_odds` (the same, the
        natural logarithm of p / (1 - p); null for a regression), `words` (for each the words
        as typed), `shared` (pairs of places in them: the same word), `moved` (a row for each
        layer, in it a number for each head: the total variation distance between the rows of
        the shared words, on the shared words and all others taken together; null where the
        models have other layers or heads), `layers` (which those are), `most_moved` (the eight
        farthest as layer and head from 1), `bundles`; and if asked for, `contrast`: `label`,
        `rather_than`, and for each of the two the `log_odds` between these, the difference of
        their logits (null for a model that lacks one of them).
    """
    title = bundle or models.first("explain")
    whole = models.answer(title, text, text_pair)
    model, reading, chosen = ask(*whole, place)
    first = model, reading
    second = models.answer(other_bundle or title, other, text_pair)
    second = _asked_too(model, reading, chosen, second)
    found = analysis.compare(first[1], second[1])
    return {**payload((first, second), found), **contrast((first, second), rather_than)}
