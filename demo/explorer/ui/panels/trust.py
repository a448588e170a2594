"""How far to trust each ranking of words: panel and endpoint."""

import math
from typing import Any

from explorer.analyses import faithfulness as analysis
from explorer.analyses.perturbation import LEAST, LEAST_OF_NUMBER, REMOVAL_MODES, RemovalMode
from explorer.inference.cost import Cost, Progressive, run_to_end
from explorer.ui.events import while_awaited
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.options import (
    NamedTarget,
    WordsAsked,
    about_words,
    ask_words,
    check_way,
    rather_than_and_way,
)
from explorer.ui.payloads import DIGITS, plain


def sentences(found: analysis.Faithfulness, place: int, way: RemovalMode) -> list[str]:
    """How one method fared, in words."""
    name, own, by_chance = found.methods[place], found.found, found.by_chance
    lost, left = own.log_odds_comprehensiveness[place], own.log_odds_sufficiency[place]
    removed = analysis.beaten(lost, by_chance.log_odds_comprehensiveness)
    kept = analysis.beaten(left, by_chance.log_odds_sufficiency, low=True)
    what, done = ("Removing", "removed") if way == "deleted" else ("Masking", "masked")
    told = [
        f"{what} the words that {name} ranks highest moved the answer more than {removed} of "
        f"{analysis.RANDOM_ORDERS} random orders did."
        if found.removal_tells
        else f"In which order words are {done} makes next to no difference here.",
        f"Keeping only them held it better than {kept} of {analysis.RANDOM_ORDERS} random orders."
        if found.keeping_tells
        else "Which words are kept alone makes next to no difference here.",
    ]
    tau = own.agreement[place]
    if name != analysis.OCCLUSION and not math.isnan(tau):
        closer = analysis.beaten(tau, by_chance.agreement)
        told.append(
            f"It agrees with the size of occlusion's effects better than {closer} of "
            f"{analysis.RANDOM_ORDERS} random orders do (Kendall's τ {tau:.2f}; 0 is chance, 1 the "
            "same order)."
        )
    return told


def plan(found: analysis.Faithfulness) -> str:
    """What was measured."""
    steps = ", ".join(str(percent) for percent in found.percents[:-1])
    left = len(found.single.words) - len(found.single.tried)
    rest = (
        f" {left} words were not taken away alone, for want of time; occlusion ranks them as "
        "without effect."
        if left
        else ""
    )
    return (
        f"Mean over the top {steps} and {found.percents[-1]}% of {len(found.single.words)} words: "
        "comprehensiveness, by how much the answer falls without them, and sufficiency, by how "
        f"much with them alone. Orders are compared {_by(found)}; a tie is not counted as better."
        f"{rest}"
    )


def _by(found: analysis.Faithfulness) -> str:
    if found.single.whole.bundle.problem_type == "regression":
        return (
            f"by the number; they differ if any two are {LEAST_OF_NUMBER:.0%} of it apart or more"
        )
    return f"in log-odds; they differ if any two are {LEAST} apart or more"


def payload(asked: WordsAsked, found: analysis.Faithfulness) -> dict[str, Any]:
    """What programs are answered and `web/trust.js` draws."""
    methods = {
        name: {
            **_measures(found, number),
            "agreement": plain(found.found.agreement.round(DIGITS))[number],
            "sentences": sentences(found, number, asked.way),
        }
        for number, name in enumerate(found.methods)
    }
    return {
        "methods": methods,
        "removal_tells": found.removal_tells,
        "keeping_tells": found.keeping_tells,
        "percents": list(found.percents),
        "plan": plan(found),
        "for_want_of_maps": analysis.for_want_of_maps(asked.model.bundle),
        **about_words(asked),
    }


def _measures(found: analysis.Faithfulness, place: int) -> dict[str, float | None]:
    """What one method came to, with the share of random orders that it is better than."""
    told: dict[str, float | None] = {}
    for name in analysis.MEASURES:
        own, chance = getattr(found.found, name)[place], getattr(found.by_chance, name)
        told[name] = round(float(own), DIGITS)
        told[f"{name}_percentile"] = analysis.percentile(
            own, chance, low=name.endswith("sufficiency")
        )
    if found.single.whole.bundle.problem_type == "regression":
        told |= {name: None for name in told if name.startswith("log_odds")}
    return told


def _cost(asked: Asked) -> Cost:
    return analysis.faithfulness_cost(asked.model, asked.reading, check_way(asked).way)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    words = check_way(asked)
    found = yield from analysis.faithfulness(*words)
    return {
        **payload(words, found),
        "least": found.single.least,
        "removed_by_chance": found.by_chance.log_odds_comprehensiveness.tolist(),
        "kept_by_chance": found.by_chance.log_odds_sufficiency.tolist(),
    }


FAITHFULNESS = Analysis(
    name="trust",
    button="Test the rankings",
    look_for=(
        "**How far to trust it.** A ranking of words is taken at its word: its highest words are "
        "removed, then kept alone, and the model asked again, beside 20 random orders of the same "
        "words. A ranking that beats about 10 of them is worth no more than chance here. "
        "Occlusion measures what it is then judged by, so it has a head start; where words count "
        "in pairs, as in “not bad”, it can fail all the same ([DeYoung et al. "
        "2020](https://aclanthology.org/2020.acl-main.408/))."
    ),
    widget="trust",
    cost=_cost,
    run=_run,
    **rather_than_and_way("trust"),
)


def trust(
    models: PageModels,
    text: str,
    text_pair: str = "",
    way: str = REMOVAL_MODES[0],
    bundle: str = "",
    rather_than: str = "",
    place: int | None = None,
) -> dict:
    """How far to trust rankings of words, against 20 random orders of the same words.

    Args:
        text: what to read, at most 10,000 characters; two words or more.
        text_pair: a second text, for models that compare two.
        way: what becomes of words: "deleted" or "masked".
        bundle: the title of the model; the page's first one that has answers if empty.
        rather_than: the class that the likeliest one is set against; all others if empty. See
            /occlusion.
        place: of models that tag or fill, which word or mask is asked about, from 1; the first that
            has an answer of its own if null.

    Returns:
        `methods`: by name (attention, norm-weighted attention, rollout, occlusion; no rollout where
        some layers have no maps, see `for_want_of_maps`) `comprehensiveness` and `sufficiency`
        (DeYoung et al. 2020), each with its `..._percentile` (the share of random orders that it is
        better than, a tie as half), the same four of the log-odds, as `log_odds_...` (null for a
        regression), `agreement` (Kendall's tau with the size of occlusion's effects on the
        log-odds; null where no word matters by itself) and `sentences`; `removal_tells` and
        `keeping_tells` (whether it makes a difference in which order words go, or which are kept:
        0.1 of log-odds between any two of the orders; otherwise no percentile says anything),
        `percents` (the steps of the mean), `plan` (in words), `for_want_of_maps` (what is left
        out, or of another layer than the last, where some layers have no maps; empty where all
        have), `label`, `value`, `log_odds`, `way`, `bundle`.
    """
    named = NamedTarget(rather_than=rather_than, place=place)
    asked = ask_words(models, text, text_pair, named, way, bundle)
    found = run_to_end(while_awaited(analysis.faithfulness(*asked)))
    return payload(asked, found)
