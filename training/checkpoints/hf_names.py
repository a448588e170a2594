"""Hugging Face's names on disk: of classes, and of weights and settings, family by family.

BERT's, its relatives', and GPT-2's. Corresponds to `models/<family>/modeling_<family>.py` and
`configuration_<family>.py` in `transformers`; what differs in the models themselves stands in
`model/config.py`, as their `Variant`. What a model is for is told by its class's name, which a
`config.json` has under `architectures` (not before 2020).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

CLASSIFIER = "a classifier of whole texts"
_ENCODER = "a plain encoder, without a trained classifier on it"
_TOKENS = "a token classifier"
_ANSWERS = "a question answering model, which marks an answer in a text"
_MASKED = "a masked language model"
_NEXT_SENTENCE = "a model that tells whether a sentence follows another"
_PRE_TRAINED = "a model as its pre-training left it"
_CAUSAL = "a causal language model"
# How a class's name ends -> what it is for. The longest ending counts.
_BY_ENDING = {
    "ForSequenceClassification": CLASSIFIER,
    "ForTokenClassification": _TOKENS,
    "ForQuestionAnswering": _ANSWERS,
    "ForQuestionAnsweringSimple": _ANSWERS,
    "ForMultipleChoice": "a multiple-choice model",
    "ForMaskedLM": _MASKED,
    "ForNextSentencePrediction": _NEXT_SENTENCE,
    "ForPreTraining": _PRE_TRAINED,
    "ForCausalLM": _CAUSAL,
    "LMHeadModel": _CAUSAL,
    "DoubleHeadsModel": _CAUSAL,
    "ForConditionalGeneration": "a sequence-to-sequence model",
    "EncoderDecoderModel": "a sequence-to-sequence model",
    "ForImageClassification": "an image classifier",
    "ForSpeechSeq2Seq": "a speech model",
    "Model": _ENCODER,
}
# How the weights begin that guess a masked word.
_MASKED_HEADS = ("cls.predictions.", "lm_head.", "vocab_", "generator_")
# Classes that read a family's weights in another framework or runtime, or whatever family it is.
_FRAMEWORKS = ("", "TF", "Flax")
_OF_ANY_FAMILY = ("AutoModel", "TFAutoModel", "FlaxAutoModel", "ORTModel", "OVModel")
OURS = "BERTClassifier"
"""The class that our own config names where there is no pooler, see `ClassifierConfig.to_hf`."""


def class_of(config: Mapping[str, Any]) -> str | None:
    """The class that a `config.json` names, or None; ValueError: several, or not readable."""
    found = config.get("architectures")
    if found is None or found == []:
        return None
    names = set(found) if isinstance(found, list) and all(isinstance(n, str) for n in found) else ()
    if len(names) != 1:
        raise ValueError(
            f"architectures is {str(found)[:200]} in config.json; expected the name of one class, "
            'e.g. ["BertForSequenceClassification"]. Write the one that the weights were saved with'
        )
    return str(found[0])


def task_of(name: str) -> str | None:
    """What the models of a class are for; None if the class is not one of transformers' kinds."""
    endings = [ending for ending in _BY_ENDING if name.endswith(ending)]
    return _BY_ENDING[max(endings, key=len)] if endings else None


def is_known(config: Mapping[str, Any], prefixes: Iterable[str]) -> bool:
    """Whether a config names a class of transformers: one of these prefixes and a known ending."""
    name = class_of(config) or ""
    starts = [f"{framework}{prefix}" for prefix in prefixes for framework in _FRAMEWORKS]
    starts += _OF_ANY_FAMILY
    return any(name == f"{start}{ending}" for start in starts for ending in _BY_ENDING)


