"""What differs between BERT and its relatives: names on disk, settings, and a few lines of model.

One entry for each family; everything else about them is the same encoder. Corresponds to
`models/<family>/modeling_<family>.py` and `configuration_<family>.py` in `transformers`.

    bert          Devlin et al. 2019
    distilbert    Sanh et al. 2019: no segments; the classifier's dense layer has ReLU
    roberta       Liu et al. 2019: positions count from `pad_token_id` + 1, padding is not counted
    xlm-roberta   Conneau et al. 2020: RoBERTa in a hundred languages
    electra       Clark et al. 2020: embeddings of a width of their own; GELU in the classifier
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from training.model.tasks import class_of, task_of

# Our module -> theirs, behind the family's prefix. `{}` stands for a layer's number.
_BERT_ENCODER = {
    "encoder.embeddings.word": "embeddings.word_embeddings",
    "encoder.embeddings.position": "embeddings.position_embeddings",
    "encoder.embeddings.segment": "embeddings.token_type_embeddings",
    "encoder.embeddings.norm": "embeddings.LayerNorm",
    "encoder.layers.{}.attention.query": "encoder.layer.{}.attention.self.query",
    "encoder.layers.{}.attention.key": "encoder.layer.{}.attention.self.key",
    "encoder.layers.{}.attention.value": "encoder.layer.{}.attention.self.value",
    "encoder.layers.{}.attention.project": "encoder.layer.{}.attention.output.dense",
    "encoder.layers.{}.attention_norm": "encoder.layer.{}.attention.output.LayerNorm",
    "encoder.layers.{}.feed_forward.up": "encoder.layer.{}.intermediate.dense",
    "encoder.layers.{}.feed_forward.down": "encoder.layer.{}.output.dense",
    "encoder.layers.{}.feed_forward_norm": "encoder.layer.{}.output.LayerNorm",
}
_DISTILBERT_ENCODER = {
    "encoder.embeddings.word": "embeddings.word_embeddings",
    "encoder.embeddings.position": "embeddings.position_embeddings",
    "encoder.embeddings.norm": "embeddings.LayerNorm",
    "encoder.layers.{}.attention.query": "transformer.layer.{}.attention.q_lin",
    "encoder.layers.{}.attention.key": "transformer.layer.{}.attention.k_lin",
    "encoder.layers.{}.attention.value": "transformer.layer.{}.attention.v_lin",
    "encoder.layers.{}.attention.project": "transformer.layer.{}.attention.out_lin",
    "encoder.layers.{}.attention_norm": "transformer.layer.{}.sa_layer_norm",
    "encoder.layers.{}.feed_forward.up": "transformer.layer.{}.ffn.lin1",
    "encoder.layers.{}.feed_forward.down": "transformer.layer.{}.ffn.lin2",
    "encoder.layers.{}.feed_forward_norm": "transformer.layer.{}.output_layer_norm",
}

# Our setting -> theirs in `config.json`.
_BERT_SETTINGS = {
    name: name
    for name in """
    vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size
    max_position_embeddings type_vocab_size layer_norm_eps hidden_dropout_prob
    attention_probs_dropout_prob initializer_range pad_token_id classifier_dropout
    """.split()
}
_DISTILBERT_SETTINGS = {
    "vocab_size": "vocab_size",
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "max_position_embeddings": "max_position_embeddings",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "initializer_range": "initializer_range",
    "pad_token_id": "pad_token_id",
    "classifier_dropout": "seq_classif_dropout",
}


@dataclass(frozen=True, kw_only=True)
class Family:
    """A kind of checkpoint: how it is written on disk, and where its model is not BERT's."""

    model_type: str
    """Hugging Face's word for the family, as `config.json` has it."""
    architecture: str
    """Its classifier's class in `transformers`."""
    prefix: str
    """In front of the encoder's weights in a classifier's checkpoint."""
    encoder: Mapping[str, str]
    """Our module -> theirs, without the prefix."""
    head: Mapping[str, str]
    """`pooler`, the dense layer on the first token, and `head`, the linear one, -> theirs."""
    settings: Mapping[str, str]
    """Our setting -> theirs."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other words under which `transformers` takes a setting -> its own word."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Our setting -> what it is where theirs is not written, if not what it is for BERT."""
    fixed: Mapping[str, str]
    """Their settings of which we implement one value."""
    without_effect: frozenset[str] = frozenset()
    """Settings of this family alone that change no number of a classifier's forward pass."""
    left_out: tuple[str, ...]
    """How weights begin that a classifier's forward pass does not use: pre-training heads."""
    activation: Literal["tanh", "relu", "gelu"] = "tanh"
    """Between the classifier's two layers."""
    dropout_before_pooler: bool = False
    """Also before the classifier's dense layer, beside the one behind it."""
    skips_padding: bool = False
    """Positions count real tokens only, from `pad_token_id` + 1; padding has `pad_token_id`."""

    @property
    def class_prefix(self) -> str:
        """How the names of its classes in `transformers` begin."""
        return self.architecture.partition("For")[0]

    @property
    def names(self) -> dict[str, str]:
        """Our module -> theirs, in a classifier's checkpoint."""
        encoder = {ours: f"{self.prefix}.{theirs}" for ours, theirs in self.encoder.items()}
        return {**self.head, **encoder}


