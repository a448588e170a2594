"""What each head does for the answer, ablated in turn, and how many can go before it changes."""

from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component

from explorer.analyses.head_ablation import (
    HeadEffects,
    PruningCurve,
    head_effects_cost,
    prune,
    pruning_cost,
)
from explorer.analyses.head_ablation import head_effects as find_effects
from explorer.analyses.perturbation import Answers, Contrast, Target, flips, label_of
from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.cost import Cost, Progressive, run_to_end
from explorer.inference.reading import Reading, one_based_heads
from explorer.ui.events import while_awaited
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.options import (
    NamedTarget,
    ask_target,
    asked_about,
    chosen_target,
    label_controls,
    refresh_label,
)
from explorer.ui.payloads import about, log_odds_of_target, plain, plain_log_odds, rounded_numbers


def effects_payload(
    bundle: Bundle, reading: Reading, target: Target, found: HeadEffects
) -> dict[str, Any]:
    """What `web/head_effects.js` draws."""
    whole, without_layer, label = found.whole, found.without_layer, label_of(target)
    layer_log_odds_effects = whole.log_odds_falls(without_layer, target)
    return {
        **asked_about(bundle, target),
        "number": bundle.problem_type == "regression",
        "whole": float(whole.target_probability(target)),
        "log_odds": log_odds_of_target(whole, target),
        "effects": plain(found.effects(target)),
        "log_odds_effects": plain_log_odds(found.log_odds_effects(target), bundle),
        "layer_effects": plain(whole.falls(without_layer, target)),
        "layer_log_odds_effects": plain_log_odds(layer_log_odds_effects, bundle),
        "least": whole.least(target),
        "matters": found.matters(target),
        "answers": new_answers(whole, found.without_head, label),
        "layer_answers": new_answers(whole, without_layer, label),
        "before": reading.ablated,
        "not_tried": found.not_tried,
    }


def new_answers(whole: Answers, changed: Answers, label: int) -> list:
    """What the model says after each change, None where it says what it said before."""
    names = np.full(changed.logits.shape[:-1], None, object)
    for place in zip(*np.nonzero(flips(whole, changed, label)), strict=True):
        names[place] = answer_name(changed[place], label)
    return names.tolist()


def answer_name(answer: Answers, target: Target) -> str | None:
    """What a model says; of a multi-label model whether the label fits; of one label rather than
    another which is likelier. A regression's number has no name."""
    bundle, probabilities, label = answer.bundle, answer.probabilities, label_of(target)
    if isinstance(target, Contrast):
        return bundle.labels[label if answer.target_log_odds(target) > 0 else target.rather_than]
    if bundle.problem_type == "regression":
        return None
    if bundle.problem_type == "multi_label":
        name = bundle.labels[label]
        return name if probabilities[label] > 0.5 else f"not {name}"
    return bundle.labels[int(probabilities.argmax())]


def _run_effects(asked: Asked) -> Progressive[dict[str, Any]]:
    target = chosen_target(asked)
    found = yield from find_effects(asked.model, asked.reading, target)
    return effects_payload(asked.model.bundle, asked.reading, target, found)


HEAD_EFFECTS = Analysis(
    name="head_effects",
    button="Ablate each head",
    look_for=(
        "**Which heads this answer needs.** Every head is ablated in turn and the model asked "
        "again. One head alone is seldom needed, since others do "
        "its work ([Michel et al. 2019](https://arxiv.org/abs/1905.10650)). Choose a cell to "
        "ablate its head: the answer, the maps and all other views follow."
    ),
    widget="head_effects",
    cost=lambda asked: head_effects_cost(asked.model, asked.reading),
    run=_run_effects,
    lay_out_options=lambda bundle: label_controls(bundle, "head_effects"),
    refresh_options=refresh_label,
    ablates_heads=True,
)


