"""How rankings of words fare against random orders, over many texts; and how long every analysis of
the page takes on one.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from explorer.analyses.faithfulness import (
    MEASURES,
    OCCLUSION,
    Faithfulness,
    faithfulness,
    percentile,
)
from explorer.analyses.generated_text import decoder_head_effects, source_attribution
from explorer.analyses.head_ablation import head_effects, prune
from explorer.analyses.occlusion import occlusion, word_pairs
from explorer.analyses.perturbation import LEAST, LEAST_OF_NUMBER
from explorer.analyses.smallest_flip import smallest_flip
from explorer.inference.cost import Cost, Throughput, run_to_end
from explorer.inference.encoder import EncoderModel
from explorer.inference.tokens import own_words
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings

Text = tuple[str, str]
"""A text, and its second text or nothing."""


Summary = dict[str, float]
"""What one method came to, over all texts: each of `MEASURES`, and as `<measure>_percentile` the
mean share of random orders that it is better than, where chance is 0.5; `agreement`, Kendall's tau
with the sizes of occlusion's effects, mean over texts that have one, NaN where none has; and as
`better` the share of texts in which its comprehensiveness is above that of the median random order.
"""


class Unhurried(Throughput):
    """Plans as if a text took no time, so that no measurement depends on the machine."""

    def cost(self, texts: int, tokens: int) -> Cost:
        return Cost(texts, 0.0)

    def texts_within(self, seconds: float, tokens: int) -> int:
        return 10**9


def measure_texts(model: EncoderModel, texts: Sequence[Text], seed: int) -> Iterator[Faithfulness]:
    """Each text's rankings against random orders, words deleted. Texts of fewer than two words are
    left out."""
    model.throughput = Unhurried()
    for number, (text, text_pair) in enumerate(texts):
        reading = model.read(text, text_pair)
        if len(own_words(reading.tokens)) < 2:
            continue
        likeliest = reading.likeliest
        yield run_to_end(faithfulness(model, reading, likeliest, "deleted", seed=seed + number))


def summarise(found: Sequence[Faithfulness]) -> dict[str, Summary]:
    """The means over texts of one model, for each method and for a random order.

    Args:
        found: of each text; one at least.
    """
    rows = {method: _summary(place, found) for place, method in enumerate(found[0].methods)}
    by_chance = {
        name: _mean([np.mean(getattr(one.by_chance, name)) for one in found])
        for name in (*MEASURES, "agreement")
    }
    percentiles = {f"{name}_percentile": 0.5 for name in MEASURES}
    return {**rows, "a random order": {**by_chance, **percentiles, "better": 0.5}}


def _summary(place: int, found: Sequence[Faithfulness]) -> Summary:
    own = {
        name: [getattr(one.found, name)[place] for one in found]
        for name in (*MEASURES, "agreement")
    }
    chance = {name: [getattr(one.by_chance, name) for one in found] for name in MEASURES}

    def pairs(name: str) -> Iterator[tuple]:
        return zip(own[name], chance[name], strict=True)

    percentiles = {
        f"{name}_percentile": _mean(
            [percentile(*pair, low=name.endswith("sufficiency")) for pair in pairs(name)]
        )
        for name in MEASURES
    }
    better = _mean([value > np.median(those) for value, those in pairs("comprehensiveness")])
    means = {name: _mean(values) for name, values in own.items()}
    return {**means, **percentiles, "better": better}


def _mean(numbers: Sequence[float]) -> float:
    """Without NaN; NaN if there is nothing else."""
    known = [float(number) for number in numbers if not np.isnan(number)]
    return float(np.mean(known)) if known else float("nan")


def show_summaries(rows: Mapping[str, Summary], *, number: bool = False) -> str:
    """The means as a Markdown table.

    Args:
        number: of a regression, which has no log-odds.
    """
    measures = MEASURES[:2] if number else MEASURES
    names = [name.removeprefix("log_odds_") for name in measures]
    heads = [
        name if name == measure else f"{name} in log-odds"
        for name, measure in zip(names, measures, strict=True)
    ]
    lines = [
        f"| words ranked by | {' | percentile | '.join(heads)} | percentile "
        "| τ with occlusion | above the median random order |",
        "|---" + "|---:" * (2 * len(measures) + 2) + "|",
    ]
    for method, row in rows.items():
        # Its own scores are signed, and the comparison is with their sizes: no news of the method.
        agreement = "" if method == OCCLUSION else _known(row["agreement"])
        cells = [f"{row[name]:.3f} | {row[f'{name}_percentile']:.0%}" for name in measures]
        lines.append(f"| {method} | {' | '.join(cells)} | {agreement} | {row['better']:.0%} |")
    return "\n".join(lines)


def say_where_order_matters(found: Sequence[Faithfulness], *, number: bool = False) -> str:
    """In how many texts rankings can differ at all: elsewhere their percentiles say nothing."""
    least = f"{LEAST_OF_NUMBER:.0%} of the number" if number else f"{LEAST} of log-odds"
    removed, kept = (
        sum(getattr(one, name) for one in found) for name in ("removal_tells", "keeping_tells")
    )
    return (
        f"In {removed} of {len(found)} texts it makes a difference in which order words are "
        f"removed, in {kept} which are kept alone: some two orders are {least} apart or more."
    )


def _known(value: float) -> str:
    return "not measured" if np.isnan(value) else f"{value:.2f}"


_WRITTEN = 48
"""Tokens that a decoder writes at most."""

Named = Iterator[tuple[str, Callable[[], object]]]


def all_analyses(model: EncoderModel, generator: TextGenerator | None, text: Text) -> Named:
    """All that the page offers for this model and this text by their names, each ready to run."""
    reading = model.read(*text)
    asked = model, reading, reading.likeliest
    if model.bundle.classifies:
        yield "answer and maps", lambda: model.read(*text)
        yield "occlusion", lambda: run_to_end(occlusion(*asked, "deleted"))
        yield "pairs of words", lambda: run_to_end(word_pairs(*asked, "deleted"))
        if model.bundle.problem_type != "regression":
            yield "smallest flip", lambda: run_to_end(smallest_flip(*asked, "deleted"))
        yield "trust", lambda: run_to_end(faithfulness(*asked, "deleted"))
        if model.can_ablate:
            yield "effect of each head", lambda: run_to_end(head_effects(*asked))
            yield "heads one after another", lambda: run_to_end(prune(*asked))
    if generator is not None:
        settings = Settings(max_tokens=_WRITTEN)
        *_, written = generator.write(reading, settings)
        source = source_attribution(model, generator, written)
        heads = decoder_head_effects(generator, written)
        yield "writing", lambda: list(generator.write(reading, settings))
        yield "source words removed", lambda: run_to_end(source)
        yield "effect of the decoder's heads", lambda: run_to_end(heads)


def text_of_length(model: EncoderModel, texts: Sequence[Text], tokens: int) -> Text:
    """The first words of the texts, one after another: as many as make at most so many tokens."""
    words = " ".join(text for text, _ in texts).split()
    few, many = 0, min(len(words), tokens)
    while few < many:
        middle = (few + many + 1) // 2
        encoded = model.encode(" ".join(words[:middle]))
        fits = len(encoded.ids) + encoded.tokens_left_out <= tokens
        few, many = (middle, many) if fits else (few, middle - 1)
    return " ".join(words[:few]), ""


def seconds_of(analyses: Named) -> dict[str, float]:
    """How long each takes, run once."""
    taken = {}
    for name, run in analyses:
        started = time.perf_counter()
        run()
        taken[name] = time.perf_counter() - started
    return taken


def show_times(columns: Mapping[int, Mapping[str, float]]) -> str:
    """Seconds as a Markdown table: a row for each analysis, a column for each number of tokens."""
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    lines = [
        f"| seconds for | {' | '.join(f'{tokens} tokens' for tokens in columns)} |",
        "|---" + "|---:" * len(columns) + "|",
    ]
    for name in names:
        cells = [f"{column[name]:.3g}" if name in column else "" for column in columns.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
