"""What a checkpoint does not say is assumed aloud: printed, and written into `bundle.json`."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig, EncoderDecoderConfig, EncoderDecoderModel, GPT2Config

from export.bundle.card import ModelCard
from export.bundle.write import describe, save_tokenizer
from export.loading.checkpoint import load_checkpoint, lower_limits
from export.report import show_checkpoint


def change_config(folder: Path, **changes: Any) -> None:
    written = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(written | changes))


def test_what_is_said_is_not_assumed(checkpoint: Path) -> None:
    parts = load_checkpoint(str(checkpoint))

    assert parts.assumed == ()
    assert "assumed" not in show_checkpoint("mine", parts)


def test_labels_that_are_named_the_other_way_round_alone_are_no_assumption(
    checkpoint: Path,
) -> None:
    change_config(checkpoint, id2label=None, label2id={"good": 2, "bad": 0, "so so": 1})

    parts = load_checkpoint(str(checkpoint))

    assert parts.assumed == ()
    assert parts.encoder.config["id2label"] == {"0": "bad", "1": "so so", "2": "good"}


def test_a_limit_of_20_0_is_20_and_one_without_room_is_told(checkpoint: Path) -> None:
    file = checkpoint / "tokenizer_config.json"
    for limit, read in ((20.0, 20), (1e30, 32)):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"model_max_length": limit}))
        parts = load_checkpoint(str(checkpoint))
        assert (parts.encoder.max_tokens, type(parts.encoder.max_tokens)) == (read, int)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model_max_length": 3}))
    with pytest.raises(ValueError, match="reads 3 tokens at most, and two words and its special"):
        lower_limits(load_checkpoint(str(checkpoint)), 3)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"problem_type": None},
            "config.json has no problem_type: with 3 labels one label of them holds (softmax); if "
            "not, write multi_label_classification or regression there",
        ),
        (
            {"id2label": None, "label2id": None},
            "config.json names no labels: they are LABEL_0, LABEL_1, LABEL_2",
        ),
        (
            {"architectures": None},
            "config.json names no class: taken for a BertForSequenceClassification, since the "
            "weights have what it has on its encoder",
        ),
        (
            {"best_threshold": 0.4, "max_length": 20, "pruned_heads": {}},
            "config.json has settings that a BertForSequenceClassification does not read: "
            "'best_threshold'",
        ),
    ],
)
def test_what_a_config_leaves_open_is_said(
    checkpoint: Path, changes: dict[str, Any], expected: str
) -> None:
    change_config(checkpoint, **changes)

    parts = load_checkpoint(str(checkpoint))

    assert parts.assumed == (expected,)
    assert f"assumed                          {expected}" in show_checkpoint("mine", parts)


def test_it_stands_in_the_bundle(checkpoint: Path) -> None:
    change_config(checkpoint, problem_type=None)
    parts = load_checkpoint(str(checkpoint))

    described = describe(parts, ModelCard(title="Films", licence="", examples=()))

    assert described.assumed == parts.assumed != ()
    assert described.problem_type == "single_label"


def test_a_decoder_without_a_tokenizer_of_its_own_is_said_to_share_one(
    tokenizer, tmp_path: Path
) -> None:
    size = {"vocab_size": len(tokenizer)}
    reads = BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, **size
    )
    writes = GPT2Config(n_embd=8, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=2, **size)
    config = EncoderDecoderConfig.from_encoder_decoder_configs(reads, writes)
    EncoderDecoderModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    (assumed,) = load_checkpoint(str(tmp_path)).assumed

    assert assumed.startswith("the decoder has no tokenizer of its own in the folder: taken for")
    assert "both have 78 words" in assumed
    assert "--decoder-tokenizer" in assumed
    given = load_checkpoint(str(tmp_path), decoder_tokenizer=str(tmp_path))
    assert given.assumed == ()


def test_a_text_that_may_end_in_several_ways_is_said_to_end_in_one(random_checkpoint: Path) -> None:
    file = random_checkpoint / "decoder" / "generation_config.json"
    written = json.loads(file.read_text())
    file.write_text(json.dumps(written | {"eos_token_id": [3, 7, 9], "num_beams": 4}))

    parts = load_checkpoint(str(random_checkpoint))

    assert parts.assumed == ("several tokens may end a text: here the first does, 3, and not 7, 9",)
    assert parts.decoder is not None
    assert parts.decoder.generation["eos_token_id"] == 3
    assert parts.decoder.generation["num_beams"] == 4


def test_texts_are_padded_and_cut_on_the_right_whatever_the_tokenizer_says(
    checkpoint: Path, tmp_path: Path
) -> None:
    file = checkpoint / "tokenizer_config.json"
    sides = {"padding_side": "left", "truncation_side": "left"}
    file.write_text(json.dumps(json.loads(file.read_text()) | sides))

    parts = load_checkpoint(str(checkpoint))

    assert any("cuts a long text at its beginning" in one for one in parts.assumed)
    save_tokenizer(parts.encoder.tokenizer, tmp_path)
    written = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert (written["padding_side"], written["truncation_side"]) == ("right", "right")
