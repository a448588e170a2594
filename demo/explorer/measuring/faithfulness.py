"""How rankings of words fare against random orders, over many texts."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.analysis.pace import Cost, Pace
from explorer.analysis.rankings import METHODS, OCCLUSION
from explorer.analysis.removal import own_words
from explorer.analysis.steps import finish
from explorer.analysis.trust import Trust, percentile, trust
from explorer.runner import Runner

Text = tuple[str, str]
"""A text, and its second text or nothing."""


class Summary(NamedTuple):
    """What one method came to, over all texts."""

    method: str
    comprehensiveness: float
    comprehensiveness_percentile: float
    """The mean share of random orders that it is better than; chance is 0.5."""
    sufficiency: float
    sufficiency_percentile: float
    agreement: float
    """Kendall's tau with the sizes of occlusion's effects, mean over texts that have one."""
    better: float
    """The share of texts in which its comprehensiveness is above that of the median random order.
    """


class Unhurried(Pace):
    """Plans as if a text took no time, so that no measurement depends on the machine."""

    def measured(self, tokens: int, seconds: float) -> None:
        pass

    def cost(self, texts: int, tokens: int) -> Cost:
        return Cost(texts, 0.0)

    def texts_within(self, seconds: float, tokens: int) -> int:
        return 10**9


def measure_texts(runner: Runner, texts: Sequence[Text], seed: int) -> Iterator[Trust]:
    """Each text's rankings against random orders, words deleted. Texts of fewer than two words are
    left out."""
    runner.pace = Unhurried()
    for number, (text, text_pair) in enumerate(texts):
        reading = runner.read(text, text_pair)
        if len(own_words(reading.tokens)) < 2:
            continue
        likeliest = int(np.argmax(reading.probabilities))
        yield finish(trust(runner, reading, likeliest, "deleted", seed=seed + number))


def summarise(found: Sequence[Trust]) -> list[Summary]:
    """The means over texts, for each method and for a random order."""
    rows = [_summary(method, place, found) for place, method in enumerate(METHODS)]
    means = [
        [float(np.mean(one.by_chance.comprehensiveness)) for one in found],
        [float(np.mean(one.by_chance.sufficiency)) for one in found],
        [float(np.mean(one.by_chance.agreement)) for one in found],
    ]
    first, second, third = (float(np.nanmean(column)) for column in means)
    return [*rows, Summary("a random order", first, 0.5, second, 0.5, third, 0.5)]


def _summary(method: str, place: int, found: Sequence[Trust]) -> Summary:
    def mean(numbers: list) -> float:
        return float(np.nanmean(np.array(numbers, np.float64)))

    def ranks(own: list, chance: list[NDArray], *, low: bool = False) -> float:
        pairs = zip(own, chance, strict=True)
        return mean([percentile(value, those, low=low) for value, those in pairs])

    removed = [one.found.comprehensiveness[place] for one in found]
    kept = [one.found.sufficiency[place] for one in found]
    chance = [one.by_chance.comprehensiveness for one in found]
    return Summary(
        method,
        mean(removed),
        ranks(removed, chance),
        mean(kept),
        ranks(kept, [one.by_chance.sufficiency for one in found], low=True),
        mean([one.found.agreement[place] for one in found]),
        mean([value > np.median(those) for value, those in zip(removed, chance, strict=True)]),
    )


def show_summaries(rows: Sequence[Summary]) -> str:
    """The means as a Markdown table."""
    lines = [
        "| words ranked by | comprehensiveness | percentile | sufficiency | percentile "
        "| τ with occlusion | above the median random order |",
        "|---" + "|---:" * 6 + "|",
    ]
    for row in rows:
        # Its own scores are signed, and the comparison is with their sizes: no news of the method.
        agreement = "" if row.method == OCCLUSION else f"{row.agreement:.2f}"
        lines.append(
            f"| {row.method} | {row.comprehensiveness:.3f} | {row.comprehensiveness_percentile:.0%}"
            f" | {row.sufficiency:.3f} | {row.sufficiency_percentile:.0%} | {agreement} "
            f"| {row.better:.0%} |"
        )
    return "\n".join(lines)