def _task_by_weights(names: Iterable[str], classifier: Iterable[str]) -> str:
    """What a model is for by its weights' names on disk; a classifier where that can be.

    `classifier`: the modules that a classifier of whole texts has on its encoder.
    """
    found = list(names)

    def has(*starts: str) -> bool:
        return any(name.startswith(starts) for name in found)

    if all(has(f"{module}.") for module in classifier):
        return CLASSIFIER
    if has("qa_outputs."):
        return _ANSWERS
    if has("classifier."):
        return _TOKENS
    if has("cls.seq_relationship.", "discriminator_predictions."):
        return _NEXT_SENTENCE if not has("cls.predictions.", "discrim") else _PRE_TRAINED
    return _MASKED if has(*_MASKED_HEADS) else _ENCODER


# Our module -> BERT's and DistilBERT's, behind the family's prefix; `{}` is a layer's number.
_EMBEDDINGS = {
    "encoder.embeddings.word": "embeddings.word_embeddings",
    "encoder.embeddings.position": "embeddings.position_embeddings",
    "encoder.embeddings.norm": "embeddings.LayerNorm",
}
_LAYERS = (
    ("attention.query", "attention.self.query", "attention.q_lin"),
    ("attention.key", "attention.self.key", "attention.k_lin"),
    ("attention.value", "attention.self.value", "attention.v_lin"),
    ("attention.project", "attention.output.dense", "attention.out_lin"),
    ("attention_norm", "attention.output.LayerNorm", "sa_layer_norm"),
    ("feed_forward.up", "intermediate.dense", "ffn.lin1"),
    ("feed_forward.down", "output.dense", "ffn.lin2"),
    ("feed_forward_norm", "output.LayerNorm", "output_layer_norm"),
)
_BERT_ENCODER = {
    **_EMBEDDINGS,
    "encoder.embeddings.segment": "embeddings.token_type_embeddings",
    **{f"encoder.layers.{{}}.{ours}": f"encoder.layer.{{}}.{bert}" for ours, bert, _ in _LAYERS},
}
_DISTILBERT_ENCODER = {
    **_EMBEDDINGS,
    **{f"encoder.layers.{{}}.{ours}": f"transformer.layer.{{}}.{its}" for ours, _, its in _LAYERS},
}
_MPNET_ENCODER = {
    **_BERT_ENCODER,
    "encoder.distance_bias.table": "encoder.relative_attention_bias",
    **{
        f"encoder.layers.{{}}.{ours}": f"encoder.layer.{{}}.attention.{its}"
        for ours, its in (
            ("attention.query", "attn.q"),
            ("attention.key", "attn.k"),
            ("attention.value", "attn.v"),
            ("attention.project", "attn.o"),
            ("attention_norm", "LayerNorm"),
        )
    },
}
# Our module -> theirs in a GPT2LMHeadModel: embeddings and norms, stored as ours are.
DECODER = {
    "word": "transformer.wte",
    "position": "transformer.wpe",
    "norm": "transformer.ln_f",
    "layers.{}.attention_norm": "transformer.h.{}.ln_1",
    "layers.{}.cross_attention_norm": "transformer.h.{}.ln_cross_attn",
    "layers.{}.feed_forward_norm": "transformer.h.{}.ln_2",
}
# Their linear layers -> ours: a Conv1D stores its matrix transposed, (in, out), and one may hold
# several of ours side by side.
DECODER_JOINED = {
    "transformer.h.{}.attn.c_attn": tuple(
        f"layers.{{}}.attention.{part}" for part in ("query", "key", "value")
    ),
    "transformer.h.{}.attn.c_proj": ("layers.{}.attention.project",),
    "transformer.h.{}.crossattention.q_attn": ("layers.{}.cross_attention.query",),
    "transformer.h.{}.crossattention.c_attn": tuple(
        f"layers.{{}}.cross_attention.{part}" for part in ("key", "value")
    ),
    "transformer.h.{}.crossattention.c_proj": ("layers.{}.cross_attention.project",),
    "transformer.h.{}.mlp.c_fc": ("layers.{}.feed_forward.up",),
    "transformer.h.{}.mlp.c_proj": ("layers.{}.feed_forward.down",),
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
_ALIASES = {"hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads"}
_DISTILBERT_SETTINGS = {
    **{name: name for name in ("vocab_size", "max_position_embeddings")},
    **_ALIASES,
    "intermediate_size": "hidden_dim",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    **{name: name for name in ("initializer_range", "pad_token_id")},
    "classifier_dropout": "seq_classif_dropout",
}


@dataclass(frozen=True, kw_only=True)
class Family:
    """A kind of checkpoint: how an encoder and its classifier are written on disk."""

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
    fixed: Mapping[str, str | int]
    """Their settings of which we implement one value."""
    without_effect: frozenset[str] = frozenset()
    """Settings of this family alone that change no number of a classifier's forward pass."""
    left_out: tuple[str, ...]
    """How weights begin that a classifier's forward pass does not use: pre-training heads."""

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
    aliases=_ALIASES,
    defaults={"num_hidden_layers": 6, "type_vocab_size": 0},
    fixed={"activation": "gelu"},
    # Sinusoids are only what the position table starts from: a checkpoint holds its numbers.
    without_effect=frozenset(
        {"sinusoidal_pos_embds", "qa_dropout", "seq_classif_dropout", "tie_weights_"}
    ),
    left_out=("vocab_transform.", "vocab_layer_norm.", "vocab_projector."),
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
)
_MPNET = Family(
    model_type="mpnet",
    architecture="MPNetForSequenceClassification",
    prefix="mpnet",
    encoder=_MPNET_ENCODER,
    head=_ROBERTA.head,
    settings={
        ours: theirs
        for ours, theirs in _BERT_SETTINGS.items()
        if ours not in ("type_vocab_size", "pad_token_id")
    },
    defaults={"vocab_size": 30527, "type_vocab_size": 0, "pad_token_id": 1},
    # Whatever a config says, its model in `transformers` has this padding and so many buckets.
    fixed={"hidden_act": "gelu", "pad_token_id": 1, "relative_attention_num_buckets": 32},
    # Its classifier, too, passes the pooler by.
    left_out=("lm_head.", "mpnet.pooler."),
)
FAMILIES = {
    family.model_type: family
    for family in (_BERT, _DISTILBERT, _ROBERTA, _XLM_ROBERTA, _ELECTRA, _MPNET)
}
"""Those that are implemented, by their `model_type`."""
PREFIXES = {family.class_prefix for family in FAMILIES.values()}


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
    raise ValueError(
        f"config.json is that of {described(config)}, which is not implemented. These are: "
        f"{', '.join(FAMILIES)}, each as a sequence classifier, or in an encoder-decoder with a "
        "gpt2"
    )


def described(config: Mapping[str, Any]) -> str:
    """A model in words, by the type that its `config.json` names, and by its class."""
    found, named = config.get("model_type"), class_of(config)
    task = task_of(named) if named else None
    what = f"a model of type {str(found)[:60]!r}" if found else "a model whose type is not named"
    return f"{what}{f' ({named}, {task})' if task else ''}"


def check_classifier(
    config: Mapping[str, Any], weights: Iterable[str], family: Family, folder: Path
) -> None:
    """Refuses a model that is for something else, by its class's name, or else by its weights'."""
    named = class_of(config)
    if named == OURS or named in {one.architecture for one in FAMILIES.values()}:
        return
    if named:
        known = task_of(named) if is_known(config, PREFIXES) else None
        task = known or "a model of a class that is not known here"
    else:
        task = _task_by_weights(weights, family.head.values())
    if task != CLASSIFIER:
        raise ValueError(
            f"{folder} holds {task} ({named[:80] if named else 'by its weights'}), which is not "
            f"implemented; expected {CLASSIFIER} ({family.architecture}). Train one on its "
            f"encoder: python training/train_classifier.py --init {folder}"
        )
