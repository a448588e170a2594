"""How every JSON of a checkpoint or bundle is read and written, and what a model's folder holds.

A folder of another kind is told by its files, each in a sentence that says what to do. Needs no
torch.
"""

import json
from pathlib import Path
from typing import Any


def write_json(path: Path, content: object) -> None:
    """Writes JSON as people read it: indented, in the given order, ending in a new line.

    Whole or not at all: a full disk leaves the file that was there.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, with or without a byte order mark.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no JSON, nested deeper than can be read, or no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise ValueError(
            f"{path} is nested too deeply to be read; expected the JSON that a model was saved with"
        ) from None
    except ValueError as error:  # bad JSON, bad UTF-8, or a number of thousands of digits
        raise ValueError(f"{path} is no JSON ({error}); copy or save it again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a JSON {type(content).__name__}; expected an object")
    return content


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
