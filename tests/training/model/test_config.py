"""A setting that is not implemented is refused by its name, never ignored."""

import pytest
from transformers import BertConfig

from training.checkpoints.hf_config import classifier_from_hf, classifier_to_hf, encoder_from_hf
from training.checkpoints.hf_names import CLASSIFIER, is_known, task_of
from training.model.config import ClassifierConfig, EncoderConfig


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("hidden_act", "gelu_new"),
        ("hidden_act", "relu"),
        ("position_embedding_type", "relative_key"),
        ("is_decoder", True),
        ("add_cross_attention", True),
        ("pruned_heads", {"0": [1]}),
        ("quantization_config", {"bits": 4}),
        ("rotary_theta", 10000),
        ("vocab_size", "many"),
        ("type_vocab_size", None),
    ],
)
def test_a_setting_that_is_not_implemented_is_refused_by_name(setting: str, value: object) -> None:
    config = BertConfig().to_dict() | {setting: value}

    with pytest.raises(ValueError, match=setting):
        encoder_from_hf(config)


def test_all_refused_settings_are_named_at_once() -> None:
    with pytest.raises(ValueError, match="hidden_act is 'relu', implemented: 'gelu'; is_decoder"):
        encoder_from_hf({"hidden_act": "relu", "is_decoder": True})


def test_every_setting_that_transformers_writes_is_known() -> None:
    written = BertConfig(num_labels=4, hidden_size=36, num_attention_heads=3).to_dict()

    config = classifier_from_hf(written)

    assert config.encoder.hidden_size == 36
    assert len(config.labels) == 4


def test_our_config_survives_the_way_to_disk_and_back() -> None:
    config = ClassifierConfig(
        encoder=EncoderConfig(vocab_size=99, hidden_size=24, num_attention_heads=4),
        labels=tuple("abcdefghijkl"),  # more than ten: as words "10" comes before "2"
        problem_type="multi_label_classification",
        classifier_dropout=0.3,
        pooler=False,
    )

    assert classifier_from_hf(classifier_to_hf(config)) == config


def test_transformers_reads_our_config_alike() -> None:
    config = ClassifierConfig(encoder=EncoderConfig(hidden_size=48), labels=("no", "yes"))

    theirs = BertConfig.from_dict(classifier_to_hf(config))

    assert classifier_to_hf(config)["model_type"] == "bert"
    assert theirs.architectures == ["BertForSequenceClassification"]
    assert theirs.hidden_size == 48
    assert theirs.id2label == {0: "no", 1: "yes"}
    assert classifier_from_hf(theirs.to_dict()).encoder == config.encoder


def test_one_output_is_a_regression_unless_said_otherwise() -> None:
    one = {"id2label": {"0": "score"}}

    assert classifier_from_hf(one).problem_type == "regression"
    said = classifier_from_hf({**one, "problem_type": "multi_label_classification"})
    assert said.problem_type == "multi_label_classification"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 10, "num_attention_heads": 3}, "10 does not divide into 3 heads"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0; expected 1 or more"),
    ],
)
def test_an_impossible_size_is_refused(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EncoderConfig(**settings)


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("id2label", 3, "id2label is 3; expected a name for each output"),
        (
            "initializer_range",
            -1.0,
            "initializer_range is -1.0 in config.json; expected 0 to",
        ),
        ("layer_norm_eps", -1.0, r"layer_norm_eps is -1.0 in config.json; expected 0 to 1000"),
        ("layer_norm_eps", 10**400, "layer_norm_eps is 1000.*000, expected a number"),
        ("hidden_dropout_prob", 1.5, "hidden_dropout_prob is 1.5 in config.json; expected 0 to 1"),
        ("classifier_dropout", -0.1, "classifier_dropout is -0.1 in config.json; expected 0 to 1"),
    ],
)
def test_numbers_that_no_model_has_are_refused(setting: str, value: object, sentence: str) -> None:
    config = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}

    with pytest.raises(ValueError, match=sentence) as refused:
        classifier_from_hf({**config, setting: value})

    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    "name",
    [
        *("TFBertForSequenceClassification", "FlaxBertForSequenceClassification"),
        *("ORTModelForSequenceClassification", "BertForSequenceClassification"),
    ],
)
def test_a_class_of_another_framework_is_of_the_same_task(name: str) -> None:
    assert is_known({"architectures": [name]}, ["Bert"])
    assert task_of(name) == CLASSIFIER
