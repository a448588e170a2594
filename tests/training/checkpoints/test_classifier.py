"""Folders that are not what they should be are refused in words that say what to do."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.checkpoints.classifier import (
    find_folder,
    load_classifier,
    load_tokenizer,
    save_classifier,
)


@pytest.fixture
def folder(tmp_path: Path, save_tiny) -> Path:
    save_tiny(tmp_path, hidden_size=8, intermediate_size=16, max_position_embeddings=32)
    return tmp_path


def change_weights(folder: Path, **changes: torch.Tensor | None) -> None:
    weights = load_file(folder / "model.safetensors") | changes
    kept = {name: tensor for name, tensor in weights.items() if tensor is not None}
    save_file(kept, folder / "model.safetensors")


def test_a_saved_classifier_loads_with_the_same_weights(folder: Path, tokenizer) -> None:
    model = load_classifier(folder)

    assert not model.training
    assert model.config.labels == ("bad", "good")
    again = folder / "again"
    again.mkdir()
    save_classifier(again, model, tokenizer)
    one, two = load_file(folder / "model.safetensors"), load_file(again / "model.safetensors")
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_checkpoint_of_ours_is_found_by_its_outer_folder(tmp_path: Path) -> None:
    (tmp_path / "encoder").mkdir()

    assert find_folder(tmp_path) == tmp_path / "encoder"


def test_half_precision_weights_are_read_as_float32(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({n: w.half() for n, w in weights.items()}, folder / "model.safetensors")

    assert {p.dtype for p in load_classifier(folder).parameters()} == {torch.float32}


def test_weights_in_several_files_are_read_together(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({name: weights[name] for name in part}, folder / file)
    places = {name: file for file, part in parts.items() for name in part}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))

    loaded = load_classifier(folder).state_dict()

    assert torch.equal(loaded["head.weight"], weights["classifier.weight"])
    (folder / "b.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no b\.safetensors \(found: a\.safetensors"):
        load_classifier(folder)


def test_a_missing_head_and_pooler_are_named_and_the_way_out_is_told(folder: Path) -> None:
    head = {"classifier.weight": None, "classifier.bias": None}
    change_weights(folder, **head, **{"bert.pooler.dense.weight": None})

    with pytest.raises(ValueError, match=r"missing: bert\.pooler\.dense\.weight; missing: classi"):
        load_classifier(folder)
    with pytest.raises(ValueError, match=r"train_classifier\.py --init"):
        load_classifier(folder)


def test_every_problem_with_the_weights_is_listed_at_once(folder: Path, tokenizer) -> None:
    change_weights(
        folder,
        **{
            "bert.encoder.layer.1.output.dense.bias": None,
            "bert.encoder.layer.0.adapter.down": torch.zeros(3),
            "bert.embeddings.word_embeddings.weight": torch.zeros(7, 8),
        },
    )

    with pytest.raises(ValueError, match="do not make this classifier") as caught:
        load_classifier(folder)

    message = str(caught.value)
    assert "missing: bert.encoder.layer.1.output.dense.bias" in message
    assert "unknown: bert.encoder.layer.0.adapter.down" in message
    assert (
        f"word_embeddings.weight has shape (7, 8), config.json makes it ({len(tokenizer)}, 8)"
        in message
    )


def test_a_pickled_checkpoint_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    with pytest.raises(FileNotFoundError, match=r"found: config\.json, pytorch_model\.bin.*never"):
        load_classifier(folder)


def test_a_folder_without_config_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "notes.md").touch()

    with pytest.raises(FileNotFoundError, match=r"no config\.json \(found: notes\.md\)"):
        load_classifier(tmp_path)


def test_a_folder_without_tokenizer_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()

    with pytest.raises(FileNotFoundError, match=r"no tokenizer\.json and no vocab\.txt"):
        load_tokenizer(folder)


def test_a_name_that_is_no_folder_and_not_on_the_hub_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(FileNotFoundError, match="nobody/nothing is no folder here"):
        load_classifier("nobody/nothing")


def test_a_tokenizer_that_cuts_and_pads_by_itself_is_set_free(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    content["truncation"] = {
        "max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"
    }  # fmt: skip
    content["padding"] = {
        "strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(content))

    tokenizer = load_tokenizer(folder)

    assert len(tokenizer("bad")["input_ids"]) == 3
    assert len(tokenizer("bad bad bad bad bad")["input_ids"]) == 7
