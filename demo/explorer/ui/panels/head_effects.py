"""What each head does for the answer, ablated in turn: panel and endpoint."""

from typing import Any

import numpy as np
from gradio.components import Component

from explorer.analyses import head_ablation as analysis
from explorer.analyses.perturbation import Answers, flips
from explorer.bundle.bundle import Bundle
from explorer.inference.cost import Cost, Progressive, run_to_end
from explorer.inference.encoder import Reading
from explorer.ui.events import while_awaited
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.options import ask_label, check_label, label_control, refresh_label
from explorer.ui.payloads import about, log_odds_of_label, plain, plain_log_odds, rounded_numbers

LOOK_FOR = (
    "**Which heads this answer needs.** Every head is ablated in turn and the model asked again. "
    "See how few cells carry ink: one head alone is seldom needed, since others do its work "
    "([Michel et al. 2019](https://arxiv.org/abs/1905.10650)). Choose a cell to ablate its head: "
    "the answer, the maps and all other views follow."
)


def payload(
    bundle: Bundle, reading: Reading, label: int, found: analysis.HeadEffects
) -> dict[str, Any]:
    """What `web/head_effects.js` draws."""
    whole, without_layer = found.whole, found.without_layer
    layer_log_odds_effects = whole.log_odds_falls(without_layer, label)
    return {
        "label": bundle.labels[label],
        "number": bundle.problem_type == "regression",
        "whole": float(found.whole.probabilities[label]),
        "log_odds": log_odds_of_label(found.whole, label),
        "effects": plain(found.effects(label)),
        "log_odds_effects": plain_log_odds(found.log_odds_effects(label), bundle),
        "layer_effects": plain(whole.falls(without_layer, label)),
        "layer_log_odds_effects": plain_log_odds(layer_log_odds_effects, bundle),
        "least": found.whole.least(label),
        "matters": found.matters(label),
        "answers": new_answers(found.whole, found.without_head, label),
        "layer_answers": new_answers(found.whole, found.without_layer, label),
        "before": reading.ablated,
        "not_tried": found.not_tried,
    }


def new_answers(whole: Answers, changed: Answers, label: int) -> list:
    """What the model says after each change, None where it says what it said before."""
    names = np.full(changed.logits.shape[:-1], None, object)
    for place in zip(*np.nonzero(flips(whole, changed, label)), strict=True):
        names[place] = answer_name(changed[place], label)
    return names.tolist()


def answer_name(answer: Answers, label: int) -> str | None:
    """What a model says; of a multi-label model whether the label fits. A regression's number has
    no name."""
    bundle, probabilities = answer.bundle, answer.probabilities
    if bundle.problem_type == "regression":
        return None
    if bundle.problem_type == "multi_label":
        name = bundle.labels[label]
        return name if probabilities[label] > 0.5 else f"not {name}"
    return bundle.labels[int(probabilities.argmax())]


def _options(bundle: Bundle) -> dict[str, Component]:
    return {"label": label_control(bundle, "head_effects")}


def _refresh(asked: Asked) -> dict[str, Any]:
    return {"label": refresh_label(asked)}


def _cost(asked: Asked) -> Cost:
    return analysis.head_effects_cost(asked.model, asked.reading)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    label = check_label(asked.options.get("label"), asked.model.bundle)
    found = yield from analysis.head_effects(asked.model, asked.reading, label)
    return payload(asked.model.bundle, asked.reading, label, found)


HEAD_EFFECTS = Analysis(
    name="head_effects",
    button="Ablate each head",
    look_for=LOOK_FOR,
    widget="head_effects",
    cost=_cost,
    run=_run,
    lay_out_options=_options,
    refresh_options=_refresh,
    ablates_heads=True,
)


def head_effects(
    models: PageModels,
    text: str,
    text_pair: str = "",
    label: str = "",
    without: list | None = None,
    bundle: str = "",
) -> dict:
    """Every head ablated in turn: by how much the probability of a class falls without it.

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        label: the class; the likeliest if empty.
        without: heads that are out from the beginning, as pairs of layer and head from 1.
        bundle: the title of the model; the page's first one that classifies if empty.

    Returns:
        `effects` (a row for each layer, in it a number for each head: the fall, below 0 a
        rise; null for a head that was out before or was not tried for want of time),
        `log_odds_effects` (the same for the log-odds, the natural logarithm of p / (1 - p),
        which still move where the probability stands near 0 or 1; null for a regression),
        `layer_effects` and `layer_log_odds_effects` (the same without all heads of a layer),
        `matters` (whether any head has an effect of `least`, 0.1 of log-odds or a hundredth of
        a regression's number; below it all are next to nothing), `answers` and `layer_answers`
        (what the model says then, null where it says the same as before), `whole` (the
        probability before) and its `log_odds`, `label`, `not_tried` (how many heads), `before`
        (the heads that were out), and as in /classify `tokens`, `tokens_left_out`,
        `max_tokens`, `bundle`, `precision`.
    """
    model, reading, place = ask_label(models, text, text_pair, label, bundle, without)
    found = run_to_end(while_awaited(analysis.head_effects(model, reading, place)))
    drawn = payload(model.bundle, reading, place, found)
    return {**rounded_numbers(drawn), **about(model, reading)}
