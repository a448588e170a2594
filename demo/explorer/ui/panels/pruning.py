"""How many heads can go before the answer changes: panel and endpoint."""

from typing import Any

import gradio as gr
from gradio.components import Component

from explorer.analyses.head_ablation import PruningCurve, prune, pruning_cost
from explorer.analyses.perturbation import flips
from explorer.bundle.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.cost import Cost, Progressive, run_to_end
from explorer.inference.encoder import Reading, one_based_heads
from explorer.ui.events import while_awaited
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.head_effects import answer_name
from explorer.ui.panels.options import ask_label, check_label, label_control, refresh_label
from explorer.ui.payloads import about, plain_log_odds, rounded_numbers

LOOK_FOR = (
    "**How many heads can go.** Heads are ablated one after another, each time those whose "
    "absence moves the log-odds least. A long flat line: this answer needs few heads. Measured "
    "once, the order is blind to heads that stand in for one another, and the line falls sooner. "
    "Other texts may need what this one does not ([Michel et al. "
    "2019](https://arxiv.org/abs/1905.10650), who prune over a whole test set)."
)

AGAIN, ONCE = "again as heads go", "once"
MEASURED = (AGAIN, ONCE)
"""How often the effects of the heads are measured, by which they go."""


def check_measured(value: object) -> bool:
    """Whether the effects are measured again. Raises RequestError."""
    if not isinstance(value, str) or value not in MEASURED:
        raise RequestError(f"measured is {value!r:.30}; expected {' or '.join(MEASURED)}.")
    return value == AGAIN


def payload(bundle: Bundle, reading: Reading, label: int, curve: PruningCurve) -> dict[str, Any]:
    """What `web/pruning.js` draws."""
    points = range(len(curve.answers.logits))
    return {
        "label": bundle.labels[label],
        "number": bundle.problem_type == "regression",
        "heads_gone": curve.heads_gone,
        "values": curve.answers.probabilities[:, label].tolist(),
        "log_odds": plain_log_odds(curve.answers.log_odds[:, label], bundle),
        "answers": [answer_name(curve.answers[point], label) for point in points],
        "flip": first_flip(curve, label),
        "order": [one_based_heads(group) for group in curve.order],
        "every": None if curve.plan.once else curve.plan.every,
        "at_once": curve.plan.heads_at_once,
        "before": reading.ablated,
    }


def first_flip(curve: PruningCurve, label: int) -> int | None:
    """The first point of the curve at which the model says something else; None: it never does."""
    flipped = flips(curve.answers[0], curve.answers, label)
    return int(flipped.argmax()) if flipped.any() else None


def _options(bundle: Bundle) -> dict[str, Component]:
    return {
        "label": label_control(bundle, "pruning"),
        "measured": gr.Radio(
            list(MEASURED), value=AGAIN, label="Effects are measured", elem_id="pruning_measured"
        ),
    }


def _refresh(asked: Asked) -> dict[str, Any]:
    return {"label": refresh_label(asked)}


def _cost(asked: Asked) -> Cost:
    again = check_measured(asked.options.get("measured"))
    return pruning_cost(asked.model, asked.reading, again=again)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    bundle = asked.model.bundle
    label = check_label(asked.options.get("label"), bundle)
    again = check_measured(asked.options.get("measured"))
    curve = yield from prune(asked.model, asked.reading, label, again=again)
    return payload(bundle, asked.reading, label, curve)


PRUNING = Analysis(
    name="pruning",
    button="Ablate one after another",
    look_for=LOOK_FOR,
    widget="pruning",
    cost=_cost,
    run=_run,
    lay_out_options=_options,
    refresh_options=_refresh,
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
) -> dict:
    """Heads ablated one after another, those first that move the log-odds of a class least.

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        label: the class; the likeliest if empty.
        measured: "again as heads go" (as often as fits into 10 seconds) or "once": how often
            the effects are measured by which heads go.
        without: heads that are out from the beginning, as pairs of layer and head from 1.
        bundle: the title of the model; the page's first one that classifies if empty.

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
    model, reading, place = ask_label(models, text, text_pair, label, bundle, without)
    curve = run_to_end(while_awaited(prune(model, reading, place, again=again)))
    drawn = payload(model.bundle, reading, place, curve)
    return {**rounded_numbers(drawn), **about(model, reading)}
