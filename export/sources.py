"""Sources that a decoder is to write from, where its graph is held against torch and float32.

The held-out ones of its training, where they can be had; else the page's examples; else random ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from transformers import PreTrainedTokenizerBase

from export.encoder_graph import encoder_of
from export.held_out import by_length, draw_texts
from export.longest import longest_read
from export.parts import EncoderPart
from training.data.batches import EncodedText, encode_texts
from training.data.corpus import Example
from training.data.pairs import load_pairs
from training.data.sentences import load_sentences
from training.file_names import find_noted_texts
from training.hybrid.tasks import Following, Restoring
from training.readers.rows import noted_reading

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
    """One of the three above."""
    remark: str = ""
    """Why they are not the training's own, where it had some."""


def find_sources(
    record: Mapping[str, Any] | None,
    examples: Sequence[Mapping[str, str]],
    part: EncoderPart,
    given: Sequence[str] = (),
) -> Sources:
    """At most `MOST` sources, the best that there are.

    Args:
        record: the checkpoint's `training.json`, or None for a model that we did not train.
        examples: those that the page offers for writing.
        given: where else than in the current folder the texts of the training may lie.
    """
    hybrid, remark = (record or {}).get("hybrid", {}), ""
    fits = longest_read(encoder_of(part.model).config, part.max_tokens)
    if "data" in hybrid:
        try:
            rows = [Example(text, 0) for text in _held_out(hybrid, part.tokenizer, given)[:MOST]]
            limit = min(fits, hybrid["recipe"]["max_tokens"])
            return _encoded_sources(rows, part, limit, HELD_OUT)
        except (FileNotFoundError, ValueError) as error:
            remark = f"those of the training are not to be had: {error}"
    if examples:
        rows = [Example(e["text"], 0, e.get("text_pair")) for e in examples[:MOST]]
        return _encoded_sources(rows, part, fits, EXAMPLES, remark)
    return Sources(
        texts=by_length(draw_texts(part, _RANDOM_SOURCES, _RANDOM_SOURCE_LENGTHS)),
        origin=RANDOM,
        remark=remark,
    )


def _held_out(
    hybrid: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, given: Sequence[str]
) -> list[str]:
    """The sources of the training's test part, in the order in which it judged them.

    Raises:
        FileNotFoundError, ValueError: its texts are gone, or are others now.
    """
    data, recipe = hybrid["data"], hybrid["recipe"]
    found_at = partial(find_noted_texts, given=given, advice="run this in its folder")
    task: Following | Restoring
    if hybrid["task"] == Following.name:
        task = Following(load_pairs(found_at(data["source"]), noted_reading(data)))
    else:
        sentences = load_sentences(
            [found_at(name) for name in data["source"]],
            tokenizer,
            shortest=recipe["shortest"],
            longest=recipe["longest"],
            reading=noted_reading(data),
        )
        task = Restoring(sentences, tokenizer)
    found = task.describe()["fingerprint"]
    if found != data["fingerprint"]:
        raise ValueError(
            f"the texts have the fingerprint {found[:12]}, the training noted "
            f"{data['fingerprint'][:12]}"
        )
    return [question.source for question in task.questions("test")]


def _encoded_sources(
    rows: Sequence[Example], part: EncoderPart, limit: int, origin: str, remark: str = ""
) -> Sources:
    texts = encode_texts(rows, part.tokenizer, max_tokens=limit)
    return Sources(texts=by_length(texts), origin=origin, remark=remark)
