"""The panel on what two words do together."""

from typing import Any

from explorer.analyses.perturbation import RemovalMode
from explorer.analyses.word_pairs import WordPairs, word_pairs, word_pairs_cost
from explorer.bundle.bundle import Bundle
from explorer.inference.cost import Cost, Progressive
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.occlusion_panel import check_options, options, refresh
from explorer.ui.panels.plain import plain, plain_log_odds

LOOK_FOR = (
    "**Two words together.** Every two words are taken away at once. + : each counts for more "
    "while the other is there, as “not” and “bad” do; − : for less, as when one of two praises is "
    "enough. An effect of single words alone shows neither."
)

_NAMED = 6
"""So many pairs are put into words."""


def payload(bundle: Bundle, found: WordPairs, way: RemovalMode) -> dict[str, Any]:
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
    check_options(asked)
    return word_pairs_cost(asked.model, asked.reading)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    label, way = check_options(asked)
    found = yield from word_pairs(asked.model, asked.reading, label, way)
    return payload(asked.model.bundle, found, way)


PAIRS = Analysis(
    name="pairs",
    button="Take pairs away",
    look_for=LOOK_FOR,
    widget="pairs",
    cost=_cost,
    run=_run,
    lay_out_options=lambda bundle: options(bundle, "pairs"),
    refresh_options=refresh,
)
