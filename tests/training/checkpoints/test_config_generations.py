"""A classifier's `config.json` of any generation is read as `transformers` opens it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    BertForSequenceClassification,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

from training.checkpoints.classifier import load_classifier
from training.checkpoints.hf_config import classifier_from_hf, encoder_from_hf, unread
from training.checkpoints.hf_names import FAMILIES

SIZES: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 20,
    "max_position_embeddings": 12,
    "type_vocab_size": 2,
}
LABELS = {"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}
NAMED = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}
WRITTEN_BY_2_0 = {
    "attention_probs_dropout_prob": 0.1, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
    "finetuning_task": "sst-2", "initializer_range": 0.02, "is_decoder": False,
    "layer_norm_eps": 1e-12, "output_attentions": False, "output_hidden_states": False,
    "output_past": True, "pruned_heads": {}, "torchscript": False, "use_bfloat16": False,
}  # fmt: skip
GENERATE = {
    "bos_token_id": None, "do_sample": False, "length_penalty": 1.0, "max_length": 20,
    "num_beams": 1, "num_return_sequences": 1, "repetition_penalty": 1.0, "temperature": 1.0,
    "top_k": 50, "top_p": 1.0,
}  # fmt: skip
GENERATIONS: dict[str, dict[str, Any]] = {
    "2.0, no class, no names": {**WRITTEN_BY_2_0, "num_labels": 3},
    "2.3, no class": {**WRITTEN_BY_2_0, **GENERATE, "eos_token_ids": 0, "num_labels": 3, **LABELS},
    "2.8": {
        **NAMED, **WRITTEN_BY_2_0, **GENERATE, **LABELS, "_num_labels": 3,
        "bad_words_ids": None, "early_stopping": False, "min_length": 0, "no_repeat_ngram_size": 0,
        "prefix": None, "task_specific_params": None, "xla_device": None,
        "decoder_start_token_id": None, "is_encoder_decoder": False,
    },
    "4.20, all written out": {
        **NAMED, **WRITTEN_BY_2_0, **GENERATE, **LABELS, "_name_or_path": "base",
        "add_cross_attention": False, "bad_words_ids": None, "chunk_size_feed_forward": 0,
        "classifier_dropout": None, "cross_attention_hidden_size": None, "diversity_penalty": 0.0,
        "encoder_no_repeat_ngram_size": 0, "exponential_decay_length_penalty": None,
        "forced_bos_token_id": None, "gradient_checkpointing": False, "num_beam_groups": 1,
        "output_scores": False, "position_embedding_type": "absolute",
        "problem_type": "single_label_classification", "remove_invalid_values": False,
        "return_dict": True, "return_dict_in_generate": False, "sep_token_id": None,
        "tf_legacy_loss": False, "tie_encoder_decoder": False, "torch_dtype": "float32",
        "transformers_version": "4.20.1", "typical_p": 1.0, "use_cache": True,
    },
    "a trainer's own notes": {
        **NAMED, **LABELS, "best_threshold": 0.37, "do_lower_case": True,
        "language": ["en", "de"], "max_length": 512, "a_note_of_tomorrow": {"x": 1},
    },
}  # fmt: skip
TEXT = torch.tensor([[2, 7, 9, 30, 3, 5], [2, 8, 3, 0, 0, 0]])


@pytest.mark.parametrize("generation", GENERATIONS)
def test_logits_are_those_of_transformers(generation: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = AutoConfig.for_model("bert", **SIZES, num_labels=3, initializer_range=0.5)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    written = {**SIZES, **GENERATIONS[generation]}
    (tmp_path / "config.json").write_text(json.dumps(written))

    ours = load_classifier(tmp_path)

    auto = AutoModelForSequenceClassification if "model_type" in written else None
    theirs = (auto or BertForSequenceClassification).from_pretrained(tmp_path).eval()
    with torch.no_grad():
        expected = theirs(TEXT, attention_mask=(TEXT != 0).long()).logits
        found = ours(TEXT, TEXT != 0).logits
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert list(ours.config.labels) == list(theirs.config.id2label.values())
    assert ours.config.problem_type == "single_label_classification"


def test_labels_that_nobody_counts_are_as_many_as_the_weights_have(tmp_path: Path) -> None:
    """`_num_labels` of transformers 2.4 alone: that of today does not read it."""
    config = AutoConfig.for_model("bert", **SIZES, num_labels=4)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**SIZES, **NAMED, "_num_labels": 4}))

    assert load_classifier(tmp_path).config.labels == ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3")


def test_only_a_class_that_is_known_may_have_settings_that_are_not() -> None:
    note = {"rotary_theta": 10000, "best_threshold": 0.4, "nothing": None, "empty": {}}
    named = {**SIZES, **NAMED, **GENERATE, **note}

    assert encoder_from_hf(named).hidden_size == 16
    assert unread(named) == ["best_threshold", "rotary_theta"]
    for classes in (None, [], ["BertWithRotation"]):
        with pytest.raises(ValueError, match=r"best_threshold is 0\.4, which is not known here"):
            encoder_from_hf({**named, "architectures": classes})


def test_code_of_its_own_is_another_model() -> None:
    config = {**SIZES, **NAMED, "auto_map": {"AutoModelForSequenceClassification": "m.Mine"}}

    with pytest.raises(ValueError, match="auto_map gives AutoModelForSequenceClassification code"):
        encoder_from_hf(config)


# What a class of transformers reads beside what fixes its numbers: what is returned, and how.
OF_THE_OUTPUT = set(
    """
    chunk_size_feed_forward dtype id2label output_hidden_states return_dict tie_word_embeddings
    use_cache
    """.split()
)


@pytest.mark.parametrize("model_type", FAMILIES)
def test_no_setting_that_its_class_reads_is_passed_over(model_type: str) -> None:
    """Built and run with a config that notes what is asked of it; the next transformers too."""
    asked: set[str] = set()
    config = AutoConfig.for_model(model_type, **SIZES)
    kind = type(config)

    class Noting(kind):  # type: ignore[misc, valid-type]
        def __getattribute__(self, name: str) -> Any:
            if name in object.__getattribute__(self, "__dict__"):
                asked.add(name)
            return kind.__getattribute__(self, name)

    object.__setattr__(config, "__class__", Noting)
    with torch.device("meta"):
        model = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[kind](config)
        model(torch.zeros(1, 4, dtype=torch.int64))

    read = {name for name in asked if not name.startswith("_")} - OF_THE_OUTPUT
    named = {"model_type": model_type, "architectures": [FAMILIES[model_type].architecture]}
    assert len(read) > 8
    for name in read:
        with pytest.raises(ValueError, match=f"{name} is"):
            classifier_from_hf({**named, name: "odd"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id2label": {"1": "a", "2": "b"}}, "counted from 0 without a gap"),
        ({"id2label": ["a", "b"]}, "expected a name for each output"),
        ({"id2label": {"0": None, "1": "b"}}, "expected a name for each output"),
        ({"num_labels": 10**9}, "num_labels is 1000000000; expected 1 to 100000"),
        ({"architectures": ["BertModel", "BertForMaskedLM"]}, "expected the name of one class"),
        ({"layer_norm_eps": "1e-12"}, "layer_norm_eps is '1e-12', expected a number"),
        ({"hidden_dropout_prob": float("nan")}, "hidden_dropout_prob is nan, expected a number"),
        ({"pad_token_id": 40}, "pad_token_id is 40; expected one of 0 to 39"),
        ({"classifier_dropout": "none"}, "classifier_dropout is 'none'; expected a number"),
        (
            {"id2label": {"0": "x"}, "problem_type": "single_label_classification"},
            "one label, 'x': a choice of one is none",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classifier_from_hf({**SIZES, **NAMED, **change})


def test_one_setting_with_two_values_is_refused() -> None:
    config = AutoConfig.for_model("distilbert").to_dict()

    assert encoder_from_hf({**config, "hidden_size": 768}).hidden_size == 768
    with pytest.raises(ValueError, match="says dim 768 and hidden_size 512, which are one setting"):
        encoder_from_hf({**config, "hidden_size": 512})
