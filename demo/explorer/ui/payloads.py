"""What widgets and programs receive: JSON of plain values. Widgets show them as text, never as
HTML; for programs numbers are rounded, and layers and heads count from 1.
"""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bundle_format.schema import Example
from explorer.analyses.noise import Corruption, grade
from explorer.analyses.perturbation import Answers, Target
from explorer.bundle import Bundle, in_sight
from explorer.fonts import can_draw
from explorer.inference.logits import ONE_OF_MANY
from explorer.inference.reading import GivenText, Reading
from explorer.inference.tokens import Token, group_words, own_words
from explorer.maps.maps import Axis
from explorer.maps.view import first_step
from explorer.ui import wording
from explorer.ui.models import Model, PageModels
from explorer.ui.sources.offered import (
    Source,
    corruptions_of,
    is_known_clean,
    offered_sources,
)
from explorer.writing.generation import Generation
from explorer.writing.generator import TextGenerator
from explorer.writing.prompt import Prompt
from explorer.writing.settings import Settings

MAX_BARS = 8
DIGITS = 6
"""Decimals of a number for programs."""


def facts(bundle: Bundle) -> dict[str, Any]:
    """What stands under the page's title, and at its foot."""
    names = " · ".join(bundle.labels[:MAX_BARS])
    more = len(bundle.labels) - MAX_BARS
    facts = [
        names + (f" and {more} more" if more > 0 else ""),
        wording.encoder(bundle),
        wording.sizes(bundle),
        wording.which_graph(bundle.graph),
        wording.accuracy(bundle),
        wording.worth(bundle.decoder),
    ]
    does = {
        "classify": bundle.does("explain"),
        "write": bundle.writes,
        "source": bundle.does("source"),
        "prompt": bundle.continues,
    }
    return {
        "title": bundle.title,
        "tabs": [tab for tab, has in does.items() if has],
        "facts": [fact for fact in facts if fact],
    }


def tour(model: Model) -> dict[str, list[str]]:
    """The steps of a tour that the model has something to show for, by their names in
    `web/guided_tour.js`."""
    bundle = model.bundle
    reads = bundle.does("explain") and bool(bundle.examples)
    has = {
        "map": reads,
        "head": reads,
        "disagreement": reads,
        "ablation": reads and model.can_ablate,
        "writing": bool(offered_sources(model)),
    }
    return {"steps": [step for step, there in has.items() if there]}


def looks(reading: Reading) -> str:
    """The words from which an answer is read, or from pieces of which; their attention counts."""
    if len(reading.read_from) == len(reading.tokens):
        return "all tokens on average"
    asked = {*reading.read_from}
    words = [word.text for word in group_words(reading.tokens) if asked & {*word.places}]
    names = list(dict.fromkeys(words))
    return names[0] if len(names) == 1 else f"{' and '.join(names)} on average"


def answer(reading: Reading, bundle: Bundle, most: int = MAX_BARS) -> dict[str, Any]:
    """The classes with their probabilities, the likeliest first; for a regression its numbers."""
    values = reading.probabilities
    order = np.argsort(-values, kind="stable")[:most]
    if bundle.problem_type == "regression":
        bars = [{"label": bundle.labels[i], "text": f"{values[i]:.3f}"} for i in order]
        return {"heading": "The model's number", "bars": bars, "more": len(values) - len(order)}
    bars = [
        {"label": bundle.labels[i], "text": in_percent(values[i]), "share": float(values[i])}
        for i in order
    ]
    several = bundle.problem_type == "multi_label"
    heading = "Probability of each class by itself" if several else "The model's answer"
    more = 0 if bundle.problem_type == ONE_OF_MANY else len(values) - len(order)
    return {"heading": heading, "bars": bars, "more": more}


def in_percent(share: float) -> str:
    """A probability that a model gives, which is never none and never all."""
    if share < 0.0005:
        return "<0.1%"
    return ">99.9%" if share >= 0.9995 else f"{share:.1%}"


