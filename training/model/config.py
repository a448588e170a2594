"""What fixes the size of a model. Field names are those of Hugging Face's `config.json`.

Corresponds to `transformers/models/bert/configuration_bert.py`; what other families call a setting
stands in `families.py`. A setting that would change the model's numbers and that we do not
implement is refused by name; it is never ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from reprlib import repr as short
from typing import Any

from training.model.config_checks import (
    check_number,
    check_settings,
    check_sizes,
    in_own_words,
    is_a,
    unread_settings,
)
from training.model.families import FAMILIES, Family, family_of
from training.model.tasks import OURS, is_known

# Values without which `from_hf` would build a different model: setting -> what it must be.
_REQUIRED: dict[str, tuple[object, ...]] = {
    "model_type": tuple(FAMILIES),  # see `family_of`
    "is_decoder": (False,),
    "add_cross_attention": (False,),
    "is_encoder_decoder": (False,),
}
_MOST_LABELS = 100_000
_PROBLEM_TYPES = ("single_label_classification", "multi_label_classification", "regression")


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderConfig:
    """The size of an encoder; the defaults are those of bert-base-uncased."""

    model_type: str = "bert"
    """Its family, see `families.py`."""
    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    """Heads per layer; must divide hidden_size."""
    intermediate_size: int = 3072
    """Width of the feed-forward network between its two linear layers."""
    max_position_embeddings: int = 512
    """The longest sequence, in tokens, special tokens included. RoBERTa's `config.json` counts the
    rows of its table instead, which has `first_position` more."""
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
        if self.family.skips_padding and self.pad_token_id is None:
            raise ValueError(
                f"pad_token_id is None; a {self.model_type} counts its positions from it. Give "
                "the id of the tokenizer's padding token"
            )

    @property
    def family(self) -> Family:
        """What differs from BERT."""
        return FAMILIES[self.model_type]

    @property
    def head_size(self) -> int:
        """Width of one head's queries, keys and values."""
        return self.hidden_size // self.num_attention_heads

    @property
    def first_position(self) -> int:
        """The row of the position table that belongs to a text's first token."""
        return (self.pad_token_id or 0) + 1 if self.family.skips_padding else 0

    @property
    def has_segments(self) -> bool:
        """Whether text A and text B are told apart."""
        return self.type_vocab_size > 1

    @classmethod
    def from_hf(cls, config: Mapping[str, Any]) -> "EncoderConfig":
        """Reads the content of a Hugging Face `config.json`.

        Raises:
            ValueError: the model's family is not implemented, or a setting has a value that we do
                not implement, or is not known to us; every such setting is named.
        """
        family = family_of(config)
        config = in_own_words(config, family.aliases)
        own = [field for field in fields(cls) if field.name in family.settings]
        check_settings(
            config,
            {family.settings[field.name]: field.type for field in own},
            _required(family),
            without_effect=family.without_effect,
            class_known=is_known(config, {one.class_prefix for one in FAMILIES.values()}),
        )
        theirs = {field.name: family.settings[field.name] for field in own}
        given = {name: config[setting] for name, setting in theirs.items() if setting in config}
        read = cls(model_type=family.model_type, **{**family.defaults, **given})
        limit = read.max_position_embeddings - read.first_position
        return replace(read, max_position_embeddings=limit)

    def to_hf(self) -> dict[str, Any]:
        """The settings in `config.json` that `from_hf` reads, under the family's own names."""
        ours = {field.name: getattr(self, field.name) for field in fields(self)} | {
            "max_position_embeddings": self.max_position_embeddings + self.first_position,
            "embedding_size": self.embedding_size or self.hidden_size,
        }
        names = self.family.settings
        written = {names[name]: value for name, value in ours.items() if name in names}
        return {**self.family.fixed, **written}


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
    """The dense layer on the first token before the last linear one. False: the linear alone."""

    def __post_init__(self) -> None:
        if self.problem_type not in _PROBLEM_TYPES:
            raise ValueError(
                f"problem_type is {short(self.problem_type)}; expected one of "
                f"{', '.join(_PROBLEM_TYPES)}"
            )
        if not self.labels:
            raise ValueError("a classifier needs at least one label, found none")
        if len(self.labels) == 1 and self.problem_type == "single_label_classification":
            raise ValueError(
                "problem_type is single_label_classification, and there is one label, "
                f"{self.labels[0]!r}: a choice of one is none. "
                'Write "regression" (a number as it is) or '
                '"multi_label_classification" (a sigmoid follows) into config.json'
            )

    @classmethod
    def from_hf(cls, config: Mapping[str, Any], *, outputs: int = 2) -> "ClassifierConfig":
        """Reads the content of a sequence classifier's `config.json`, of any of our families.

        Args:
            outputs: so many labels there are where they are neither named nor counted.

        Raises:
            ValueError: as `EncoderConfig.from_hf`, or labels or problem type cannot be read.
        """
        encoder = EncoderConfig.from_hf(config)
        dropout = encoder.family.settings["classifier_dropout"]
        if not is_a(float | None, config.get(dropout)):
            raise ValueError(f"{dropout} is {short(config[dropout])}; expected a number")
        check_number(dropout, config.get(dropout))
        labels = _labels(config, outputs)
        return cls(
            encoder=encoder,
            labels=labels,
            problem_type=config.get("problem_type") or _problem_of(labels, config),
            classifier_dropout=config.get(dropout),
            pooler=config.get("pooler") is not False,
        )

    def to_hf(self) -> dict[str, Any]:
        """The content of `config.json`; `from_hf` reads it back, and so does `transformers`.

        Only `transformers` cannot know `pooler`: it is written when False, and then
        `architectures` names our class, so that no other loader takes the folder for its own.
        """
        family, dropout = self.encoder.family, self.classifier_dropout
        written: dict[str, Any] = {
            "model_type": family.model_type,
            "architectures": [family.architecture if self.pooler else OURS],
            **self.encoder.to_hf(),
            # Not every family takes a null here; none needs one.
            **({} if dropout is None else {family.settings["classifier_dropout"]: dropout}),
            "problem_type": self.problem_type,
            "id2label": {str(i): name for i, name in enumerate(self.labels)},
            "label2id": {name: i for i, name in enumerate(self.labels)},
        }
        return written if self.pooler else {**written, "pooler": False}


