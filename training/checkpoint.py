"""Reads and writes a checkpoint's encoder folder: `config.json`, `model.safetensors`, tokenizer.

The format is Hugging Face's, in both directions: what we save opens with
`BertForSequenceClassification.from_pretrained`, and what that class saves opens here. A name that
is no folder is looked up on the Hub.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from training import hf_weights
from training.batches import without_limits
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, EncoderConfig

# What a classifier needs beyond a plain encoder, with the name on disk that a reader knows.
_ON_TOP = ("pooler.", "head.")
_FILES = ("*.json", "*.txt", "*.safetensors", "*.model")


def find_folder(name: str | Path) -> Path:
    """The folder that `name` means: a local one, one of our checkpoints, or a Hub repository.

    Raises:
        FileNotFoundError: there is no such folder and no such repository, or no network.
    """
    folder = Path(name)
    if (folder / "encoder").is_dir():
        return folder / "encoder"
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(str(name), allow_patterns=list(_FILES)))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise FileNotFoundError(
            f"{name} is no folder here, and the Hub did not give it ({type(error).__name__}). "
            "Give a checkpoint folder, or a model's name on the Hub with a network"
        ) from error


def load_classifier(name: str | Path) -> BERTClassifier:
    """A finished classifier, ready to run (`eval` mode): ours, or Hugging Face's.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: the config asks for what is not implemented, or weights are missing, unknown,
            or of another shape.
    """
    folder = find_folder(name)
    config = ClassifierConfig.from_hf(read_config(folder))
    weights = hf_weights.from_hf(_read_weights(folder))
    if not config.pooler:
        weights = {name: w for name, w in weights.items() if not name.startswith("pooler.")}
    model = BERTClassifier(config)
    _load(model, weights, folder, may_be_new=())
    return model.eval()


def start_classifier(
    name: str | Path, *, labels: Collection[str], pooler: bool = True
) -> tuple[BERTClassifier, list[str]]:
    """A classifier to be trained, on a pre-trained encoder, with a new head for `labels`.

    Returns:
        The model (`train` mode), and the names of the weights that are new: drawn at random from
        torch's generator because the checkpoint does not have them (the head always is).

    Raises:
        FileNotFoundError, ValueError: as `load_classifier`.
    """
    folder = find_folder(name)
    encoder = EncoderConfig.from_hf(read_config(folder))
    weights = hf_weights.from_hf(_read_weights(folder))
    dropped = ("head.",) if pooler else _ON_TOP
    weights = {name: w for name, w in weights.items() if not name.startswith(dropped)}
    model = BERTClassifier(ClassifierConfig(encoder=encoder, labels=tuple(labels), pooler=pooler))
    new = _load(model, weights, folder, may_be_new=_ON_TOP)
    return model.train(), new


def load_tokenizer(name: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer that lies beside a model's weights; it neither truncates nor pads by itself.

    Raises:
        FileNotFoundError: the folder has none.
    """
    folder = find_folder(name)
    if not any((folder / file).is_file() for file in ("tokenizer.json", "vocab.txt")):
        raise FileNotFoundError(
            f"{folder} has no tokenizer.json and no vocab.txt (found: {_listing(folder)}). "
            "Save the tokenizer beside the model: tokenizer.save_pretrained(folder)"
        )
    return without_limits(AutoTokenizer.from_pretrained(folder, local_files_only=True))


def save_classifier(
    folder: Path, model: BERTClassifier, tokenizer: PreTrainedTokenizerBase
) -> None:
    """Writes the model and its tokenizer in Hugging Face's format into an existing `folder`."""
    write_json(folder / "config.json", model.config.to_hf())
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(hf_weights.to_hf(weights), folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save_pretrained(folder)


def read_config(folder: Path) -> dict[str, Any]:
    """The content of a folder's `config.json`.

    Raises:
        FileNotFoundError: there is none.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} has no config.json (found: {_listing(folder)}); expected a checkpoint in "
            "Hugging Face's format. Make one with: python training/train_classifier.py"
        )
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, content: object) -> None:
    """Writes JSON as people read it: indented, in the given order, ending in a new line."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _read_weights(folder: Path) -> dict[str, Tensor]:
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    else:
        shards = ["model.safetensors"]
    missing = [shard for shard in shards if not (folder / shard).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} has no {', '.join(missing)} (found: {_listing(folder)}). Only safetensors "
            "are read, never pickles; convert an old checkpoint with transformers: "
            "AutoModel...from_pretrained(folder).save_pretrained(folder)"
        )
    weights: dict[str, Tensor] = {}
    for shard in shards:
        weights.update(load_file(folder / shard))
    return {name: tensor.to(torch.float32) for name, tensor in weights.items()}


def _load(
    model: BERTClassifier, weights: dict[str, Tensor], folder: Path, *, may_be_new: tuple[str, ...]
) -> list[str]:
    """Fills the model; every problem is listed before it raises. Returns what stayed random."""
    expected = model.state_dict()
    missing = [name for name in expected if name not in weights]
    new = [name for name in missing if name.startswith(may_be_new)] if may_be_new else []
    problems = [f"missing: {name}" for name in hf_weights.hf_names(set(missing) - set(new))]
    problems += [f"unknown: {name}" for name in weights if name not in expected]
    problems += [
        f"{hf_weights.hf_names([name])[0]} has shape {tuple(weights[name].shape)}, config.json "
        f"makes it {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    if problems:
        raise ValueError(
            f"the weights in {folder} do not make this classifier: {'; '.join(sorted(problems))}."
            + _advice(problems)
        )
    model.load_state_dict(weights, strict=not new)
    return new


def _advice(problems: list[str]) -> str:
    heads = ("missing: classifier.", "missing: bert.pooler.")
    if all(problem.startswith(heads) for problem in problems):
        return (
            " It is an encoder without a trained classifier on top; train one with: "
            "python training/train_classifier.py --init <this folder>"
        )
    return " Expected the weights of a BertForSequenceClassification"


def _listing(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return ", ".join(names) or "nothing"
