"""Finds the texts that graphs are measured on: ones that training never saw, where there are any.

An encoder's 8-bit graph is held to its limits on some thousands of them; a decoder writes from the
held-out sources of its training. Where those cannot be had, the page's examples serve, and without
examples tokens at random.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from transformers import PreTrainedTokenizerBase

from export.bundle.text_files import read_texts
from export.graphs.longest import longest_tried
from export.graphs.names import encoder_feed, input_names
from export.loading.checkpoint import LoadedEncoder, LoadedGenerator
from training.data.batches import Batch, EncodedText, encode_texts, pad
from training.data.corpus import Corpus, Example, load_corpus, renumbered
from training.data.hybrid_texts import load_pairs, load_sentences
from training.data.splits import normal_form
from training.file_names import find_noted_texts, noted_texts
from training.hybrid.tasks import DenoisingTask, PairsTask
from training.model.config import NUMBER
from training.readers.packaged import SOURCES
from training.readers.rows import noted_reading

_BATCH = 16
_WHERE = "run this in its folder, or name it with --held-out"


@dataclass(frozen=True)
class HeldOut:
    """Texts to measure on, and whether their labels are known."""

    texts: list[EncodedText]
    labelled: bool
    origin: Mapping[str, int] = field(default_factory=dict)
    """Where they come from, in words, and how many from there."""
    random: bool = False
    """Whether they are no texts but tokens at random, whose labels mean nothing."""
    longest: int | None = None
    """Tokens of the longest text that fits into memory with all maps of two graphs, if there is a
    limit; shorter ones are taken together."""


def checked_corpus(
    data: str | None, record: Mapping[str, Any] | None, part: LoadedEncoder
) -> Corpus | None:
    """The corpus called `data`, else that of the training; None where neither is known.

    Raises:
        FileNotFoundError, ValueError: as `load_corpus`, or the texts are not those of the training.
    """
    noted = (record or {}).get("data")
    if data:
        source = data
    elif noted:
        source = find_noted_texts(noted["source"], advice=_WHERE)
    else:
        return None
    is_own = noted is not None and noted["source"] in (source, noted_texts(source))
    corpus = load_corpus(source, noted_reading(noted) if noted and is_own else None)
    if data is None and noted and corpus.fingerprint != noted["fingerprint"]:
        raise ValueError(
            f"{source} has the fingerprint {corpus.fingerprint[:12]}, the training noted "
            f"{noted['fingerprint'][:12]}: its texts changed, so its test part may hold "
            "what was trained on. Train again, or give other texts with --held-out"
        )
    labels = part.labels
    is_number = corpus.problem_type == part.problem_type == NUMBER and len(labels) == 1
    if not part.classifies or is_number:  # a number's one name says nothing
        return corpus
    if sorted(corpus.labels) != sorted(labels):
        raise ValueError(
            f"{source} has the labels {', '.join(corpus.labels)}; the model's are "
            f"{', '.join(labels)}. Name them alike"
        )
    return renumbered(corpus, labels)


def draw_texts(
    part: LoadedEncoder | LoadedGenerator, count: int, lengths: tuple[int, int]
) -> list[EncodedText]:
    """Tokens at random, always the same: `count` texts of `lengths[0]` to below `lengths[1]`."""
    return draw_ids(len(part.tokenizer), count, lengths, part.max_tokens)


def draw_ids(
    words: int, count: int, lengths: tuple[int, int], longest: int | None = None
) -> list[EncodedText]:
    """As `draw_texts`, of so many words."""
    random = np.random.default_rng(0)
    sizes = np.minimum(random.integers(*lengths, count), longest or lengths[1])
    return [
        EncodedText(tuple(random.integers(0, words, n).tolist()), (0,) * int(n), 0, int(n))
        for n in sizes
    ]


def by_length(texts: Sequence[EncodedText]) -> list[EncodedText]:
    """The shortest first, so that a batch holds little padding."""
    return sorted(texts, key=lambda text: len(text.token_ids))


def batches(
    texts: Sequence[EncodedText], pad_id: int, longest: int | None = None
) -> Iterator[Batch]:
    """The texts in their order, a few at a time.

    Args:
        longest: tokens of a text that must be alone; maps grow with the square of the length.
    """
    together: list[EncodedText] = []
    for text in texts:
        tokens = max(len(one.token_ids) for one in (*together, text))
        too_large = longest and (len(together) + 1) * tokens**2 > longest**2
        if together and (len(together) == _BATCH or too_large):
            yield pad(together, pad_token_id=pad_id)
            together = []
        together.append(text)
    if together:
        yield pad(together, pad_token_id=pad_id)


def feed_of(batch: Batch, encoder: onnxruntime.InferenceSession) -> dict[str, np.ndarray]:
    """A batch as an encoder's graph takes it."""
    mask = batch.padding_mask.numpy().astype(np.int64)
    given = batch.token_ids.numpy(), mask, batch.segment_ids.numpy()
    return encoder_feed(input_names(encoder), *given)