def unread(config: Mapping[str, Any]) -> list[str]:
    """The settings in a `config.json` that no classifier of its family reads."""
    family = family_of(config)
    read = {*family.settings.values(), *family.aliases, *family.without_effect, *_required(family)}
    return unread_settings(config, read)


def _required(family: Family) -> dict[str, tuple[object, ...]]:
    return {name: (value,) for name, value in family.fixed.items()} | _REQUIRED


def _labels(config: Mapping[str, Any], outputs: int) -> tuple[str, ...]:
    """The classes' names by `id2label` or `label2id`, or numbered as transformers does."""
    named = config.get("id2label") or _turned(config.get("label2id"))
    if not named:
        count = config.get("num_labels") or outputs
        if not (is_a(int, count) and 0 < count <= _MOST_LABELS):
            raise ValueError(f"num_labels is {short(count)}; expected 1 to {_MOST_LABELS}")
        return tuple(f"LABEL_{i}" for i in range(count))
    counted = {str(i) for i in range(len(named))} if isinstance(named, Mapping) else None
    if counted is None or counted != set(map(str, named)):
        raise ValueError(
            f"id2label is {short(named)}; expected a name for each output: "
            '{"0": ..., "1": ...}, counted from 0 without a gap'
        )
    return tuple(str(name) for _, name in sorted(named.items(), key=lambda item: int(item[0])))


def _turned(ids: Any) -> Any:
    """`label2id` as an `id2label`; nothing if it is not one name for each number."""
    if not isinstance(ids, Mapping) or not all(is_a(int, number) for number in ids.values()):
        return None
    turned = {str(number): name for name, number in ids.items()}
    return turned if len(turned) == len(ids) else None


def _problem_of(labels: tuple[str, ...], config: Mapping[str, Any]) -> str:
    """What the logits mean where `problem_type` is not written.

    One output is a number as it is, unless the cross-encoders of `sentence-transformers` note that
    a sigmoid follows it.
    """
    if len(labels) > 1:
        return "single_label_classification"
    noted = config.get("sentence_transformers")
    after = noted.get("activation_fn") if isinstance(noted, Mapping) else None
    after = str(after or config.get("sbert_ce_default_activation_function"))
    return "multi_label_classification" if after.endswith("Sigmoid") else "regression"
