"""What fixes the size of a model: encoder, classifier, decoder. Names are those of BERT's config.

Corresponds to `configuration_bert.py` and `configuration_gpt2.py` in `transformers`. GPT-2 has
words of its own for sizes (`n_embd`, `n_layer`, ...): here they have BERT's, so that one word means
one thing.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from reprlib import repr as short
from typing import Any, Literal

ONE_LABEL, SEVERAL_LABELS, NUMBER = _PROBLEM_TYPES = (
    "single_label_classification",
    "multi_label_classification",
    "regression",
)
_LARGEST_NUMBER = 1_000  # of layer_norm_eps and initializer_range, which are far below 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """The few lines in which the model of one of BERT's relatives is not BERT's."""

    activation: Literal["tanh", "relu", "gelu"] = "tanh"
    """Between the classifier's two layers."""
    dropout_before_pooler: bool = False
    """Also before the classifier's dense layer, beside the one behind it."""
    skips_padding: bool = False
    """Positions count real tokens only, from `pad_token_id` + 1; padding has `pad_token_id`."""
    distance_bias: bool = False
    """Every layer's scores get a learned number for how far apart the two tokens are."""


_ROBERTA = Variant(dropout_before_pooler=True, skips_padding=True)
VARIANTS = {
    "bert": Variant(),  # Devlin et al. 2019
    "distilbert": Variant(activation="relu"),  # Sanh et al. 2019
    "roberta": _ROBERTA,  # Liu et al. 2019
    "xlm-roberta": _ROBERTA,  # Conneau et al. 2020: in a hundred languages
    "electra": Variant(activation="gelu", dropout_before_pooler=True),  # Clark et al. 2020
    "mpnet": replace(_ROBERTA, distance_bias=True),  # Song et al. 2020
}
"""Those that are implemented, by their `model_type`. Two more differences are sizes: DistilBERT and
MPNet know no segments, and ELECTRA's embeddings have a width of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderConfig:
    """The size of an encoder; the defaults are those of bert-base-uncased."""

    model_type: str = "bert"
    """Which of the `VARIANTS` it is."""
    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    """Heads per layer; must divide hidden_size."""
    intermediate_size: int = 3072
    """Width of the feed-forward network between its two linear layers."""
    max_position_embeddings: int = 512
    """The longest sequence, in tokens, special tokens included."""
    type_vocab_size: int = 2
    """How many segments a sequence may have (text A, text B); 0: the model knows none."""
    layer_norm_eps: float = 1e-12
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    initializer_range: float = 0.02
    """Standard deviation of the normal distribution that new weights are drawn from."""
    pad_token_id: int | None = 0
    embedding_size: int | None = None
    """Width of the embeddings where it is not hidden_size (ELECTRA)."""

    def __post_init__(self) -> None:
        check_sizes(self, may_be_zero=("type_vocab_size",))
        if self.pad_token_id is not None and not 0 <= self.pad_token_id < self.vocab_size:
            raise ValueError(
                f"pad_token_id is {short(self.pad_token_id)}; expected one of 0 to "
                f"{self.vocab_size - 1}"
            )
        if self.variant.skips_padding and self.pad_token_id is None:
            raise ValueError(
                f"pad_token_id is None; a {self.model_type} counts its positions from it. Give "
                "the id of the tokenizer's padding token"
            )

    @property
    def variant(self) -> Variant:
        """What differs from BERT."""
        return VARIANTS[self.model_type]

    @property
    def first_position(self) -> int:
        """The row of the position table that belongs to a text's first token."""
        return (self.pad_token_id or 0) + 1 if self.variant.skips_padding else 0

    @property
    def has_segments(self) -> bool:
        """Whether text A and text B are told apart."""
        return self.type_vocab_size > 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig:
    """An encoder's size and what its classifier answers."""

    encoder: EncoderConfig
    labels: tuple[str, ...]
    """The classes' names in the order of the logits."""
    problem_type: str = ONE_LABEL
    """What the logits mean: decides the loss and the probabilities."""
    classifier_dropout: float | None = None
    """Dropout before the last linear layer; None means the encoder's hidden_dropout_prob."""
    pooler: bool = True
    """The dense layer on the first token before the last linear one. False: the linear alone."""

    def __post_init__(self) -> None:
        if self.problem_type not in _PROBLEM_TYPES:
            raise ValueError(
                f"problem_type is {short(self.problem_type)}; expected one of "
                f"{', '.join(_PROBLEM_TYPES)}"
            )
        if not self.labels:
            raise ValueError("a classifier needs at least one label, found none")
        if len(self.labels) == 1 and self.problem_type == ONE_LABEL:
            raise ValueError(
                "problem_type is single_label_classification, and there is one label, "
                f"{self.labels[0]!r}: a choice of one is none. "
                'Write "regression" (a number as it is) or '
                '"multi_label_classification" (a sigmoid follows) into config.json'
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderConfig:
    """The size of a GPT decoder; the defaults are those of gpt2. Names as in `EncoderConfig`."""

    vocab_size: int = 50257
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 1024
    layer_norm_eps: float = 1e-5
    hidden_dropout: float = 0.1
    """On what each sub-layer adds."""
    embedding_dropout: float = 0.1
    attention_dropout: float = 0.1
    initializer_range: float = 0.02
    cross_attention: bool = True
    """Whether it can read a source. False: a plain GPT-2."""

    def __post_init__(self) -> None:
        check_sizes(self)


def check_sizes(config: Any, *, may_be_zero: Collection[str] = ()) -> None:
    """Raises ValueError: a size is below 1, heads do not divide the width, or as `check_number`."""
    for field in fields(config):
        value = getattr(config, field.name)
        least = 0 if field.name in may_be_zero else 1
        if field.type is int and value < least:
            raise ValueError(f"{field.name} is {short(value)}; expected {least} or more")
        if field.type is float:
            check_number(field.name, value)
    if config.hidden_size % config.num_attention_heads:
        raise ValueError(
            f"hidden_size {short(config.hidden_size)} does not divide into "
            f"{short(config.num_attention_heads)} heads; use a multiple, e.g. "
            f"{short(config.num_attention_heads * 64)}"
        )


def check_number(name: str, value: float | None) -> None:
    """Raises ValueError: a probability is none, or another number no layer can be made with."""
    most = 1 if "dropout" in name else _LARGEST_NUMBER
    if value is not None and not 0 <= value <= most:
        raise ValueError(f"{name} is {short(value)} in config.json; expected 0 to {most}")
