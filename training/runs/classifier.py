"""One training run of a classifier, around the loop: what it starts with, and what came of it.

prepare -> Prepared -> fit -> measure_classifier -> Measured
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from training.checkpoints.classifier import initial_model
from training.data.batches import EncodedText, encode_texts
from training.data.corpus import Corpus, Example, UnknownWords, unknown_words
from training.data.masking import RandomMasking
from training.evaluation.classification import predict_logits
from training.evaluation.problems import Judged, fit_temperature_of, judge
from training.model.classifier import BERTClassifier
from training.model.config import NUMBER
from training.recipes import Recipe
from training.runs.new_tokens import add_tokens, characters_to_add

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
    model: BERTClassifier
    """What is to be trained, and what was, once `fit` has ended."""
    tokenizer: PreTrainedTokenizerBase
    licence: str
    """Of the weights that it starts from."""
    init: str
    """What named them."""
    texts: dict[str, list[EncodedText]]
    lengths: Lengths
    unknown: UnknownWords
    """Of the train part."""
    masking: RandomMasking | None
    added: tuple[str, ...]
    """Characters that are new to the tokenizer."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the trained model is worth."""

    validation: Judged
    test_before: Judged
    """On the test part, at temperature 1."""
    test: Judged
    """On the test part, at the fitted temperature."""
    temperature: float


def rehearsal(corpus: Corpus, recipe: Recipe) -> tuple[Corpus, Recipe]:
    """A small part of a corpus and one short epoch: to see that everything works, in a minute."""
    few = replace(
        corpus,
        train=_with_every_label(spread(corpus.train, 1000), corpus.train),
        validation=spread(corpus.validation, 200),
        test=spread(corpus.test, 200),
    )
    return few, replace(recipe, epochs=1, max_tokens=min(recipe.max_tokens, _QUICK_TOKENS))


def spread(examples: tuple[Example, ...], most: int) -> tuple[Example, ...]:
    """At most so many, evenly from the whole: files are often sorted by label."""
    if len(examples) <= most:
        return examples
    places = np.linspace(0, len(examples) - 1, most).astype(int)
    return tuple(examples[place] for place in places)


def _with_every_label(some: tuple[Example, ...], whole: tuple[Example, ...]) -> tuple[Example, ...]:
    """Of a label that `some` texts lack, the first of the `whole` as well."""
    firsts = {one.label: one for one in reversed(whole) if isinstance(one.label, int)}
    known = {one.label for one in some}
    return (*some, *(one for label, one in firsts.items() if label not in known))


def prepare(corpus: Corpus, recipe: Recipe, init: str, *, new_tokens: bool = False) -> Prepared:
    """Loads what training starts from and tokenises the corpus.

    With `new_tokens` the characters that the tokenizer cannot read are added first.

    Raises:
        FileNotFoundError, ValueError: as `initial_model`; or the encoder takes fewer tokens than
            the recipe asks for.
    """
    torch.manual_seed(recipe.seed)
    start = initial_model(
        init, labels=corpus.labels, pooler=recipe.pooler, problem_type=corpus.problem_type
    )
    if corpus.problem_type == NUMBER:
        begin_at_the_mean(start.model, [one.label for one in corpus.train])
    limit = start.model.config.encoder.max_position_embeddings
    if recipe.max_tokens > limit:
        raise ValueError(
            f"max_tokens is {recipe.max_tokens}, the encoder of {init} takes at most {limit}; "
            f"give --max-tokens {limit} or fewer"
        )
    read = [text for one in corpus.train for text in (one.text, one.text_pair) if text is not None]
    added = characters_to_add(read, start.tokenizer) if new_tokens else []
    add_tokens(start.model, start.tokenizer, added)
    texts = {
        part: encode_texts(examples, start.tokenizer, max_tokens=recipe.max_tokens)
        for part, examples in corpus.parts.items()
    }
    lengths = measure_lengths(texts, recipe.max_tokens)
    unknown = unknown_words(read, start.tokenizer)
    begins = (corpus, recipe, start.model, start.tokenizer, start.licence, init)
    masking = RandomMasking(start.tokenizer) if recipe.random_masking else None
    return Prepared(*begins, texts, lengths, unknown, masking, tuple(added))


@torch.no_grad()
def begin_at_the_mean(model: BERTClassifier, answers: Sequence[Any]) -> None:
    """Lets the head begin with numbers around the mean, as far from it as the answers are."""
    model.head.weight.mul_(float(np.std(answers)))
    model.head.bias.fill_(float(np.mean(answers)))


def measure_lengths(texts: dict[str, list[EncodedText]], max_tokens: int) -> Lengths:
    """Lengths over all parts."""
    full = np.array([text.full_length for part in texts.values() for text in part])
    median, share_95 = np.percentile(full, (50, 95), method="higher")
    return Lengths(int(median), int(share_95), int(full.max()), int((full > max_tokens).sum()))


def measure_classifier(
    model: BERTClassifier, texts: Mapping[str, Sequence[EncodedText]]
) -> Measured:
    """Fits the temperature on the validation part, then measures on the test part, once."""
    validation, test = (
        (predict_logits(model, texts[part]), np.array([text.label for text in texts[part]]))
        for part in ("validation", "test")
    )
    problem = model.config.problem_type
    temperature = fit_temperature_of(problem, *validation)
    return Measured(
        validation=judge(problem, *validation, temperature=temperature),
        test_before=judge(problem, *test),
        test=judge(problem, *test, temperature=temperature),
        temperature=temperature,
    )
