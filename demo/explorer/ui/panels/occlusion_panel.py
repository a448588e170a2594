"""The panel on what every word did to the answer, beside how much it was looked at."""

from typing import Any

from gradio.components import Component

from explorer.analyses.faithfulness import attention_received, disagreements
from explorer.analyses.occlusion import Occlusion, occlusion, occlusion_cost
from explorer.analyses.perturbation import RemovalMode, check_removal_mode
from explorer.bundle.bundle import Bundle
from explorer.inference.cost import Cost, Progressive
from explorer.inference.encoder import Reading
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.options import check_label, label_control, refresh_label, way_control
from explorer.ui.panels.plain import both, log_odds_of_label

LOOK_FOR = (
    "**What each word did.** Every word is taken away in turn and the text read again: its effect "
    "is the answer with it less the answer without it. The line below a word is how much [CLS] "
    "looked at it. Try a negation, such as “not bad at all”: “not” can carry the answer and hardly "
    "be looked at, while attention rests on words without which nothing changes."
)


def payload(bundle: Bundle, reading: Reading, found: Occlusion, way: RemovalMode) -> dict[str, Any]:
    """What `web/occlusion.js` draws."""
    shares = attention_received(reading)
    marks = disagreements(shares, found.log_odds_effects, found.least)
    effects = both(found.effects, found.log_odds_effects, bundle)
    words = [
        {"text": word.text, "segment": word.segment, **effect, "share": share, "mark": mark}
        for word, effect, share, mark in zip(
            found.words, effects, shares.tolist(), marks, strict=True
        )
    ]
    of_sentences = both(found.sentence_effects, found.sentence_log_odds_effects, bundle)
    return {
        "label": bundle.labels[found.target],
        "number": bundle.problem_type == "regression",
        "whole": float(found.whole.probabilities[found.target]),
        "log_odds": log_odds_of_label(found.whole, found.target),
        "least": found.least,
        "matters": found.matters,
        "way": way,
        "pair": bool(reading.text_pair),
        "looks": reading.tokens[0].label,
        "words": words,
        "sentences": [
            {"words": [span.start, span.stop], **effect}
            for span, effect in zip(found.sentences, of_sentences, strict=True)
        ],
        "left_out": len(found.words) - len(found.tried),
    }


def options(bundle: Bundle, panel: str) -> dict[str, Component]:
    """The class whose probability is followed, and how words are taken away."""
    return {"label": label_control(bundle, panel), "way": way_control(panel)}


def refresh(asked: Asked) -> dict[str, Any]:
    """The classes of the model that is shown."""
    return {"label": refresh_label(asked)}


def check_options(asked: Asked) -> tuple[int, RemovalMode]:
    """Raises RequestError."""
    label = check_label(asked.options.get("label"), asked.model.bundle)
    return label, check_removal_mode(asked.options.get("way"), asked.model)


def _cost(asked: Asked) -> Cost:
    check_options(asked)
    return occlusion_cost(asked.model, asked.reading)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    label, way = check_options(asked)
    found = yield from occlusion(asked.model, asked.reading, label, way)
    return payload(asked.model.bundle, asked.reading, found, way)


OCCLUSION = Analysis(
    name="occlusion",
    button="Take each word away",
    look_for=LOOK_FOR,
    widget="occlusion",
    cost=_cost,
    run=_run,
    lay_out_options=lambda bundle: options(bundle, "occlusion"),
    refresh_options=refresh,
)