def chip(token: Token, place: int) -> dict[str, Any]:
    """A token or word as the widgets show it; `place` counts from 0. `own` are the reader's
    characters, where those are not what is shown."""
    return {
        "text": token.name,
        **({} if token.text == token.name else {"own": token.text}),
        "piece": token.entry,
        "special": token.special,
        "continues": token.continues,
        "segment": token.segment,
        "number": "" if can_draw(token.label) else f"#{place + 1}",
    }


def examples(given: Sequence[Example]) -> list[dict[str, str]]:
    """The texts that a tab offers, as they are shown; one is read as the bundle has it."""
    return [{"text": in_sight(one.text), "text_pair": in_sight(one.text_pair)} for one in given]


def written(
    model: Model,
    generator: TextGenerator,
    generation: Generation,
    source: Source | None,
    settings: Settings,
    *,
    busy: bool = False,
) -> dict[str, Any]:
    """The written tokens with their candidates.

    Args:
        settings: how it was written.
        source: how the source came about, where it was corrupted on the page.
        busy: more is to come.
    """
    texts = "\0".join([model.bundle.title, generation.source.text])
    limit = generator.stopped_at(generation, settings)
    return {
        "source": zlib.crc32(texts.encode()),
        "busy": busy,
        "state": wording.state(generation, generator.decoder, limit, busy=busy),
        "prompt": _prompt_before(generation),
        "text": generation.text,
        "tokens": [
            {**chip(token, place), "step": _step(generation, place)}
            for place, token in enumerate(generation.tokens)
        ],
        "first": first_step(generation),
        "repair": None if busy or source is None else repair(model, generator, generation, source),
    }


def _prompt_before(generation: Generation) -> str:
    """The prompt that a text goes on from. Empty of one that answers, in a chat."""
    source = generation.source
    return source.text if isinstance(source, Prompt) and not source.templated else ""


def mark(source: Source, model: Model, *, asked: bool = False) -> dict[str, Any]:
    """What `corrupted` of `web/small.js` shows below a source: what was corrupted in it; nothing
    where that is not known.

    Args:
        asked: a reader wanted it corrupted, and is told if it could not be.
    """
    if source.text == source.clean:
        return {"sentence": wording.UNCORRUPTED, "pieces": []} if asked else {}
    pieces = _pieces(source.clean, corruptions_of(source, model.mask))
    known = is_known_clean(source.clean, model)
    return {"sentence": wording.CORRUPTED if known else wording.CORRUPTED_OWN, "pieces": pieces}


def repair(
    model: Model, generator: TextGenerator, generation: Generation, source: Source
) -> dict[str, Any]:
    """The clean sentence of a source that was corrupted, and once the text has come to its end,
    what was restored."""
    known, found = is_known_clean(source.clean, model), None
    corruptions = corruptions_of(source, model.mask)
    if generation.finished:
        words = [word.text for word in own_words(generation.tokens)]
        found = grade(corruptions, generator.spelled(source.clean), words)
    return {
        "sentence": wording.graded(found, known_clean=known),
        "pieces": _pieces(source.clean, corruptions, found.restored if found else ()),
    }


def _pieces(
    clean: str, corruptions: Sequence[Corruption], restored: Sequence[bool] = ()
) -> list[dict[str, Any]]:
    """A clean sentence cut where it was corrupted: each piece with its text, and a corrupted one
    with the `kind` of slip, and whether it is `restored` if that is known."""
    found: list[dict[str, Any]] = []
    at = 0
    for number, corruption in enumerate(corruptions):
        start, end = corruption.words[0][0], corruption.words[-1][1]
        found.append({"text": clean[at:start]})
        known = {"restored": restored[number]} if restored else {}
        found.append({"text": clean[start:end], "kind": corruption.kind, **known})
        at = end
    return [*found, {"text": clean[at:]}]


