"""What the config of each family says, and that those which are not implemented are named."""

from typing import Any

import pytest
from transformers import AutoConfig

from training.checkpoints.hf_config import classifier_from_hf, encoder_from_hf, encoder_to_hf
from training.checkpoints.hf_names import FAMILIES


@pytest.mark.parametrize("model_type", FAMILIES)
def test_a_setting_that_is_not_written_has_the_familys_default(model_type: str) -> None:
    written = AutoConfig.for_model(model_type).to_dict()

    found = encoder_from_hf({"model_type": model_type})

    assert found == encoder_from_hf(written)
    assert classifier_from_hf(written).problem_type == "single_label_classification"


def test_a_roberta_of_514_positions_reads_512_tokens() -> None:
    config = AutoConfig.for_model("roberta", max_position_embeddings=514).to_dict()

    read = encoder_from_hf(config)

    assert read.max_position_embeddings == 512
    assert encoder_to_hf(read)["max_position_embeddings"] == 514


@pytest.mark.parametrize("model_type", ["deberta-v2", "albert", "modernbert", "t5"])
def test_a_family_that_is_not_implemented_is_named_beside_those_that_are(model_type: str) -> None:
    config = AutoConfig.for_model(model_type).to_dict()

    with pytest.raises(ValueError, match=f"type '{model_type}', which is not implemented") as told:
        classifier_from_hf(config)

    assert "bert, distilbert, roberta, xlm-roberta, electra" in str(told.value)
    assert "encoder-decoder with a gpt2" in str(told.value)


@pytest.mark.parametrize(
    ("model_type", "setting", "value"),
    [
        ("distilbert", "activation", "relu"),
        ("distilbert", "type_vocab_size", 2),
        ("roberta", "hidden_act", "relu"),
        ("roberta", "embedding_size", 12),
        ("electra", "position_embedding_type", "relative_key"),
        ("roberta", "pad_token_id", None),
    ],
)
def test_a_setting_that_would_change_the_numbers_is_refused(
    model_type: str, setting: str, value: object
) -> None:
    config = AutoConfig.for_model(model_type).to_dict() | {setting: value}

    with pytest.raises(ValueError, match=setting):
        encoder_from_hf(config)


@pytest.mark.parametrize(
    ("noted", "expected"),
    [
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}, "regr"),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}}, "m"),
        ({"sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid"}, "multi"),
        ({"problem_type": "regression", "sentence_transformers": {}}, "regression"),
    ],
)
def test_a_cross_encoder_with_one_output_says_what_follows_it(
    noted: dict[str, Any], expected: str
) -> None:
    config = AutoConfig.for_model("roberta", num_labels=1).to_dict() | noted

    assert classifier_from_hf(config).problem_type.startswith(expected)