def head_effects(
    models: PageModels,
    text: str,
    text_pair: str = "",
    label: str = "",
    without: list | None = None,
    bundle: str = "",
    rather_than: str = "",
    place: int | None = None,
) -> dict:
    """Every head ablated in turn: by how much the probability of a class falls without it.

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        label: the class; the likeliest if empty.
        without: heads that are out from the beginning, as pairs of layer and head from 1.
        bundle: the title of the model; the page's first one that has answers if empty.
        rather_than: the class that `label` is set against; all others if empty. Then all numbers
            are on the log-odds between the two, and on the probability of `label`, given that it is
            one of them and not both. What the model says is still its own answer.
        place: of models that tag or fill, which word or mask is asked about, from 1; the first that
            has an answer of its own if null.

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
    named = NamedTarget(label, rather_than, place)
    model, reading, target = ask_target(models, text, text_pair, named, bundle, without)
    found = run_to_end(while_awaited(find_effects(model, reading, target)))
    drawn = effects_payload(model.bundle, reading, target, found)
    return {**rounded_numbers(drawn), **about(model, reading)}


AGAIN, ONCE = "again as heads go", "once"
MEASURED = (AGAIN, ONCE)
"""How often the effects of the heads are measured, by which they go."""
_MEASURED = [("repeatedly, as heads go", AGAIN), ("once, before the first", ONCE)]


def check_measured(value: object) -> bool:
    """Whether the effects are measured again. Raises RequestError."""
    if not isinstance(value, str) or value not in MEASURED:
        raise RequestError(f"measured is {value!r:.30}; expected {' or '.join(MEASURED)}.")
    return value == AGAIN


def pruning_payload(
    bundle: Bundle, reading: Reading, target: Target, curve: PruningCurve
) -> dict[str, Any]:
    """What `web/pruning.js` draws."""
    points, label = range(len(curve.answers.logits)), label_of(target)
    flipped = flips(curve.answers[0], curve.answers, label)
    return {
        **asked_about(bundle, target),
        "number": bundle.problem_type == "regression",
        "heads_gone": curve.heads_gone,
        "values": curve.answers.target_probability(target).tolist(),
        "log_odds": plain_log_odds(curve.answers.target_log_odds(target), bundle),
        "answers": [answer_name(curve.answers[point], label) for point in points],
        "flip": int(flipped.argmax()) if flipped.any() else None,
        "order": [one_based_heads(group) for group in curve.order],
        "every": None if curve.plan.once else curve.plan.every,
        "at_once": curve.plan.heads_at_once,
        "before": reading.ablated,
    }


def _options(bundle: Bundle) -> dict[str, Component]:
    return {
        **label_controls(bundle, "pruning"),
        "measured": gr.Radio(
            _MEASURED, value=AGAIN, label="Effects are measured", elem_id="pruning_measured"
        ),
    }


def _pruning_cost(asked: Asked) -> Cost:
    again = check_measured(asked.options.get("measured"))
    return pruning_cost(asked.model, asked.reading, again=again)


def _run_pruning(asked: Asked) -> Progressive[dict[str, Any]]:
    target = chosen_target(asked)
    again = check_measured(asked.options.get("measured"))
    curve = yield from prune(asked.model, asked.reading, target, again=again)
    return pruning_payload(asked.model.bundle, asked.reading, target, curve)


PRUNING = Analysis(
    name="pruning",
    button="Ablate one after another",
    look_for=(
        "**How many heads can go.** Heads are ablated one after another, each time those whose "
        "absence moves the log-odds least. A long flat line: this answer needs few heads. "
        "Measured once, the order is blind to heads that stand in for one another, and the line "
        "falls sooner. Other texts may need what this one does not ([Michel et al. "
        "2019](https://arxiv.org/abs/1905.10650), who prune over a whole test set)."
    ),
    widget="pruning",
    cost=_pruning_cost,
    run=_run_pruning,
    lay_out_options=_options,
    refresh_options=refresh_label,
    ablates_heads=True,
)


def pruning(
    models: PageModels,
    text: str,
    text_pair: str = "",
    label: str = "",
    measured: str = AGAIN,
    without: list | None = None,
    bundle: str = "",
    rather_than: str = "",
    place: int | None = None,
) -> dict:
    """Heads ablated one after another, those first that move the log-odds of a class least.

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        label: the class; the likeliest if empty.
        measured: "again as heads go" (as often as fits into 10 seconds) or "once": how often
            the effects are measured by which heads go.
        without: heads that are out from the beginning, as pairs of layer and head from 1.
        bundle: the title of the model; the page's first one that has answers if empty.
        rather_than: the class that `label` is set against; all others if empty. Then all numbers
            are on the log-odds between the two, and on the probability of `label`, given that it is
            one of them and not both. What the model says is still its own answer.
        place: of models that tag or fill, which word or mask is asked about, from 1; the first that
            has an answer of its own if null.

    Returns:
        `order` (groups of heads, each a list of pairs of layer and head from 1; of one head,
        or of several neighbours where time is short), `heads_gone` (0, then how many after each
        group), `values` (the probability of `label` at each of these points), `log_odds` (of
        the same; null for a regression), `answers` (what the model says there), `flip` (the
        first point, from 0, at which it says something else; null: none), `every` (after so
        many groups the effects were measured again; null: once), `at_once` (how many heads a
        group has at most), and as in /head_effects `label`,
        `before` and what is said of the text and the model.
    """
    again = check_measured(measured)
    named = NamedTarget(label, rather_than, place)
    model, reading, target = ask_target(models, text, text_pair, named, bundle, without)
    curve = run_to_end(while_awaited(prune(model, reading, target, again=again)))
    drawn = pruning_payload(model.bundle, reading, target, curve)
    return {**rounded_numbers(drawn), **about(model, reading)}