def _step(generation: Generation, place: int) -> dict[str, Any]:
    step = generation.steps[place]
    named = zip(generation.candidates[place], step.candidates, strict=True)
    return {
        "text": generation.tokens[place].label,
        "probability": step.probability,
        "entropy": step.entropy,
        "candidates": [
            {"text": token.label, "share": share, "chosen": index == step.token_id}
            for token, (index, share) in named
        ],
    }


def plain(numbers: NDArray) -> list:
    """An array as nested lists, with None for NaN, which JSON does not know."""
    plain_numbers = numbers.astype(object)
    plain_numbers[np.isnan(numbers)] = None
    return plain_numbers.tolist()


def plain_log_odds(numbers: NDArray[np.float64], bundle: Bundle) -> list | None:
    """The same for log-odds and effects on them; None for a regression, whose numbers have none."""
    return None if bundle.problem_type == "regression" else plain(numbers)


def log_odds_of_target(answer: Answers, target: Target) -> float | None:
    """Of one answer; None for a regression."""
    if answer.bundle.problem_type == "regression":
        return None
    return float(answer.target_log_odds(target))


def log_odds_by_label(answer: Answers) -> dict[str, float] | None:
    """Of one answer; None for a regression."""
    if answer.bundle.problem_type == "regression":
        return None
    return dict(zip(answer.bundle.labels, answer.log_odds.tolist(), strict=True))


def rounded_numbers(data: Any) -> Any:
    """Plain data for programs: its fractions rounded to `DIGITS`, all else as it is."""
    if isinstance(data, float):
        return round(data, DIGITS)
    if isinstance(data, dict):
        return {name: rounded_numbers(part) for name, part in data.items()}
    return [rounded_numbers(part) for part in data] if isinstance(data, list) else data


def about(model: Model, reading: GivenText) -> dict[str, Any]:
    """What every endpoint says about a reading."""
    return {
        "tokens": [token_data(token) for token in reading.tokens],
        "tokens_left_out": reading.tokens_left_out,
        "max_tokens": model.bundle.most_tokens,
        "bundle": model.bundle.title,
        "precision": model.bundle.graph.precision,
    }


def token_data(token: Token) -> dict[str, Any]:
    """A token for programs."""
    return {name: getattr(token, name) for name in ("piece", "text", "special", "segment")}


def words_data(axis: Axis) -> list[dict[str, Any]] | None:
    """The words along an axis for programs; None where it has tokens."""
    if axis.words is None:
        return None
    return [
        {"text": word.text, "special": word.special, "segment": word.segment, "tokens": word.places}
        for word in axis.words
    ]


def rounded(values: NDArray[np.floating]) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


def _template_error(source: GivenText) -> str | None:
    """Why a prompt does not stand in its model's chat template, where it should."""
    return source.untemplated or None if isinstance(source, Prompt) else None


def about_generation(
    models: PageModels, title: Any, generation: Generation, settings: Settings | None
) -> dict[str, Any]:
    """What every endpoint says about a written text, its source and its models.

    Args:
        settings: how it was written; None of a text that was given.
    """
    generator = models.generator(title)
    steps = zip(generation.tokens, generation.steps, generation.candidates, strict=True)
    return {
        **about(models.model(title), generation.source),
        "precision": generator.decoder.graph.precision,
        "text": generation.text,
        "finished": generation.finished,
        "stopped_at": generator.stopped_at(generation, settings) if settings else None,
        "chat_template_error": _template_error(generation.source),
        "target": [
            {
                **token_data(token),
                "probability": round(step.probability, DIGITS),
                "entropy": round(step.entropy, DIGITS),
                "candidates": [
                    {"piece": one.piece, "text": one.text, "probability": round(share, DIGITS)}
                    for one, (_, share) in zip(candidates, step.candidates, strict=True)
                ],
            }
            for token, step, candidates in steps
        ],
    }
