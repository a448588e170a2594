"""The decoder of a bundle that writes: its sizes, graph, and the ids it starts and ends with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from explorer.bundle_examples import Example, read_examples
from explorer.bundle_fields import AGAIN, BundleError, Fields
from explorer.bundle_graph import Graph, choose_graph


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoder:
    """What `bundle.json` and `decoder/` say about what writes. Layers and heads are counts."""

    tokenizer_file: Path
    layers: int
    heads: int
    vocabulary: int
    max_tokens: int
    """So many tokens at most, the start token among them."""
    task: str
    """`restore` if it writes a spoiled sentence clean; else a free word."""
    start_id: int
    end_id: int
    graph: Graph
    longest_learned: int | None = None
    """Words of the longest source that it was trained on; None if the bundle does not say."""
    examples: tuple[Example, ...] = ()
    """Sources to write from, as they are: a restorer's are spoiled already."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """What training measured: `test`, and `copied` for a baseline that copies the source."""

    @property
    def restores(self) -> bool:
        return self.task == "restore"


def read_decoder(fields: Fields, folder: Path, precision: str | None) -> Decoder:
    """Reads and checks the part of a bundle that writes.

    Raises:
        BundleError: a file is missing, or does not say what format 1 says.
    """
    tokenizer = folder / "decoder" / "tokenizer.json"
    if not tokenizer.is_file():
        raise BundleError(f"{folder} has no decoder/tokenizer.json, but says it writes. {AGAIN}")
    entry = Fields(fields.get("decoder", dict), fields.file, "decoder.")
    vocabulary = entry.positive("vocabulary", int)
    start, end = _start_and_end(folder / "decoder" / "generation_config.json", vocabulary)
    return Decoder(
        tokenizer_file=tokenizer,
        layers=entry.positive("layers", int),
        heads=entry.positive("heads", int),
        vocabulary=vocabulary,
        max_tokens=entry.positive("max_tokens", int),
        task=entry.get("task", str),
        start_id=start,
        end_id=end,
        graph=choose_graph(fields, folder, "generate", precision),
        longest_learned=_longest_learned(entry),
        examples=read_examples(entry) if "examples" in entry else (),
        metrics=entry.mapping("metrics"),
    )


def _longest_learned(entry: Fields) -> int | None:
    """From what training noted of its recipe, if the decoder is one of ours."""
    recipe = Fields(entry.mapping("checkpoint"), entry.file).mapping("recipe")
    longest = recipe.get("longest")
    return longest if isinstance(longest, int) and not isinstance(longest, bool) else None


def _start_and_end(file: Path, vocabulary: int) -> tuple[int, int]:
    """The ids of the start and the end token, from Hugging Face's generation_config.json."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{file} is not readable as JSON ({error}). {AGAIN}") from error
    if not isinstance(content, dict):
        raise BundleError(f"{file} holds no JSON object. {AGAIN}")
    fields = Fields(content, file)
    named = content.get("decoder_start_token_id") is not None
    start = fields.get("decoder_start_token_id" if named else "bos_token_id", int)
    end = fields.get("eos_token_id", int)
    for name, value in (("start", start), ("end", end)):
        if not 0 <= value < vocabulary:
            raise BundleError(
                f"{file} has {value} as its {name} token; the vocabulary has 0 to "
                f"{vocabulary - 1}. {AGAIN}"
            )
    return start, end
