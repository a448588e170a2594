"""What widgets and programs receive: JSON of plain values. Widgets show them as text, never as
HTML; for programs numbers are rounded, and layers and heads count from 1.
"""

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bundle_format.schema import Example
from explorer.analyses.noise import Corruption, grade
from explorer.analyses.perturbation import Answers, Target
from explorer.bundle import Bundle
from explorer.drawing import can_draw
from explorer.inference.encoder import EncoderModel, Reading
from explorer.inference.generator import Generation
from explorer.inference.tokens import Token, own_words
from explorer.maps.maps import Axis, place_of
from explorer.maps.view import QUERY, MapView, RolloutView, first_step, first_token
from explorer.ui import wording
from explorer.ui.models import (
    GenerationSelection,
    PageModels,
    Source,
    corruptions_of,
    is_known_clean,
)

MAX_BARS = 8
DIGITS = 6
"""Decimals of a number for programs."""


def facts(bundle: Bundle) -> dict[str, Any]:
    """What stands under the page's title, and at its foot."""
    names = " · ".join(bundle.labels[:MAX_BARS])
    more = len(bundle.labels) - MAX_BARS
    facts = [
        names + (f" and {more} more" if more > 0 else ""),
        f"encoder: {bundle.layers} layers × {bundle.heads} heads",
        wording.sizes(bundle),
        wording.which_graph(bundle.graph),
        wording.accuracy(bundle),
        wording.worth(bundle.decoder),
    ]
    does = {"classify": bundle.classifies, "write": bundle.writes}
    return {
        "title": bundle.title,
        "tabs": [tab for tab, has in does.items() if has],
        "facts": [fact for fact in facts if fact],
    }


def answer(reading: Reading, bundle: Bundle) -> dict[str, Any]:
    """The classes with their probabilities, the likeliest first; for a regression its numbers."""
    values = reading.probabilities
    order = np.argsort(-values, kind="stable")[:MAX_BARS]
    if bundle.problem_type == "regression":
        bars = [{"label": bundle.labels[i], "text": f"{values[i]:.3f}"} for i in order]
        return {"heading": "The model's number", "bars": bars, "more": len(values) - len(order)}
    bars = [
        {"label": bundle.labels[i], "text": in_percent(values[i]), "share": float(values[i])}
        for i in order
    ]
    several = bundle.problem_type == "multi_label"
    heading = "Probability of each class by itself" if several else "The model's answer"
    return {"heading": heading, "bars": bars, "more": len(values) - len(order)}


def in_percent(share: float) -> str:
    """A probability that a model gives, which is never none and never all."""
    if share < 0.0005:
        return "<0.1%"
    return ">99.9%" if share >= 0.9995 else f"{share:.1%}"


def tokens(
    reading: Reading, view: MapView, bundle: Bundle, chosen: int | None = None
) -> dict[str, Any]:
    """The tokens, or words, and a whole map, so that choosing another one needs no call to the
    server.

    Args:
        chosen: the one whose row is to be shown; None leaves it to the widget.
    """
    unit = view.queries.unit
    texts = "\0".join([bundle.title, reading.text, reading.text_pair, unit])
    return {
        "reading": zlib.crc32(texts.encode()),
        "name": view.name,
        "unit": unit,
        "pair": bool(reading.text_pair),
        "tokens": [chip(token, place) for place, token in enumerate(view.queries.whole)],
        "left_out": reading.tokens_left_out,
        **packed(view),
        "first": first_token(view),
        "chosen": chosen,
    }


def chip(token: Token, place: int) -> dict[str, Any]:
    """A token or word as the widgets show it; `place` counts from 0."""
    return {
        "text": token.name,
        "piece": token.entry,
        "special": token.special,
        "continues": token.continues,
        "segment": token.segment,
        "number": "" if can_draw(token.label) else f"#{place + 1}",
    }


def packed(view: MapView) -> dict[str, Any]:
    """The numbers of a map. Weights are sent as 16-bit numbers, each row as parts of its largest:
    2 bytes a cell, at most 0.7 MB for 512 tokens."""
    tops = view.weights.max(axis=-1, initial=0)
    scaled = np.divide(
        view.weights, tops[:, None], out=np.zeros_like(view.weights), where=tops[:, None] > 0
    )
    rows = np.rint(scaled * 65535).astype("<u2")
    return {
        "queries": view.queries.indexes.tolist(),
        "keys": view.keys.indexes.tolist(),
        "rows": base64.b64encode(rows.tobytes()).decode(),
        "tops": tops.tolist(),
        "removed": view.removed.tolist(),
        "maximum": view.is_maximum,
    }


def examples(given: Sequence[Example]) -> list[dict[str, str]]:
    """The texts that a tab offers."""
    return [{"text": example.text, "text_pair": example.text_pair} for example in given]


def rollout(reading: Reading, view: RolloutView) -> dict[str, Any]:
    """What `web/rollout.js` draws."""
    whole = view.axis.whole
    return {
        "unit": view.axis.unit,
        "query": whole[QUERY].name,
        "layers": len(reading.weights),
        "tokens": [chip(token, place) for place, token in enumerate(whole)],
        "shown": view.axis.indexes.tolist(),
        "rows": [[round(share, 4) for share in row] for row in view.shares.tolist()],
        "removed": view.removed.tolist(),
        "entropies": view.entropies.tolist(),
    }


def written(
    selected: GenerationSelection, chosen: int | None = None, *, busy: bool = False
) -> dict[str, Any]:
    """The written tokens, or words, with their candidates, what they may attend to, and the map.

    Args:
        busy: more is to come.
        chosen: the one whose row is to be shown; None leaves it to the widget.
    """
    generation, looks_at, view = selected.generation, selected.looks_at, selected.view
    unit = view.queries.unit
    texts = "\0".join([selected.model.bundle.title, generation.source.text, unit])
    return {
        "source": zlib.crc32(texts.encode()),
        "busy": busy,
        "state": wording.state(generation, selected.generator.decoder, busy=busy),
        "text": generation.text,
        "name": view.name,
        "unit": unit,
        "looks_at": looks_at,
        "tokens": _written(generation, view.queries),
        "key_tokens": [chip(token, place) for place, token in enumerate(view.keys.whole)],
        **packed(view),
        "first": place_of(view.queries, first_step(generation)),
        "repair": None if busy else repair(selected),
        "chosen": chosen,
    }


def mark(source: Source, model: EncoderModel, *, asked: bool = False) -> dict[str, Any]:
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


def repair(selected: GenerationSelection) -> dict[str, Any] | None:
    """The clean sentence of a source that was corrupted, and once the text has come to its end,
    what was restored. None where that sentence is not known."""
    if selected.corrupted is None:
        return None
    generation, clean, found = selected.generation, selected.corrupted.clean, None
    known = is_known_clean(clean, selected.model)
    corruptions = corruptions_of(selected.corrupted, selected.model.mask)
    if generation.finished:
        words = [word.text for word in own_words(generation.tokens)]
        found = grade(corruptions, selected.generator.spelled(clean), words)
    return {
        "sentence": wording.graded(found, known_clean=known),
        "pieces": _pieces(clean, corruptions, found.restored if found else ()),
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


def _written(generation: Generation, axis: Axis) -> list[dict[str, Any]]:
    """What was written: each token, or word, with the steps that wrote it."""
    places = [word.places for word in axis.words or ()] or [(n,) for n in range(len(axis.whole))]
    return [
        {**chip(token, number), "steps": [_step(generation, place) for place in places[number]]}
        for number, token in enumerate(axis.whole)
    ]


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


def about(model: EncoderModel, reading: Reading) -> dict[str, Any]:
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


def rounded(values: NDArray[np.float32]) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


def about_generation(models: PageModels, title: Any, generation: Generation) -> dict[str, Any]:
    """What every endpoint says about a written text, its source and its models."""
    steps = zip(generation.tokens, generation.steps, generation.candidates, strict=True)
    return {
        **about(models.model(title), generation.source),
        "precision": models.generator(title).decoder.graph.precision,
        "text": generation.text,
        "finished": generation.finished,
        "target": [
            {
                **token_data(token),
                "probability": round(step.probability, DIGITS),
                "entropy": round(step.entropy, DIGITS),
                "candidates": [
                    {"piece": one.piece, "probability": round(share, DIGITS)}
                    for one, (_, share) in zip(candidates, step.candidates, strict=True)
                ],
            }
            for token, step, candidates in steps
        ],
    }
