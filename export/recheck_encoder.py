"""Checks an encoder's graph by itself: form, shapes, maps, batches, masks, without torch.

`verify_encoder.py` holds it against torch when it is made; `recheck_decoder.py` is the counterpart.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from export.bundle_schema import Example
from export.encoder_samples import random_feed, sample_batches
from export.invariants import check_maps, check_ones, check_shapes, check_texts_alone, lengths_of
from export.longest import longest_read, not_read
from export.opened_graph import Case, OpenedGraph, without_warnings
from export.proof import Proof
from export.sessions import Arrays
from training.model.config import EncoderConfig

_TEXTS, _TOKENS = 4, 48
"""How many of a bundle's examples are read, and how far."""


def example_feed(
    folder: Path, examples: Sequence[Example], config: EncoderConfig
) -> tuple[str, dict[str, np.ndarray]]:
    """The first of a bundle's examples as one padded batch, and what it is; else random ids."""
    if not examples:
        tokens = min(17, config.max_position_embeddings)
        return f"3 x {tokens} random tokens", random_feed(config, 3, tokens, "right")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(_TOKENS, config.max_position_embeddings))
    encoded = tokenizer.encode_batch([_text(example) for example in examples[:_TEXTS]])
    lengths = [len(one.ids) for one in encoded]
    shape = (len(encoded), max(lengths))
    feed = {
        "input_ids": np.full(shape, config.pad_token_id or 0, np.int64),
        "attention_mask": np.zeros(shape, np.int64),
    }
    if config.has_segments:
        feed["token_type_ids"] = np.zeros(shape, np.int64)
    for row, (one, length) in enumerate(zip(encoded, lengths, strict=True)):
        feed["input_ids"][row, :length] = one.ids
        feed["attention_mask"][row, :length] = 1
        if config.has_segments:
            feed["token_type_ids"][row, :length] = one.type_ids
    return f"{shape[0]} x {shape[1]} tokens of the examples", feed


def recheck_encoder(
    graph: OpenedGraph,
    config: EncoderConfig,
    max_tokens: int,
    real: tuple[str, Arrays],
    proof: Proof,
) -> list[Case]:
    """Runs the matrix of batches, and gives what the other runtimes are tried on.

    Args:
        max_tokens: the longest text that the bundle reads.
        real: a batch of texts and its title.
    """
    title, texts = real
    proof.not_tried = not_read(config, max_tokens)
    cases = [Case(title=title, runs=lambda run: [run(texts)])]
    with without_warnings(proof):
        for name, feed in [*sample_batches(config, max_tokens), real]:
            proof.batches.append(name)
            with proof.attempt(name):
                found = graph.run(feed)
                check_maps(found, feed, name, proof)
                lengths = lengths_of(feed, graph.names.inputs)
                check_shapes(found, lengths, graph.names, name, proof)
        with proof.attempt(f"{title}, each by itself"):
            check_texts_alone(graph.run, texts, proof)
        with proof.attempt(f"{title}, with a head_mask of ones"):
            check_ones(
                graph.run(texts),
                lambda masks: graph.run({**texts, **masks}),
                graph.names.optional,
                proof,
            )
    random = _random_cases(config, max_tokens) if graph.precision == "float32" else []
    return cases + random


def _random_cases(config: EncoderConfig, max_tokens: int) -> list[Case]:
    """Ids that no text has are far outside of what 8 bit was measured on: for float32 alone."""
    limit = longest_read(config, max_tokens)
    middle = min(17, limit)
    shapes = ((1, 1, "none"), (3, middle, "left"), (2, middle, "everything"), (1, limit, "none"))
    return [
        _random_case(config, batch, tokens, padding, large=tokens == limit > middle)
        for batch, tokens, padding in shapes
    ]


def _random_case(
    config: EncoderConfig, batch: int, tokens: int, padding: str, *, large: bool
) -> Case:
    feed = random_feed(config, batch, tokens, padding)
    title = f"{batch} x {tokens} tokens, padding: {padding}"
    return Case(title=title, runs=lambda run: [run(feed)], large=large)


def _text(example: Example) -> str | tuple[str, str]:
    return (example.text, example.text_pair) if example.text_pair else example.text
