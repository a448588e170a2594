"""What fixes the size of a model. Field names are those of Hugging Face's `config.json`.

Corresponds to `transformers/models/bert/configuration_bert.py`. A setting that would change the
model's numbers and that we do not implement is refused by name; it is never ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from training.model.config_checks import WITHOUT_EFFECT, check_sizes, refuse_unknown

# Values without which `from_hf` would build a different model: setting -> what it must be.
_REQUIRED: dict[str, tuple[object, ...]] = {
    "model_type": ("bert",),
    "hidden_act": ("gelu",),
    "position_embedding_type": ("absolute",),
    "is_decoder": (False,),
    "add_cross_attention": (False,),
    "is_encoder_decoder": (False,),
    "pruned_heads": ({}, None),
    "quantization_config": (None,),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderConfig:
    """The size of a BERT encoder; the defaults are those of bert-base-uncased."""

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
    """How many segments a sequence may have (text A, text B)."""
    layer_norm_eps: float = 1e-12
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    initializer_range: float = 0.02
    """Standard deviation of the normal distribution that new weights are drawn from."""
    pad_token_id: int | None = 0

    def __post_init__(self) -> None:
        check_sizes(self)

    @property
    def head_size(self) -> int:
        """Width of one head's queries, keys and values."""
        return self.hidden_size // self.num_attention_heads

    @classmethod
    def from_hf(cls, config: Mapping[str, Any]) -> "EncoderConfig":
        """Reads the content of a Hugging Face `config.json`.

        Raises:
            ValueError: a setting has a value that we do not implement, or is not known to us;
                every such setting is named.
        """
        known = {field.name: field.type for field in fields(cls)}
        refuse_unknown(config, known, _REQUIRED, WITHOUT_EFFECT)
        return cls(**{name: config[name] for name in known if name in config})


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig:
    """An encoder's size and what its classifier answers."""

    encoder: EncoderConfig
    labels: tuple[str, ...]
    """The classes' names in the order of the logits."""
    problem_type: str = "single_label_classification"
    """Hugging Face's word for what the logits mean; decides the loss and the probabilities."""
    classifier_dropout: float | None = None
    """Dropout before the last linear layer; None means the encoder's hidden_dropout_prob."""
    pooler: bool = True
    """BERT's dense + tanh on [CLS] before the last linear layer. False: the linear layer alone."""

    def __post_init__(self) -> None:
        known = (
            "single_label_classification",
            "multi_label_classification",
            "regression",
        )
        if self.problem_type not in known:
            raise ValueError(
                f"problem_type is {self.problem_type!r}; expected one of {', '.join(known)}"
            )
        if not self.labels:
            raise ValueError("a classifier needs at least one label, found none")

    @classmethod
    def from_hf(cls, config: Mapping[str, Any]) -> "ClassifierConfig":
        """Reads the content of a `BertForSequenceClassification`'s `config.json`."""
        labels = config.get("id2label") or {
            i: f"LABEL_{i}" for i in range(config.get("num_labels") or 2)
        }
        names = tuple(
            str(name) for _, name in sorted(labels.items(), key=lambda item: int(item[0]))
        )
        default = "regression" if len(names) == 1 else "single_label_classification"
        return cls(
            encoder=EncoderConfig.from_hf(config),
            labels=names,
            problem_type=config.get("problem_type") or default,
            classifier_dropout=config.get("classifier_dropout"),
            pooler=config.get("pooler", True),
        )

    def to_hf(self) -> dict[str, Any]:
        """The content of `config.json`; `from_hf` reads it back, and so does `transformers`.

        Only `transformers` cannot know `pooler`: it is written when False, and then
        `architectures` names our class, so that no other loader takes the folder for its own.
        """
        architecture = "BertForSequenceClassification" if self.pooler else "BERTClassifier"
        written: dict[str, Any] = {
            "model_type": "bert",
            "architectures": [architecture],
            "hidden_act": "gelu",
            "position_embedding_type": "absolute",
            **{field.name: getattr(self.encoder, field.name) for field in fields(self.encoder)},
            "classifier_dropout": self.classifier_dropout,
            "problem_type": self.problem_type,
            "id2label": {str(i): name for i, name in enumerate(self.labels)},
            "label2id": {name: i for i, name in enumerate(self.labels)},
        }
        return written if self.pooler else {**written, "pooler": False}
