"""A folder that holds no classifier is told by what it holds, in a sentence and in seconds."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForTokenClassification, BertConfig
from transformers.models.auto import modeling_auto

from training.checkpoints.classifier import initial_model, load_classifier

SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 20,
    "max_position_embeddings": 12,
}
TEXT = torch.tensor([[2, 7, 9, 30, 3, 5]])


@pytest.fixture
def folder(tmp_path: Path, tokenizer, save_tiny) -> Path:
    folder = tmp_path / "model"
    save_tiny(folder, **SIZES | {"vocab_size": len(tokenizer)}, initializer_range=0.5)
    return folder


def change_config(folder: Path, **changes: Any) -> None:
    written = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(written | changes))


def change_weights(folder: Path, change: Callable[[dict], dict]) -> None:
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors")


def told(folder: Path) -> str:
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        load_classifier(folder)
    message = str(caught.value).replace(str(folder), "FOLDER")
    assert len(message) < 500
    return message


TASKS = {
    "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING": "a token classifier",
    "MODEL_FOR_QUESTION_ANSWERING_MAPPING": "a question answering model",
    "MODEL_FOR_MULTIPLE_CHOICE_MAPPING": "a multiple-choice model",
    "MODEL_FOR_MASKED_LM_MAPPING": "a masked language model",
    "MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING": "a model that tells whether a sentence follows",
    "MODEL_FOR_CAUSAL_LM_MAPPING": "a causal language model",
    "MODEL_MAPPING": "a plain encoder, without a trained classifier on it",
}


@pytest.mark.parametrize("task", TASKS)
def test_a_model_for_another_task_is_known_by_its_class(task: str, folder: Path) -> None:
    """Whatever weights it has: these would make a classifier of whole texts."""
    kind = getattr(modeling_auto, task)[BertConfig].__name__
    change_config(folder, architectures=[kind])

    assert f"FOLDER holds {TASKS[task]}" in (message := told(folder))
    assert f"({kind}), which is not implemented; expected a classifier of whole texts" in message


@pytest.mark.parametrize("model_type", ["bert", "distilbert", "roberta", "electra"])
def test_a_token_classifier_that_names_no_class_is_known_by_its_weights(
    model_type: str, folder: Path
) -> None:
    config = AutoConfig.for_model(model_type, **SIZES, pad_token_id=0)
    AutoModelForTokenClassification.from_config(config).save_pretrained(folder)
    change_config(folder, architectures=None)

    assert "FOLDER holds a token classifier (by its weights)" in told(folder)


def test_a_classifier_with_one_output_needs_to_name_no_class(folder: Path) -> None:
    change_config(folder, architectures=None, id2label={"0": "score"}, problem_type=None)
    change_weights(folder, lambda w: {n: t[:1] if "classifier" in n else t for n, t in w.items()})

    assert load_classifier(folder).config.problem_type == "regression"


def test_a_class_of_somebodys_own_is_not_taken_for_one_of_transformers(folder: Path) -> None:
    change_config(folder, architectures=["MyBertForSequenceClassification"])

    assert "a model of a class that is not known here (MyBertForSequ" in told(folder)


@pytest.mark.parametrize("before", ["_orig_mod.", "module._orig_mod.", "model."])
def test_what_wrappers_put_before_the_names_is_taken_off(before: str, folder: Path) -> None:
    expected = load_classifier(folder)(TEXT, TEXT != 0).logits

    change_weights(folder, lambda weights: {before + name: w for name, w in weights.items()})

    assert torch.equal(load_classifier(folder)(TEXT, TEXT != 0).logits, expected)


def test_a_wrapper_around_the_encoder_alone_is_taken_off(folder: Path) -> None:
    expected = load_classifier(folder)(TEXT, TEXT != 0).logits

    change_weights(
        folder, lambda w: {n.replace("bert.", "bert._orig_mod."): t for n, t in w.items()}
    )

    assert torch.equal(load_classifier(folder)(TEXT, TEXT != 0).logits, expected)


def test_two_weights_of_one_name_are_refused(folder: Path) -> None:
    change_weights(folder, lambda w: w | {"module.classifier.bias": torch.zeros(2)})

    assert "FOLDER has two weights named classifier.bias" in told(folder)


def test_an_adapter_is_to_be_merged_first(folder: Path) -> None:
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "bert-base-uncased"}
    (folder / "adapter_config.json").write_text(json.dumps(adapter))

    assert "FOLDER holds a LORA adapter (adapter_config.json), a change to bert-base" in (
        message := told(folder)
    )
    assert "merge_and_unload()" in message
    (folder / "adapter_config.json").unlink()
    change_weights(folder, lambda w: w | {"bert.x.lora_A.weight": torch.zeros(2, 2)})
    assert "weights of a LoRA adapter that was not merged" in told(folder)


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    path.write_bytes(
        {
            "empty": b"",
            "cut": content[:-100],
            "noise": b"\xff" * 64,
            "deep": len(deep).to_bytes(8, "little") + deep,
            "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        }[how]
    )


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("empty", r"FOLDER/model\.safetensors is damaged \(.*; expected weights as safetensors"),
        ("cut", r"FOLDER/model\.safetensors is damaged"),
        ("noise", r"FOLDER/model\.safetensors is damaged"),
        ("deep", r"FOLDER/model\.safetensors is damaged"),
        ("pointer", r"is the pointer that Git LFS left in its place; .* Download"),
    ],
)
def test_damaged_weights_are_refused_in_words(folder: Path, how: str, message: str) -> None:
    damage(folder / "model.safetensors", how)

    with pytest.raises(ValueError, match=message.replace("FOLDER", str(folder))):
        load_classifier(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classifier.bias": torch.tensor([0.0, float("nan")])}, "not finite: the training div"),
        ({"classifier.bias": torch.zeros(2, dtype=torch.int8)}, "classifier.bias is quantized"),
        (
            {"classifier.bias": torch.zeros(2).to(torch.float8_e4m3fn)},
            "classifier.bias is quantized",
        ),
        (
            {
                "classifier.bias": torch.zeros(2, dtype=torch.int8),
                "classifier.weight": torch.zeros(2, 16, dtype=torch.int8),
            },
            "classifier: classifier.bias and 1 more are quantized: expected numbers of 16, 32 or",
        ),
        ({f"more.{i}.weight": torch.zeros(1) for i in range(999)}, "unknown: more.1.weight; unkn"),
        ({f"more.{i}.weight": torch.zeros(1) for i in range(999)}, " and 993 more. Expected the"),
    ],
)
def test_weights_that_make_no_model_are_refused_in_few_words(
    folder: Path, change: dict[str, torch.Tensor], message: str
) -> None:
    change_weights(folder, lambda weights: weights | change)

    assert message in told(folder)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("vocab_size", 10**10, "asks for vocab_size 10000000000, and no weight in FOLDER has more"),
        ("max_position_embeddings", 10**9, "asks for max_position_embeddings 1000000000"),
        ("hidden_size", 10**30, "asks for hidden_size 1000000000"),
        ("num_hidden_layers", 10**9, "says 1000000000 layers, the weights in FOLDER have 1"),
        ("intermediate_size", int("9" * 4000), "no weight in FOLDER has more than 1248 numbers"),
    ],
)
def test_sizes_are_held_against_the_weights_before_anything_is_made(
    folder: Path, setting: str, value: int, message: str
) -> None:
    change_config(folder, **{setting: value})

    assert message in told(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "config.json is nested too deeply to be read"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "config.json is nested too deeply to be read"),
        ('{"vocab_size": ' + "9" * 5000 + "}", "config.json is no JSON (Exceeds the limit"),
        ("", "config.json is no JSON (Expecting value"),
        ("[1]", "config.json holds a JSON list; expected an object"),
    ],
)
def test_a_config_that_cannot_be_read_is_refused(folder: Path, content: str, message: str) -> None:
    (folder / "config.json").write_text(content)

    assert message in told(folder)


def test_a_config_with_a_byte_order_mark_is_read(folder: Path) -> None:
    written = (folder / "config.json").read_bytes()
    (folder / "config.json").write_bytes(b"\xef\xbb\xbf" + written)

    assert load_classifier(folder).config.labels == ("bad", "good")


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"a": "../model/b.safetensors"}}, "does not say which files beside it"),
        ({"weight_map": ["a.safetensors"]}, "does not say which files beside it"),
        ({}, "does not say which files beside it"),
        (
            {"weight_map": {str(i): f"{i}.safetensors" for i in range(400)}},
            "has no 0.safetensors and 399 more of its files (found: config.json, model.safet",
        ),
    ],
)
def test_an_index_that_does_not_hold_is_refused(folder: Path, index: dict, message: str) -> None:
    (folder / "model.safetensors").rename(folder / "weights.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    assert message in told(folder)


def test_the_one_file_counts_where_an_old_index_lies_beside_it(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "b.safetensors"}}')

    assert load_classifier(folder).config.labels == ("bad", "good")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("model-q4.gguf", "model-q4.gguf is GGUF, weights for llama.cpp"),
        ("pytorch_model.bin", "pytorch_model.bin is a pickle, and only safetensors are read"),
        ("tf_model.h5", "tf_model.h5 is weights of TensorFlow or Flax"),
        ("model.onnx", "model.onnx is an exported graph"),
    ],
)
def test_weights_of_another_format_are_named(folder: Path, file: str, message: str) -> None:
    (folder / "model.safetensors").rename(folder / file)
    (folder / "training_args.bin").touch()

    assert message in told(folder)
    (folder / "config.json").unlink()
    assert message in told(folder)


def test_a_folder_above_the_model_names_what_is_below(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "runs" / "checkpoint-500")

    assert "Give one of its folders, which have one: checkpoint-500" in told(tmp_path / "runs")


def test_a_full_folder_is_listed_in_few_words(tmp_path: Path) -> None:
    for i in range(300):
        (tmp_path / f"text-{i}.txt").touch()

    assert "txt and 288 more). Expected a checkpoint" in told(tmp_path)


def test_a_file_is_no_folder(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"is a file; expected the folder of a model"):
        load_classifier(folder / "model.safetensors")


def test_a_mistyped_word_of_init_is_told_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(FileNotFoundError, match="also knows the words minilm, mpnet, random"):
        initial_model("rnadom", labels=("a", "b"), pooler=True)
