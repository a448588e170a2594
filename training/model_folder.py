"""What a folder holds that should hold a model: its `config.json`, or why it cannot be one.

A folder of another kind is told by its files, each in a sentence that says what to do.
"""

from pathlib import Path
from typing import Any

from training.json_file import read_json

_ADAPTER = "adapter_config.json"
_MOST_NAMES = 12
# How the files of other formats end -> what they are, and how a model of them is made.
_FORMATS = {
    (".bin", ".pt", ".pth", ".ckpt"): (
        "a pickle, and only safetensors are read, never pickles. Convert it with transformers: "
        "AutoModelForSequenceClassification.from_pretrained(folder).save_pretrained(folder)"
    ),
    (".gguf",): (
        "GGUF, weights for llama.cpp. Give the model in Hugging Face's format that it was made of"
    ),
    (".h5", ".msgpack"): (
        "weights of TensorFlow or Flax. Convert them with transformers 4: "
        "from_pretrained(folder, from_tf=True) or from_flax=True, then save_pretrained(folder)"
    ),
    (".onnx",): "an exported graph. Give the folder that it was exported from",
}


def read_config(folder: Path) -> dict[str, Any]:
    """The content of a folder's `config.json`.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no JSON object, or the folder holds an adapter.
    """
    if (folder / _ADAPTER).is_file():
        raise ValueError(_adapter(folder))
    path = folder / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} has no config.json (found: {listing(folder)}). {_way(folder)}"
        )
    return read_json(path)


def no_weights(folder: Path, missing: str) -> FileNotFoundError:
    """The error for a folder whose weights are not there, or are in another format."""
    others = _other_format(folder) or (
        f"Expected {missing}; save the model again with save_pretrained(folder)"
    )
    return FileNotFoundError(f"{folder} has no {missing} (found: {listing(folder)}). {others}")


def listing(folder: Path) -> str:
    """The names of what is in a folder, for a message; cut after a dozen."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    left_out = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES]) or 'nothing'}{left_out}"


def _way(folder: Path) -> str:
    """What to do about a folder without a `config.json`."""
    below = sorted(path.parent.name for path in folder.glob("*/config.json"))
    if below:
        return f"Give one of its folders, which have one: {', '.join(below[:_MOST_NAMES])}"
    return _other_format(folder) or (
        "Expected a checkpoint in Hugging Face's format. Make one with: "
        "python training/train_classifier.py"
    )


def _other_format(folder: Path) -> str | None:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        for endings, words in _FORMATS.items():
            if path.suffix in endings and path.name != "training_args.bin":
                return f"{path.name} is {words}"
    return None


def _adapter(folder: Path) -> str:
    written = read_json(folder / _ADAPTER)
    kind = str(written.get("peft_type") or "").upper()[:40]
    base = str(written.get("base_model_name_or_path") or "its model")[:200]
    return (
        f"{folder} holds {f'a {kind} adapter' if kind else 'an adapter'} ({_ADAPTER}), a change to "
        f"{base}, and no model of its own. Merge the two first, with peft: "
        "PeftModel.from_pretrained(model, folder).merge_and_unload().save_pretrained(merged)"
    )