ENOUGH_TEXTS = 3000
"""Fewer cannot tell a tenth of a per cent of the labels."""
_RANDOM_TEXTS, _RANDOM_TEXT_LENGTHS = 64, (3, 64)


def many_texts(
    data: str | None,
    record: Mapping[str, Any] | None,
    examples: Sequence[Mapping[str, str]],
    part: LoadedEncoder,
) -> HeldOut:
    """The test and validation parts of `data`, else of what the checkpoint was trained on; of a
    model that does not classify texts, all texts of a file, whose labels are none of its own.

    Where that is one of the packaged reviews and gives fewer than `ENOUGH_TEXTS`, test texts of the
    other packaged ones make up the number. Without any of it the examples; without those, tokens at
    random, which can show how far maps move and nothing of labels.

    Raises:
        FileNotFoundError, ValueError: as `checked_corpus` and `read_texts`; or a model that answers
            was given texts without a second one.
    """
    fits = longest_tried(part.sizes, part.max_tokens)
    if data and not part.classifies and Path(data).is_file():
        rows, name = _rows(read_texts(Path(data))), Path(data).name
        _check_pairs(rows, name, part)
        return _unlabelled(rows, name, part, fits)
    corpus = checked_corpus(data, record, part)
    if corpus is None:
        return _examples_or_random(examples, part, fits)
    limit = min(fits, (record or {}).get("recipe", {}).get("max_tokens", fits))
    chosen = {f"{corpus.name}, test": corpus.test, f"{corpus.name}, validation": corpus.validation}
    if data is None and corpus.source in SOURCES:
        missing = max(0, ENOUGH_TEXTS - sum(map(len, chosen.values())))
        chosen |= _others(corpus, missing)
    rows = [*chain(*chosen.values())]
    _check_pairs(rows, corpus.name, part)
    texts = encode_texts(rows, part.tokenizer, max_tokens=limit)
    origin = {name: len(rows) for name, rows in chosen.items() if rows}
    return HeldOut(texts, part.classifies, origin, longest=fits)


def _examples_or_random(
    examples: Sequence[Mapping[str, str]], part: LoadedEncoder, longest: int
) -> HeldOut:
    """The page's examples, whose labels nobody knows; without any, tokens at random."""
    if not examples:
        texts = draw_texts(part, _RANDOM_TEXTS, _RANDOM_TEXT_LENGTHS)
        return HeldOut(texts, False, {"tokens at random": _RANDOM_TEXTS}, random=True)
    return _unlabelled(_rows(examples), "the page's examples", part, longest)


def _unlabelled(rows: list[Example], name: str, part: LoadedEncoder, longest: int) -> HeldOut:
    """Texts of which nobody says the right answer."""
    if part.task == "embed":  # each text of a pair has a vector of its own
        rows = [Example(text, 0) for row in rows for text in (row.text, row.text_pair) if text]
    texts = encode_texts(rows, part.tokenizer, max_tokens=longest)
    return HeldOut(texts, False, {name: len(texts)}, longest=longest)


