"""What two words do together: panel and endpoint."""

from typing import Any

from explorer.analyses import word_pairs as analysis
from explorer.analyses.perturbation import REMOVAL_MODES, RemovalMode
from explorer.bundle.bundle import Bundle
from explorer.inference.cost import Cost, Progressive, run_to_end
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


def payload(bundle: Bundle, found: analysis.WordPairs, way: RemovalMode) -> dict[str, Any]:
    """What `web/pairs.js` draws."""
    alone = found.single.log_odds_effects[found.places]
    return {
        "label": bundle.labels[found.single.target],
        "number": bundle.problem_type == "regression",
        "way": way,
        "words": [found.single.words[place].text for place in found.places],
        "effects": plain(found.single.effects[found.places]),
        "log_odds_effects": plain_log_odds(alone, bundle),
        "interactions": plain(found.interactions),
        "log_odds_interactions": plain_log_odds(found.log_odds_interactions, bundle),
        "least": found.single.least,
        "strongest": found.that_matter[:_NAMED],
        "left_out": found.left_out,
    }


def _cost(asked: Asked) -> Cost:
    check_label_and_way(asked)
    return analysis.word_pairs_cost(asked.model, asked.reading)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    label, way = check_label_and_way(asked)
    found = yield from analysis.word_pairs(asked.model, asked.reading, label, way)
    return payload(asked.model.bundle, found, way)


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
    drawn = payload(model.bundle, found, checked)
    names = ("words", "effects", "log_odds_effects", "interactions", "log_odds_interactions")
    return {
        **rounded_numbers({name: drawn[name] for name in names}),
        "words_left_out": found.left_out,
        **about_words(model, reading, place, checked),
    }
