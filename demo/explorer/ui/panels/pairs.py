"""What two words do together: panel and endpoint."""

from typing import Any

from explorer.analyses import word_pairs as analysis
from explorer.analyses.perturbation import REMOVAL_MODES, RemovalMode
from explorer.inference.cost import Cost, Progressive, run_to_end
from explorer.inference.encoder import EncoderModel, Reading
from explorer.ui.events import while_awaited
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.options import about_words, ask_words, check_label_and_way, label_and_way
from explorer.ui.payloads import plain, plain_log_odds, rounded_numbers

LOOK_FOR = (
    "**Two words together.** Every two words are removed at once. + : each counts for more while "
    "the other is there, as “not” and “bad” do; − : for less, as when one of two praises is "
    "enough. The effects of single words show neither."
)

_NAMED = 6
"""So many pairs are put into words."""


def payload(
    model: EncoderModel, reading: Reading, label: int, way: RemovalMode, found: analysis.WordPairs
) -> dict[str, Any]:
    """What programs are answered and `web/pairs.js` draws."""
    bundle, single = model.bundle, found.single
    return {
        "words": [single.words[place].text for place in found.places],
        "effects": plain(single.effects[found.places]),
        "log_odds_effects": plain_log_odds(single.log_odds_effects[found.places], bundle),
        "interactions": plain(found.interactions),
        "log_odds_interactions": plain_log_odds(found.log_odds_interactions, bundle),
        "words_left_out": found.left_out,
        **about_words(model, reading, label, way),
    }


def _cost(asked: Asked) -> Cost:
    check_label_and_way(asked)
    return analysis.word_pairs_cost(asked.model, asked.reading)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    label, way = check_label_and_way(asked)
    model, reading = asked.model, asked.reading
    found = yield from analysis.word_pairs(model, reading, label, way)
    return {
        **payload(model, reading, label, way, found),
        "number": model.bundle.problem_type == "regression",
        "least": found.single.least,
        "strongest": found.that_matter[:_NAMED],
    }


PAIRS = Analysis(
    name="pairs",
    button="Remove pairs",
    look_for=LOOK_FOR,
    widget="pairs",
    cost=_cost,
    run=_run,
    **label_and_way("pairs"),
)


def pairs(
    models: PageModels,
    text: str,
    text_pair: str = "",
    label: str = "",
    way: str = REMOVAL_MODES[0],
    bundle: str = "",
) -> dict:
    """What two words do together: p(x) - p(x without u) - p(x without v) + p(x without both).

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        label: the class whose probability p counts; the likeliest if empty.
        way: what becomes of a word: "deleted" or "masked".
        bundle: the title of the model; the page's first one that classifies if empty.

    Returns:
        `words` (those of the largest effect, at most 24), `effects` and `log_odds_effects` of
        each alone, `interactions` (a row for each word; above 0 each counts for more beside the
        other), `log_odds_interactions` (the same of the log-odds in place of p; null for a
        regression), `words_left_out`, `label`, `value`, `log_odds`, `way`, `bundle`.
    """
    model, reading, place, checked = ask_words(models, text, text_pair, label, way, bundle)
    found = run_to_end(while_awaited(analysis.word_pairs(model, reading, place, checked)))
    return rounded_numbers(payload(model, reading, place, checked, found))
