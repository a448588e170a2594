"""The panel on what each head did for the answer: every one of them left out in turn."""

from typing import Any

import numpy as np
from gradio.components import Component

from explorer.analyses.head_ablation import HeadEffects, head_effects, head_effects_cost
from explorer.analyses.perturbation import Answers, flips
from explorer.bundle.bundle import Bundle
from explorer.inference.cost import Cost, Progressive
from explorer.inference.encoder import Reading
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.options import check_label, label_control, refresh_label
from explorer.ui.panels.plain import log_odds_of_label, plain, plain_log_odds

LOOK_FOR = (
    "**Which heads this answer needs.** Every head is left out in turn and the text read again. "
    "Look at how few cells carry ink: one head alone is seldom needed, since others do its work "
    "([Michel et al. 2019](https://arxiv.org/abs/1905.10650)). Choose a cell to leave its head "
    "out: the answer, the maps and all other views follow."
)


def payload(bundle: Bundle, reading: Reading, label: int, found: HeadEffects) -> dict[str, Any]:
    """What `web/head_effects.js` draws."""
    return {
        "label": bundle.labels[label],
        "number": bundle.problem_type == "regression",
        "whole": float(found.whole.probabilities[label]),
        "log_odds": log_odds_of_label(found.whole, label),
        "effects": plain(found.effects(label)),
        "log_odds_effects": plain_log_odds(found.log_odds_effects(label), bundle),
        "layer_effects": plain(found.layer_effects(label)),
        "layer_log_odds_effects": plain_log_odds(found.layer_log_odds_effects(label), bundle),
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
    return head_effects_cost(asked.model, asked.reading)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    label = check_label(asked.options.get("label"), asked.model.bundle)
    found = yield from head_effects(asked.model, asked.reading, label)
    return payload(asked.model.bundle, asked.reading, label, found)


HEAD_EFFECTS = Analysis(
    name="head_effects",
    button="Leave out each head",
    look_for=LOOK_FOR,
    widget="head_effects",
    cost=_cost,
    run=_run,
    lay_out_options=_options,
    refresh_options=_refresh,
    ablates_heads=True,
)