_BERT = Family(
    model_type="bert",
    architecture="BertForSequenceClassification",
    prefix="bert",
    encoder=_BERT_ENCODER,
    head={"pooler": "bert.pooler.dense", "head": "classifier"},
    settings=_BERT_SETTINGS,
    fixed={"hidden_act": "gelu", "position_embedding_type": "absolute"},
    left_out=("cls.",),
)
_DISTILBERT = Family(
    model_type="distilbert",
    architecture="DistilBertForSequenceClassification",
    prefix="distilbert",
    encoder=_DISTILBERT_ENCODER,
    head={"pooler": "pre_classifier", "head": "classifier"},
    settings=_DISTILBERT_SETTINGS,
    aliases={
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
    },
    defaults={"num_hidden_layers": 6, "type_vocab_size": 0},
    fixed={"activation": "gelu"},
    # Sinusoids are only what the position table starts from: a checkpoint holds its numbers.
    without_effect=frozenset(
        {"sinusoidal_pos_embds", "qa_dropout", "seq_classif_dropout", "tie_weights_"}
    ),
    left_out=("vocab_transform.", "vocab_layer_norm.", "vocab_projector."),
    activation="relu",
)
_ROBERTA = Family(
    model_type="roberta",
    architecture="RobertaForSequenceClassification",
    prefix="roberta",
    encoder=_BERT_ENCODER,
    head={"pooler": "classifier.dense", "head": "classifier.out_proj"},
    settings=_BERT_SETTINGS,
    defaults={"vocab_size": 50265, "pad_token_id": 1},
    fixed=_BERT.fixed,
    # A pooler stands in old checkpoints, and their classifier passes it by.
    left_out=("lm_head.", "roberta.pooler."),
    dropout_before_pooler=True,
    skips_padding=True,
)
_XLM_ROBERTA = replace(
    _ROBERTA,
    model_type="xlm-roberta",
    architecture="XLMRobertaForSequenceClassification",
    defaults={"vocab_size": 30522, "pad_token_id": 1},
)
_ELECTRA = Family(
    model_type="electra",
    architecture="ElectraForSequenceClassification",
    prefix="electra",
    encoder={**_BERT_ENCODER, "encoder.embeddings.project": "embeddings_project"},
    head={"pooler": "classifier.dense", "head": "classifier.out_proj"},
    settings={**_BERT_SETTINGS, "embedding_size": "embedding_size"},
    defaults={
        "embedding_size": 128,
        "hidden_size": 256,
        "num_attention_heads": 4,
        "intermediate_size": 1024,
    },
    fixed=_BERT.fixed,
    without_effect=frozenset(
        f"summary_{part}" for part in ("type", "use_proj", "activation", "last_dropout")
    ),
    left_out=("discriminator_predictions.", "generator_predictions.", "generator_lm_head."),
    activation="gelu",
    dropout_before_pooler=True,
)

FAMILIES = {
    family.model_type: family for family in (_BERT, _DISTILBERT, _ROBERTA, _XLM_ROBERTA, _ELECTRA)
}
"""Those that are implemented, by their `model_type`."""


def family_of(config: Mapping[str, Any]) -> Family:
    """The family of a model, by the content of its `config.json`.

    The first checkpoints (before 2020) have no `model_type`; then their class tells it, and one
    that names no class is a BERT.

    Raises:
        ValueError: it is not implemented; those that are, are listed.
    """
    found = config.get("model_type")
    if isinstance(found, str) and found in FAMILIES:
        return FAMILIES[found]
    named = class_of(config)
    if found is None:
        for family in FAMILIES.values():
            if (named or "Bert").startswith(family.class_prefix):
                return family
    what = f"a model of type {found!r}" if found else "a model whose type is not named"
    task = task_of(named) if named else None
    raise ValueError(
        f"config.json is that of {str(what)[:80]}{f' ({named}, {task})' if task else ''}, which is "
        f"not implemented. These are: {', '.join(FAMILIES)}, each as a sequence classifier, or in "
        "an encoder-decoder with a gpt2"
    )
