"""The panel on how far to trust each ranking of words."""

import math
from typing import Any

import numpy as np

from explorer.analysis.pace import Cost
from explorer.analysis.rankings import OCCLUSION
from explorer.analysis.removal import Way, check_way
from explorer.analysis.steps import Steps
from explorer.analysis.trust import RANDOM_ORDERS, Trust, beaten, trust, trust_cost
from explorer.panels.analysis import Analysis, Asked
from explorer.panels.way_option import way_control

LOOK_FOR = (
    "**How far to trust it.** A ranking of words is taken at its word: its highest words are taken "
    "away, then kept alone, and the answer read again, beside 20 random orders of the same words. "
    "A ranking that beats about 10 of them is worth no more than chance here. Occlusion measures "
    "what it is then judged by, so it has a head start; where words count in pairs, as in “not "
    "bad”, it can fail all the same "
    "([DeYoung et al. 2020](https://aclanthology.org/2020.acl-main.408/))."
)


def sentences(found: Trust, place: int, way: Way) -> list[str]:
    """How one method fared, in words."""
    name, by_chance = found.methods[place], found.by_chance
    removed = beaten(found.found.comprehensiveness[place], by_chance.comprehensiveness)
    kept = beaten(found.found.sufficiency[place], by_chance.sufficiency, low=True)
    what = "Removing" if way == "deleted" else "Masking"
    told = [
        f"{what} the words that {name} ranks highest moved the answer more than {removed} of "
        f"{RANDOM_ORDERS} random orders did; keeping only them held it better than {kept} of "
        f"{RANDOM_ORDERS}."
    ]
    tau = found.found.agreement[place]
    if name != OCCLUSION and not math.isnan(tau):
        closer = beaten(tau, by_chance.agreement)
        told.append(
            f"It agrees with the size of occlusion's effects better than {closer} of "
            f"{RANDOM_ORDERS} random orders do (Kendall's τ {tau:.2f}; 0 is chance, 1 the same "
            "order)."
        )
    return told


def plan(found: Trust) -> str:
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
        f"Mean over the top {steps} and {found.percents[-1]} % of {len(found.single.words)} words: "
        "comprehensiveness, by how much the answer falls without them, and sufficiency, by how "
        f"much with them alone. A tie is not counted as better.{rest}"
    )


def payload(found: Trust, way: Way) -> dict[str, Any]:
    """What `page/trust.js` draws."""
    by_chance = found.by_chance
    return {
        "plan": plan(found),
        "methods": [
            {
                "name": name,
                "sentences": sentences(found, place, way),
                "removed": float(found.found.comprehensiveness[place]),
                "kept": float(found.found.sufficiency[place]),
            }
            for place, name in enumerate(found.methods)
        ],
        "removed_by_chance": by_chance.comprehensiveness.tolist(),
        "kept_by_chance": by_chance.sufficiency.tolist(),
    }


def _cost(asked: Asked) -> Cost:
    return trust_cost(
        asked.runner, asked.reading, check_way(asked.options.get("way"), asked.runner)
    )


def _steps(asked: Asked) -> Steps[dict[str, Any]]:
    way = check_way(asked.options.get("way"), asked.runner)
    likeliest = int(np.argmax(asked.reading.probabilities))
    found = yield from trust(asked.runner, asked.reading, likeliest, way)
    return payload(found, way)


TRUST = Analysis(
    name="trust",
    button="Test the rankings",
    look_for=LOOK_FOR,
    widget="trust",
    cost=_cost,
    steps=_steps,
    lay_out_options=lambda bundle: {"way": way_control("trust")},
)
