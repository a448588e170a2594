"""What every word does to the answer, beside the attention that it gets: panel and endpoint."""

from typing import Any

from explorer.analyses import occlusion as analysis
from explorer.analyses.faithfulness import attention_received, disagreements
from explorer.analyses.perturbation import REMOVAL_MODES, RemovalMode
from explorer.bundle.bundle import Bundle
from explorer.inference.cost import Cost, Progressive, run_to_end
from explorer.inference.encoder import Reading
from explorer.ui.events import while_awaited
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.options import about_words, ask_words, check_label_and_way, label_and_way
from explorer.ui.payloads import both, log_odds_of_label, plain_log_odds, rounded_numbers

LOOK_FOR = (
    "**What each word did.** Every word is removed in turn and the model asked again: a word's "
    "effect is the answer with it less the answer without it. The line below a word is how much "
    "attention [CLS] pays to it. Try a negation, such as “not bad at all”: “not” can carry the "
    "answer and get hardly any attention, while much of it goes to words without which nothing "
    "changes."
)


def payload(
    bundle: Bundle, reading: Reading, found: analysis.Occlusion, way: RemovalMode
) -> dict[str, Any]:
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


def _cost(asked: Asked) -> Cost:
    check_label_and_way(asked)
    return analysis.occlusion_cost(asked.model, asked.reading)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    label, way = check_label_and_way(asked)
    found = yield from analysis.occlusion(asked.model, asked.reading, label, way)
    return payload(asked.model.bundle, asked.reading, found, way)


OCCLUSION = Analysis(
    name="occlusion",
    button="Remove each word",
    look_for=LOOK_FOR,
    widget="occlusion",
    cost=_cost,
    run=_run,
    **label_and_way("occlusion"),
)


def occlusion(
    models: PageModels,
    text: str,
    text_pair: str = "",
    label: str = "",
    way: str = REMOVAL_MODES[0],
    bundle: str = "",
) -> dict:
    """What each word does to the answer: the answer with it less the answer without it.

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        label: the class whose probability counts, or the number of a regression; the likeliest
            if empty.
        way: what becomes of a word: "deleted" or "masked".
        bundle: the title of the model; the page's first one that classifies if empty.

    Returns:
        `words` as typed, `effects` (on the probability; above 0 the word speaks for the class;
        null where it was not tried, for want of time), `log_odds_effects` (the same on the
        log-odds, the natural logarithm of p / (1 - p), which still move where the probability
        stands near 0 or 1; null for a regression), `matters` (whether any of them is at least
        `least`: 0.1 of log-odds, or a hundredth of a regression's number; below it words are
        next to nothing by themselves, and no disagreement is listed), `attention` (what [CLS]
        gives to each word in the last layer, mean over heads), `disagreements` (for each word
        null, "idle": much attention, no effect, "against": much attention, speaks against the
        class, or "unseen": much effect, hardly any attention), `sentences` (of a long text,
        tried first: `words`, from and up to which, `effect` and `log_odds_effect`), `label`,
        `value` (the answer with all words), `log_odds` (the same; null for a regression),
        `way`, `bundle`.
    """
    model, reading, place, checked = ask_words(models, text, text_pair, label, way, bundle)
    found = run_to_end(while_awaited(analysis.occlusion(model, reading, place, checked)))
    drawn = payload(model.bundle, reading, found, checked)
    words = drawn["words"]
    answer = {
        "words": [word["text"] for word in words],
        "effects": [word["effect"] for word in words],
        "log_odds_effects": plain_log_odds(found.log_odds_effects, model.bundle),
        "matters": drawn["matters"],
        "least": drawn["least"],
        "attention": [word["share"] for word in words],
        "disagreements": [word["mark"] for word in words],
        "sentences": drawn["sentences"],
    }
    return {**rounded_numbers(answer), **about_words(model, reading, place, checked)}