def _check_pairs(rows: Sequence[Example], name: str, part: LoadedEncoder) -> None:
    alone = next((number for number, row in enumerate(rows, 1) if not row.text_pair), None)
    if part.task == "answer" and alone is not None:
        raise ValueError(
            f"text {alone} of {name} has no text_pair, and the model answers questions; expected "
            "each question as text and what it is asked of as text_pair"
        )


def _rows(examples: Sequence[Mapping[str, str]]) -> list[Example]:
    return [Example(example["text"], 0, example.get("text_pair")) for example in examples]


def _others(corpus: Corpus, missing: int) -> dict[str, tuple[Example, ...]]:
    """Test texts of the other packaged reviews that are none of the corpus's own, by their name."""
    own = {normal_form(row.text) for row in (*corpus.train, *corpus.validation, *corpus.test)}
    found = {}
    for name in SOURCES:
        if name == corpus.source or not missing:
            continue
        other = load_corpus(name)
        if other.labels == corpus.labels:
            rows = [row for row in other.test if normal_form(row.text) not in own][:missing]
            found[f"{other.name}, test"] = tuple(rows)
            missing -= len(rows)
    return found


MOST = 200
_RANDOM_SOURCES = 20
_RANDOM_SOURCE_LENGTHS = (3, 24)

HELD_OUT = "held-out sources of the training"
EXAMPLES = "examples"
RANDOM = "random token ids"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What to write from, the shortest first."""

    texts: list[EncodedText]
    origin: str
    """One of the three above, or the name of a file."""
    remark: str = ""
    """Why they are not the training's own, where it had some."""


def find_sources(
    record: Mapping[str, Any] | None,
    examples: Sequence[Mapping[str, str]],
    part: LoadedEncoder | LoadedGenerator,
    given: Sequence[str] = (),
    origin: str = EXAMPLES,
) -> Sources:
    """At most `MOST` sources, or prompts, the best that there are.

    Args:
        record: the checkpoint's `training.json`, or None for a model that we did not train.
        examples: those that the page offers for writing, or others to be measured on.
        part: what they are given to.
        given: where else than in the current folder the texts of the training may lie.
        origin: what the examples are, in words.
    """
    hybrid, remark = (record or {}).get("hybrid", {}), ""
    limit = longest_tried(part.sizes, part.max_tokens)
    rows, origin = _rows(examples[:MOST]), origin if examples else RANDOM
    if "data" in hybrid:
        try:
            held_out = _held_out(hybrid, part.tokenizer, given)[:MOST]
            rows, origin = [Example(text, 0) for text in held_out], HELD_OUT
            limit = min(limit, hybrid["recipe"]["max_tokens"])
        except (FileNotFoundError, ValueError) as error:
            remark = f"those of the training are not to be had: {error}"
    if origin == RANDOM:
        texts = draw_texts(part, _RANDOM_SOURCES, _RANDOM_SOURCE_LENGTHS)
    else:
        texts = encode_texts(rows, part.tokenizer, max_tokens=limit)
    return Sources(texts=by_length(texts), origin=origin, remark=remark)


def _held_out(
    hybrid: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, given: Sequence[str]
) -> list[str]:
    """The sources of the training's test part, in the order in which it judged them.

    Raises:
        FileNotFoundError, ValueError: its texts are gone, or are others now.
    """
    data, recipe = hybrid["data"], hybrid["recipe"]
    found_at = partial(find_noted_texts, given=given, advice="run this in its folder")
    task: PairsTask | DenoisingTask
    if hybrid["task"] == PairsTask.name:
        task = PairsTask(load_pairs(found_at(data["source"]), noted_reading(data)))
    else:
        sentences = load_sentences(
            [found_at(name) for name in data["source"]],
            tokenizer,
            shortest=recipe["shortest"],
            longest=recipe["longest"],
            reading=noted_reading(data),
        )
        task = DenoisingTask(sentences, tokenizer)
    found = task.fingerprint
    if found != data["fingerprint"]:
        raise ValueError(
            f"the texts have the fingerprint {found[:12]}, the training noted "
            f"{data['fingerprint'][:12]}"
        )
    return [question.source for question in task.questions("test")]
