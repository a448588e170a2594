"""What every word does to the answer, beside the attention that it gets: panel and endpoint."""

from typing import Any

from explorer.analyses import occlusion as analysis
from explorer.analyses.faithfulness import attention_received, disagreements
from explorer.analyses.perturbation import REMOVAL_MODES, RemovalMode
from explorer.inference.cost import Cost, Progressive, run_to_end
from explorer.inference.encoder import EncoderModel, Reading
from explorer.ui.events import while_awaited
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.options import about_words, ask_words, check_label_and_way, label_and_way
from explorer.ui.payloads import both, plain, plain_log_odds, rounded_numbers

LOOK_FOR = (
    "**What each word did.** Every word is removed in turn and the model asked again: a word's "
    "effect is the answer with it less the answer without it. The line below a word is how much "
    "attention [CLS] pays to it. Try a negation, such as “not bad at all”: “not” can carry the "
    "answer and get hardly any attention, while much of it goes to words without which nothing "
    "changes."
)


def payload(
    model: EncoderModel, reading: Reading, label: int, way: RemovalMode, found: analysis.Occlusion
) -> dict[str, Any]:
    """What programs are answered and `web/occlusion.js` draws."""
    bundle, shares = model.bundle, attention_received(reading)
    whole, without, target = found.whole, found.changed_sentences, found.target
    log_odds_effects = whole.log_odds_falls(without, target)
    of_sentences = both(whole.falls(without, target), log_odds_effects, bundle)
    return {
        "words": [word.text for word in found.words],
        "effects": plain(found.effects),
        "log_odds_effects": plain_log_odds(found.log_odds_effects, bundle),
        "matters": found.matters,
        "least": found.least,
        "attention": shares.tolist(),
        "disagreements": disagreements(shares, found.log_odds_effects, found.least),
        "sentences": [
            {"words": [span.start, span.stop], **effect}
            for span, effect in zip(found.sentences, of_sentences, strict=True)
        ],
        **about_words(model, reading, label, way),
    }


def _cost(asked: Asked) -> Cost:
    check_label_and_way(asked)
    return analysis.occlusion_cost(asked.model, asked.reading)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    label, way = check_label_and_way(asked)
    model, reading = asked.model, asked.reading
    found = yield from analysis.occlusion(model, reading, label, way)
    return {
        **payload(model, reading, label, way, found),
        "number": model.bundle.problem_type == "regression",
        "segments": [word.segment for word in found.words],
        "pair": bool(reading.text_pair),
        "looks": reading.tokens[0].label,
        "left_out": len(found.words) - len(found.tried),
    }


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
    return rounded_numbers(payload(model, reading, place, checked, found))
