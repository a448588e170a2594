"""What is known of an encoder or a decoder without its weights, whoever wrote its model.

Of our own models that is `EncoderConfig` or `DecoderConfig`. Of every other it is an `EncoderSpec`
or a `DecoderSpec`, which have the same names for the same sizes, read from the config of its family
in `transformers`.
"""

from dataclasses import dataclass
from typing import Any

from export.graphs.families import TESTED, deviation_of
from training.model.config import DecoderConfig, EncoderConfig


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """Sizes and inputs of an encoder of `transformers`."""

    model_type: str
    """The family, in Hugging Face's word."""
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    """The longest text, in tokens."""
    type_vocab_size: int = 0
    """How many segments a text may have; 0: the graph takes no `token_type_ids`."""
    pad_token_id: int = 0
    pads_left: bool = False
    """Where its tokenizer puts the padding of a batch."""
    answer_width: int = 0
    """How many numbers its head gives for each token, where they are many: a word's each."""

    @property
    def has_segments(self) -> bool:
        """Whether text A and text B are told apart."""
        return self.type_vocab_size > 1

    @property
    def alone(self) -> bool:
        """Whether a text gives the same in a padded batch as by itself."""
        return deviation_of(self.model_type).alone

    @property
    def rounds_farthest(self) -> bool:
        """Whether runtimes may differ at the farthest distance that it knows."""
        return deviation_of(self.model_type).rounds_farthest


EncoderSizes = EncoderConfig | EncoderSpec
"""Of ours or of any other encoder."""


@dataclass(frozen=True, kw_only=True)
class DecoderSpec:
    """Sizes and inputs of a decoder of `transformers`: one alone, or one that reads a source."""

    model_type: str
    """The family of the whole model, in Hugging Face's word."""
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    """The longest text, in tokens; of a decoder alone the prompt counts."""
    num_key_value_heads: int
    """Several heads may share their keys and values."""
    head_dim: int
    """Numbers of a key, and of a value."""
    source_width: int = 0
    """Numbers for each token of the source; 0: it is alone and reads none."""
    takes_positions: bool = True
    """Whether a decoder alone is told the tokens' positions; else it counts them itself."""
    cached: bool = True
    """Whether its family keeps keys and values; else each step of one alone reads all again."""
    pad_token_id: int = 0

    @property
    def alone(self) -> bool:
        """Whether it reads no source, and goes on from a prompt."""
        return not self.source_width


DecoderSizes = DecoderConfig | DecoderSpec
"""Of ours or of any other decoder."""


def cached_sizes(sizes: DecoderSizes) -> tuple[int, int]:
    """How many heads have keys and values of their own, and how many numbers each of them has."""
    if isinstance(sizes, DecoderSpec):
        return sizes.num_key_value_heads, sizes.head_dim
    return sizes.num_attention_heads, sizes.hidden_size // sizes.num_attention_heads


def is_foreign(sizes: EncoderSizes) -> bool:
    """Whether the model is one of `transformers`, not ours.

    Those promise what a map looks like for real tokens alone: the row of a padded position is
    whatever the family leaves there, often uniform, where ours is 0.
    """
    return isinstance(sizes, EncoderSpec)


def pads_left(sizes: EncoderSizes) -> bool:
    """Whether a batch is padded on the left; ours are padded on the right."""
    return isinstance(sizes, EncoderSpec) and sizes.pads_left


def untested(sizes: EncoderSizes | DecoderSizes) -> list[str]:
    """That a proven model is of a family which no test of ours has; nothing of any other."""
    if isinstance(sizes, EncoderConfig | DecoderConfig) or sizes.model_type in TESTED:
        return []
    return [f"proven for this model; its family, {sizes.model_type}, is not in our tests"]


def spec_from_hf(
    config: Any, *, segments: bool, limit: int, pads_left: bool, fills: bool = False
) -> EncoderSpec:
    """The sizes by a config of `transformers`, which knows every family's words for them.

    Args:
        config: a `PreTrainedConfig`.
        segments: whether the graph takes `token_type_ids`.
        limit: the longest text, in tokens.
        pads_left: as in `EncoderSpec`.
        fills: whether its head gives a number for each word.

    Raises:
        ValueError: it does not say one of them.
    """
    names = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")
    sizes: dict[str, Any] = {name: getattr(config, name, None) for name in names}
    unknown = [name for name, size in sizes.items() if not isinstance(size, int) or size < 1]
    if unknown:
        raise ValueError(
            f"the config of a {config.model_type} does not say {', '.join(unknown)}: its attention "
            "maps cannot be counted. Give a text encoder"
        )
    kinds = max(2, getattr(config, "type_vocab_size", None) or 2) if segments else 0
    return EncoderSpec(
        model_type=config.model_type,
        max_position_embeddings=limit,
        type_vocab_size=kinds,
        pads_left=pads_left,
        answer_width=sizes["vocab_size"] if fills else 0,
        pad_token_id=getattr(config, "pad_token_id", None) or 0,
        **sizes,
    )
