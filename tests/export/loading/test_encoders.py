"""What is read of a folder of another family, whatever its weights are stored in."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import AutoConfig, PreTrainedModel

from export.any_model.random_models import LABELS, SIZES, WORDS, random_model
from export.graphs.spec import EncoderSpec, untested
from export.graphs.tasks import TASKS
from export.loading.encoders import known_of_config, load_any_model, make_spec


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return random_model("mpnet", TASKS["classify"])


def save_tokenizer(folder: Path, family: str = "") -> None:
    """Of the kind that the family's class in `transformers` reads."""
    words = {f"word{i}": i for i in range(WORDS - 5)}
    kinds = {
        "t5": lambda: models.Unigram([("<unk>", 0.0), *((word, -1.0) for word in words)], unk_id=0),
        "bart": lambda: models.BPE(words, []),
    }
    made = kinds.get(family, lambda: models.WordLevel(words, "word0"))()
    Tokenizer(made).save(str(folder / "tokenizer.json"))


def test_shards_in_half_precision_are_read_in_float32(
    model: PreTrainedModel, tmp_path: Path
) -> None:
    half = random_model("mpnet", TASKS["classify"]).to(torch.bfloat16)
    half.save_pretrained(tmp_path, max_shard_size="20KB")
    save_tokenizer(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1

    loaded = load_any_model(str(tmp_path))

    part = loaded.encoder
    weights = dict(part.model.named_parameters())
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    for name, tensor in half.named_parameters():
        torch.testing.assert_close(weights[name], tensor.float(), rtol=0, atol=0)
    assert part.labels == tuple(f"LABEL_{i}" for i in range(LABELS))
    assert part.problem_type == "single_label_classification"
    assert isinstance(part.sizes, EncoderSpec)
    assert (part.sizes.num_hidden_layers, part.sizes.num_attention_heads) == (3, 5)
    assert part.tokenizer.model_input_names == ["input_ids", "attention_mask"]
    assert any("config.json has no problem_type" in one for one in loaded.assumed)


@pytest.mark.parametrize(
    ("family", "kind"), [("t5", "T5EncoderModel"), ("t5", "T5Model"), ("bart", "BartModel")]
)
def test_of_an_encoder_and_a_decoder_the_encoder_alone_is_opened(
    family: str, kind: str, tmp_path: Path
) -> None:
    config = AutoConfig.for_model(family, **{**SIZES[family], "vocab_size": 200})
    saved = getattr(transformers, kind)(config)
    saved.save_pretrained(tmp_path)
    save_tokenizer(tmp_path, family)

    part = load_any_model(str(tmp_path)).encoder

    assert (part.task, part.sizes.num_hidden_layers, part.sizes.num_attention_heads) == (
        "embed",
        3,
        5,
    )
    ids = torch.arange(10).reshape(2, 5) + 3
    with torch.no_grad():
        expected = saved.get_encoder().eval()(ids).last_hidden_state
        assert isinstance(part.model, PreTrainedModel)
        torch.testing.assert_close(part.model(ids).last_hidden_state, expected)

    weights = load_file(tmp_path / "model.safetensors")
    gone = next(name for name in weights if name.startswith("encoder.") and "norm" in name)
    save_file({k: v for k, v in weights.items() if k != gone}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="has not all weights of a"):
        load_any_model(str(tmp_path))


def test_weights_without_a_place_and_a_class_that_is_none_are_told(
    model: PreTrainedModel, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["qa_outputs.weight"] = torch.zeros(2, 40)
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace("MPNetForSeq", "OurNetForSeq"))

    assumed = load_any_model(str(tmp_path)).assumed

    said = "a MPNetForSequenceClassification has no place for these weights, left out: qa_outputs"
    assert any(said in one for one in assumed)
    said = "has not: taken for a MPNetForSequenceClassification, by its model_type"
    assert any("'OurNetForSequenceClassification'" in one and said in one for one in assumed)


def test_a_config_keeps_what_its_family_reads_and_no_path(model: PreTrainedModel) -> None:
    model.config.note = "of somebody"
    model.config.hidden_act = "/home/somebody/act"

    kept = known_of_config(model.config)

    assert kept["relative_attention_num_buckets"] == 32
    assert kept["model_type"] == "mpnet"
    assert {"note", "hidden_act", "_name_or_path"}.isdisjoint(kept)


def test_a_family_outside_of_the_tests_is_said_to_be_so(model: PreTrainedModel) -> None:
    spec, remarks = make_spec(model)

    assert (remarks, untested(spec)) == ([], [])
    assert untested(replace(spec, model_type="mpnet9")) == [
        "proven for this model; its family, mpnet9, is not in our tests"
    ]
