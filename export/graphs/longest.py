"""How long a text may be for a proof to fit into a stated memory.

The maps of a text grow with the square of its length: at 8,192 tokens those of XLM-R base take
39 GB, and a proof holds them four times.
"""

import math

from export.graphs.spec import DecoderSizes, DecoderSpec, EncoderSizes, EncoderSpec
from training.model.config import DecoderConfig

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


def longest_tried(config: EncoderSizes | DecoderSizes, max_tokens: int | None = None) -> int:
    """The longest text, in tokens, that an encoder reads or a decoder writes in a proof.

    Args:
        max_tokens: the longest that it will be given; by default as many as it has positions. A
            decoder's start token counts.
    """
    heads, hidden = config.num_attention_heads, config.hidden_size
    maps = (_COPIES * config.num_hidden_layers + _PASSING) * heads
    if not isinstance(config, DecoderConfig | DecoderSpec):
        # Feed-forward, queries, keys and values, and each head's share of the value norms.
        per_token = (16 + heads) * hidden
        if isinstance(config, EncoderSpec):
            per_token += _COPIES * config.answer_width
    else:
        per_token = 3 * config.vocab_size + 16 * hidden + maps * _SOURCE
    # The largest n whose n² and n floats stay within the budget.
    square, linear = 4 * maps, 4 * per_token
    fitting = (math.isqrt(linear**2 + 4 * square * BUDGET) - linear) // (2 * square)
    return min(max_tokens or config.max_position_embeddings, max(1, fitting))


def not_tried(config: EncoderSizes | DecoderSizes, max_tokens: int | None = None) -> str:
    """What a proof of an encoder or a decoder leaves open, in words; empty if nothing."""
    tried, most = longest_tried(config, max_tokens), max_tokens or config.max_position_embeddings
    if tried >= most:
        return ""
    return f"texts of {tried + 1:,} to {most:,} tokens, whose maps take more than 4 GiB"
