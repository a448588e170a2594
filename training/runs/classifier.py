"""One training run from corpus to checkpoint; the command shows what it yields.

prepare -> Prepared -> fit -> Measured -> save
"""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.checkpoints.classifier import save_classifier
from training.checkpoints.initial import StartingPoint, starting_point
from training.checkpoints.record import write_record
from training.data.batches import EncodedText, encode_texts
from training.data.corpus import Corpus, Example
from training.data.splits import PARTS
from training.data.vocabulary import UnknownWords, unknown_words
from training.evaluation.classification import (
    Baseline,
    Metrics,
    fit_temperature,
    measure,
    predict_logits,
)
from training.file_names import noted_texts, public_name
from training.fit.classifier import Epoch
from training.recipes import Recipe

_QUICK_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the texts are, in tokens, before any is cut."""

    median: int
    share_95: int
    longest: int
    cut: int
    """Texts longer than the recipe's max_tokens."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a run needs, made before it starts."""

    corpus: Corpus
    recipe: Recipe
    start: StartingPoint
    texts: dict[str, list[EncodedText]]
    lengths: Lengths
    unknown: UnknownWords
    """Of the train part."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the trained model is worth."""

    validation: Metrics
    test_before: Metrics
    """On the test part, at temperature 1."""
    test: Metrics
    """On the test part, at the fitted temperature."""
    temperature: float


def rehearsal(corpus: Corpus, recipe: Recipe) -> tuple[Corpus, Recipe]:
    """A small part of a corpus and one short epoch: to see that everything works, in a minute."""
    few = replace(
        corpus,
        train=_spread(corpus.train, 1000),
        validation=_spread(corpus.validation, 200),
        test=_spread(corpus.test, 200),
    )
    return few, replace(recipe, epochs=1, max_tokens=min(recipe.max_tokens, _QUICK_TOKENS))


def _spread(examples: tuple[Example, ...], most: int) -> tuple[Example, ...]:
    """At most so many, evenly from the whole: files are often sorted by label."""
    if len(examples) <= most:
        return examples
    places = np.linspace(0, len(examples) - 1, most).astype(int)
    return tuple(examples[place] for place in places)


def prepare(corpus: Corpus, recipe: Recipe, init: str) -> Prepared:
    """Loads what training starts from and tokenises the corpus.

    Raises:
        FileNotFoundError, ValueError: as `starting_point`; or the encoder takes fewer tokens than
            the recipe asks for.
    """
    torch.manual_seed(recipe.seed)
    start = starting_point(init, labels=corpus.labels, pooler=recipe.pooler)
    limit = start.model.config.encoder.max_position_embeddings
    if recipe.max_tokens > limit:
        raise ValueError(
            f"max_tokens is {recipe.max_tokens}, the encoder of {init} takes at most {limit}; "
            f"give --max-tokens {limit} or fewer"
        )
    texts = {
        part: encode_texts(getattr(corpus, part), start.tokenizer, max_tokens=recipe.max_tokens)
        for part in PARTS
    }
    return Prepared(
        corpus,
        recipe,
        start,
        texts,
        measure_lengths(texts, recipe.max_tokens),
        unknown_words(_all_texts(corpus.train), start.tokenizer),
    )


def _all_texts(examples: Sequence[Example]) -> list[str]:
    """First texts, and the second ones where there are pairs."""
    return [text for one in examples for text in (one.text, one.text_pair) if text is not None]


def measure_lengths(texts: dict[str, list[EncodedText]], max_tokens: int) -> Lengths:
    """Lengths over all parts."""
    full = np.array([text.full_length for part in texts.values() for text in part])
    median, share_95 = np.percentile(full, (50, 95), method="higher")
    return Lengths(int(median), int(share_95), int(full.max()), int((full > max_tokens).sum()))


def measure_run(prepared: Prepared) -> Measured:
    """Fits the temperature on the validation part, then measures on the test part, once."""
    model = prepared.start.model
    logits = {part: predict_logits(model, prepared.texts[part]) for part in ("validation", "test")}
    answers = {part: _answers(prepared.texts[part]) for part in logits}
    temperature = fit_temperature(logits["validation"], answers["validation"])
    return Measured(
        validation=measure(logits["validation"], answers["validation"], temperature=temperature),
        test_before=measure(logits["test"], answers["test"]),
        test=measure(logits["test"], answers["test"], temperature=temperature),
        temperature=temperature,
    )


def _answers(texts: Sequence[EncodedText]) -> np.ndarray:
    return np.array([text.label for text in texts])


def save_run(
    folder: Path,
    prepared: Prepared,
    epochs: Sequence[Epoch],
    measured: Measured,
    baseline: Baseline,
    *,
    init: str,
    command: str,
    quick: bool,
) -> None:
    """Writes the checkpoint into an empty `folder`."""
    record = {
        "task": "classify",
        "title": prepared.corpus.title,
        "licence": f"{prepared.start.licence} {prepared.corpus.licence}",
        "labels": list(prepared.corpus.labels),
        "examples": list(prepared.corpus.examples),
        "rehearsal": quick,
        "data": describe_data(prepared),
        "recipe": {"init": public_name(init), **asdict(prepared.recipe)},
        "seed": prepared.recipe.seed,
        "command": command,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "scikit-learn")},
        },
        "temperature": measured.temperature,
        "metrics": {
            "test": asdict(measured.test),
            "test_before_temperature": asdict(measured.test_before),
            "validation": asdict(measured.validation),
            "baseline": asdict(baseline),
            "epochs": [asdict(epoch) for epoch in epochs],
        },
    }
    (folder / "encoder").mkdir()
    save_classifier(folder / "encoder", prepared.start.model, prepared.start.tokenizer)
    write_record(folder, record)


def describe_data(prepared: Prepared) -> dict[str, Any]:
    """The `data` of `training.json`."""
    corpus = prepared.corpus
    return {
        "source": noted_texts(corpus.source),
        "name": corpus.name,
        "reading": asdict(corpus.reading),
        "fingerprint": corpus.fingerprint,
        "sizes": {part: len(getattr(corpus, part)) for part in PARTS},
        "removed": asdict(corpus.removed),
        "lengths": asdict(prepared.lengths),
    }
