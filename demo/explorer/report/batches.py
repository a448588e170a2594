"""What is found of a batch of rows, and which rows make up a batch.

That follows from the table alone, not from what is done already or from who does it: 8-bit graphs
answer a text otherwise beside other texts, and a report that was stopped and goes on is to come out
as if it had not been. For the same cause graphs run on one thread, and plans do not hang on how
fast it is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.analyses.faithfulness import (
    Faithfulness,
    attention_received,
    faithfulness,
    percentile,
    words_that_disagree,
)
from explorer.analyses.head_ablation import head_effects
from explorer.analyses.occlusion import Occlusion, occlusion
from explorer.analyses.perturbation import RemovalMode, check_removal_mode, texts_per_run
from explorer.bundle import Bundle, in_sight
from explorer.inference.cost import TIME_BUDGET, Cost, Throughput, run_to_end
from explorer.inference.encoder import EncoderModel
from explorer.inference.logits import probabilities_of
from explorer.inference.reading import Reading
from explorer.inference.tokenizing import TextEncoder
from explorer.inference.tokens import own_words
from explorer.maps.view import attention_map, first_head
from explorer.measuring.analyses import Unhurried
from explorer.report.tables import BadRow, Row

Batch = Sequence[Row]
Result = dict[str, Any]
"""What is found of a row, ready for JSON: see `read_batch`."""
DIGITS = 6
"""Decimals of every number."""
FIGURES = "figures"
_WINDOW = 1024
"""Rows of the table that are put in order of their lengths at once."""
_TOGETHER = 8
"""Texts of one run where classes alone are asked for: more are no faster."""
_APART = 4
"""Texts of a batch whose words are removed: so much is lost, at most, by a kill."""


class ReportError(RuntimeError):
    """A report that cannot go on, as a sentence."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of every text."""

    words: bool = True
    """The effect of each word; else classes alone."""
    heads: bool = False
    faithfulness: bool = False
    figures: bool = False
    way: RemovalMode = "deleted"
    most: int | None = None
    """Changed texts that one analysis of one text may read; longer texts then get coarser plans."""
    seed: int = 0
    """Of the random orders that rankings are held against."""


class _Settled(Throughput):
    """Plans as if so many texts took all the time that an analysis has, whatever their length and
    the machine."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def cost(self, texts: int, tokens: int) -> Cost:
        return Cost(texts, TIME_BUDGET * texts / self._most)

    def texts_within(self, seconds: float, tokens: int) -> int:
        return max(1, int(self._most * seconds / TIME_BUDGET))


class BatchReader:
    """A bundle opened to read batches.

    Raises:
        BundleError: it does not open.
        RequestError: it cannot do what is asked.
    """

    def __init__(self, bundle: Bundle, asked: Asked, out: Path) -> None:
        """`out`: the report's folder, for figures."""
        self._model, self._asked, self._out = EncoderModel(bundle, threads=1), asked, out
        self._model.throughput = _Settled(asked.most) if asked.most else Unhurried()
        check_removal_mode(asked.way, self._model)
        if asked.heads:
            self._model.check_can_ablate()
        if asked.figures:
            (out / FIGURES).mkdir(exist_ok=True)

    def __call__(self, batch: Batch) -> list[Result]:
        """What is found of each row. Where classes alone are asked for, the texts are read in one
        run; else one by one, as the page reads them.

        Raises:
            ReportError: some of them cannot be read.
        """
        try:
            return self._read(batch)
        except Exception as error:  # onnxruntime's own classes share no other base
            rows = ", ".join(str(row.number) for row in batch)
            raise ReportError(f"One of the rows {rows} cannot be read: {error!s:.300}") from error

    def _read(self, batch: Batch) -> list[Result]:
        model, bundle = self._model, self._model.bundle
        if self._asked.words:
            return [self._analysed(row) for row in batch]
        encoded = [model.encode(row.text, row.text_pair, named=False) for row in batch]
        shares = probabilities_of(model.answer(encoded), bundle)
        return [
            _answered(row, bundle, those, len(one.ids), one.tokens_left_out)
            for row, those, one in zip(batch, shares, encoded, strict=True)
        ]

    def _analysed(self, row: Row) -> Result:
        model, asked = self._model, self._asked
        reading = model.read(row.text, row.text_pair)
        found = _answered(
            row, model.bundle, reading.probabilities, len(reading.tokens), reading.tokens_left_out
        )
        target = reading.likeliest
        trust = None
        if asked.faithfulness and len(own_words(reading.tokens)) > 1:
            seed = asked.seed + row.number
            trust = run_to_end(faithfulness(model, reading, target, asked.way, seed))
        single = trust.single if trust else run_to_end(occlusion(model, reading, target, asked.way))
        found |= _words(reading, single)
        if asked.heads:
            heads = run_to_end(head_effects(model, reading, target))
            effects = heads.effects(target), heads.log_odds_effects(target)
            found["heads"] = _effects(*effects)
        if asked.faithfulness:
            found["faithfulness"] = _percentiles(trust) if trust else None
        if asked.figures:
            found["figure"] = self._draw(row, reading)
        return found

    def _draw(self, row: Row, reading: Reading) -> str:
        """Draws the map that the page would show first; the file's place in the report's folder."""
        from explorer.drawing import draw  # matplotlib takes half a second to load

        view = attention_map(reading, *first_head(reading), words=True)
        name = f"{FIGURES}/{row.number:06d}.png"
        (self._out / name).write_bytes(draw(view, "png"))
        return name


