"""Random batches of token ids to try an encoder's graph on.

`decoder_samples.py` is its counterpart.
"""

from collections.abc import Iterator

import numpy as np

from export.longest import longest_read
from training.model.config import EncoderConfig

MAPS_AT_ONCE = 2**28
"""Bytes of maps that a batch of the longest texts may give; else it is a single text."""


def sample_batches(
    config: EncoderConfig, max_tokens: int | None = None
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Random batches of several sizes, with each kind of padding, up to `longest_read`.

    Yields: what the batch is, in words, and the graph's inputs.
    """
    limit = longest_read(config, max_tokens)
    middle = min(17, limit)
    maps = 4 * config.num_hidden_layers * config.num_attention_heads * limit**2
    for batch, tokens, padding in (
        (1, 1, "none"),
        (1, min(2, limit), "none"),
        (4, 1, "none"),
        (3, middle, "right"),
        (3, middle, "left"),
        (2, middle, "everything"),
        (2, limit, "right") if 2 * maps <= MAPS_AT_ONCE else (1, limit, "none"),
    ):
        title = f"{batch} x {tokens} tokens, padding: {padding}"
        yield title, random_feed(config, batch, tokens, padding)


def random_feed(
    config: EncoderConfig, batch: int, tokens: int, padding: str
) -> dict[str, np.ndarray]:
    """The graph's inputs of one batch; its first text is whole.

    Args:
        padding: of the others: `none`, `left`, `right`, or `everything`: not one real token.
    """
    random = np.random.default_rng(seed=batch * 1000 + tokens)
    mask = np.ones((batch, tokens), np.int64)
    for row in range(1, batch):
        gone = int(random.integers(1, tokens)) if tokens > 1 else 0
        if padding == "right":
            mask[row, tokens - gone :] = 0
        elif padding == "left":
            mask[row, :gone] = 0
        elif padding == "everything":
            mask[row] = 0
    feed = {
        "input_ids": random.integers(0, config.vocab_size, (batch, tokens)),
        "attention_mask": mask,
    }
    if config.has_segments:
        feed["token_type_ids"] = random.integers(0, config.type_vocab_size, (batch, tokens))
    return feed
