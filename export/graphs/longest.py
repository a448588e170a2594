"""How long a text may be for a proof to fit into a stated memory.

The maps of a text grow with the square of its length: at 8,192 tokens those of XLM-R base take
39 GB, and a proof holds them four times.
"""

import math

from training.model.config import DecoderConfig, EncoderConfig

BUDGET = 4 * 2**30
"""Bytes that one run may take in a proof, in all their copies: what a machine of 8 GB can spare
beside the weights. It holds BERT-large at 512 tokens and GPT-2 at 1,024."""

_COPIES = 4
"""Of every map: torch's or a first run's, onnxruntime's own, the array made of that, and one of
another runtime."""
_PASSING = 6
"""Maps of one layer that are there for a moment more: its scores, masked, compared."""
_SOURCE = 40
"""Tokens that a decoder reads where what it writes is long."""


def longest_read(config: EncoderConfig, max_tokens: int | None = None) -> int:
    """The longest text, in tokens, that an encoder is tried on.

    Args:
        max_tokens: the longest that it will be given; by default as many as it has positions.
    """
    return min(
        max_tokens or config.max_position_embeddings,
        _fitting(
            layers=config.num_hidden_layers,
            heads=config.num_attention_heads,
            # Feed-forward, queries, keys and values, and each head's share of the value norms.
            per_token=(16 + config.num_attention_heads) * config.hidden_size,
        ),
    )


def longest_written(config: DecoderConfig, max_tokens: int | None = None) -> int:
    """The same of a target that a decoder is tried on; the start token counts."""
    maps = (_COPIES * config.num_hidden_layers + _PASSING) * config.num_attention_heads
    return min(
        max_tokens or config.max_position_embeddings,
        _fitting(
            layers=config.num_hidden_layers,
            heads=config.num_attention_heads,
            per_token=3 * config.vocab_size + 16 * config.hidden_size + maps * _SOURCE,
        ),
    )


def not_read(config: EncoderConfig, max_tokens: int | None = None) -> str:
    """What a proof of an encoder leaves open, in words; empty if nothing."""
    most = max_tokens or config.max_position_embeddings
    return _not_tried(longest_read(config, max_tokens), most)


def not_written(config: DecoderConfig, max_tokens: int | None = None) -> str:
    """The same of a decoder."""
    most = max_tokens or config.max_position_embeddings
    return _not_tried(longest_written(config, max_tokens), most)


def _not_tried(tried: int, max_tokens: int) -> str:
    if tried >= max_tokens:
        return ""
    return f"texts of {tried + 1:,} to {max_tokens:,} tokens, whose maps take more than 4 GiB"


def _fitting(*, layers: int, heads: int, per_token: int) -> int:
    """The largest n whose n² and n floats stay within the budget."""
    square, linear = 4 * heads * (_COPIES * layers + _PASSING), 4 * per_token
    root = math.isqrt(linear**2 + 4 * square * BUDGET)
    return max(1, (root - linear) // (2 * square))