def _answered(
    row: Row, bundle: Bundle, shares: NDArray[np.float32], tokens: int, left_out: int
) -> Result:
    """What is known of a row by its answer. `error` is whether the class is not the one given, or a
    regression's distance from the number given; None where none is, or none that is known."""
    likeliest, label = int(shares.argmax()), given_label(row.label, bundle)
    number = bundle.problem_type == "regression"
    error: bool | float | None = None
    if number and label is not None:
        error = _number(abs(float(shares[likeliest]) - float(label)))
    elif bundle.problem_type == "multi_label" and label in bundle.labels:
        error = bool(shares[bundle.labels.index(str(label))] <= 0.5)
    elif label in bundle.labels:
        error = label != bundle.labels[likeliest]
    values = [_number(share) for share in shares]
    return {
        "row": row.number,
        "hash": row.fingerprint,
        "text": row.text,
        "text_pair": row.text_pair,
        "label": label,
        "predicted": bundle.labels[likeliest],
        "confidence": None if number else values[likeliest],
        "number": values[likeliest] if number else None,
        "error": error,
        "probabilities": None if number else dict(zip(bundle.labels, values, strict=True)),
        "tokens": tokens,
        "tokens_left_out": left_out,
    }


def given_label(text: str, bundle: Bundle) -> str | None:
    """The label that a table gives a row, as the bundle writes it: by its name, or by its number
    from 0. One that the bundle does not know stays; None where there is none."""
    if bundle.problem_type == "regression":
        try:
            return text if np.isfinite(float(text)) else None
        except ValueError:
            return None
    text = in_sight(text)
    if not text or text in bundle.labels:
        return text or None
    alike = [label for label in bundle.labels if label.casefold() == text.casefold()]
    if len(alike) == 1:
        return alike[0]
    whole = text.removesuffix(".0")
    if whole.isascii() and whole.isdigit() and len(whole) < 10 and int(whole) < len(bundle.labels):
        return bundle.labels[int(whole)]
    return text


def _words(reading: Reading, found: Occlusion) -> Result:
    """Each word with its effect, what [CLS] gives it, and where the two disagree."""
    attention = attention_received(reading)
    marks = words_that_disagree(reading, found)
    effects = _effects(found.effects, found.log_odds_effects)
    parts = zip(found.words, effects["effect"], effects["log_odds"], attention, marks, strict=True)
    words = [
        {
            "text": word.text,
            "segment": word.segment,
            "effect": effect,
            "log_odds": log_odds,
            "attention": _number(received),
            "disagreement": mark,
        }
        for word, effect, log_odds, received, mark in parts
    ]
    return {"disagreement": sum(mark is not None for mark in marks), "words": words}


def _effects(effects: NDArray, log_odds: NDArray) -> dict[str, list]:
    """Both kinds as lists; a regression, which has no log-odds, has its numbers twice."""
    return {"effect": _numbers(effects), "log_odds": _numbers(log_odds)}


def _percentiles(found: Faithfulness) -> list[dict[str, Any]]:
    """How each method's ranking fares, and which share of random orders it is better than."""
    own, chance = found.found, found.by_chance
    return [
        {
            "method": method,
            "comprehensiveness": _number(own.comprehensiveness[place]),
            "comprehensiveness_percentile": percentile(
                own.comprehensiveness[place], chance.comprehensiveness
            ),
            "sufficiency": _number(own.sufficiency[place]),
            "sufficiency_percentile": percentile(
                own.sufficiency[place], chance.sufficiency, low=True
            ),
        }
        for place, method in enumerate(found.methods)
    ]


def _number(value: Any) -> float | None:
    """For JSON, which has no NaN."""
    rounded = round(float(value), DIGITS)
    return rounded if np.isfinite(rounded) else None


def _numbers(values: Any) -> list:
    return [_numbers(one) if np.ndim(one) else _number(one) for one in values]


def plan_batches(
    rows: Iterable[Row], bundle: Bundle, asked: Asked, skip: Callable[[BadRow], None]
) -> Iterator[list[Row]]:
    """All rows in batches of about one length, window after window of the table.

    Args:
        skip: takes the rows that the tokenizer makes nothing of.
    """
    encoder, rows = TextEncoder(bundle.tokenizer_file, bundle.most_tokens), iter(rows)
    most = _APART if asked.words else _TOGETHER
    while window := list(islice(rows, _WINDOW)):
        lengths = [len(encoder.encode(row.text, row.text_pair, named=False).ids) for row in window]
        batch: list[Row] = []
        for length, row in sorted(zip(lengths, window, strict=True), key=lambda one: one[0]):
            if not length:
                skip(BadRow(row.number, "the tokenizer makes no token of this text"))
                continue
            if len(batch) >= min(most, texts_per_run(bundle, length)):
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch
