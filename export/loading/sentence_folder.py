"""A folder of `sentence-transformers`: how its modules make one vector of a text.

`modules.json` lists what a text goes through: a `Transformer`, a `Pooling`, perhaps a `Normalize`.
Any other module (a `Dense` layer behind the pooling) changes the vectors and is not in the graph,
so such a folder is refused.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bundle_format.schema import Pooling
from training.checkpoints.files import read_json

_MODULES = "modules.json"
_KNOWN = ("Transformer", "Pooling", "Normalize")
_MODES = {"mean": "mean", "cls": "cls", "max": "max", "lasttoken": "last"}
"""Theirs -> ours."""
_OLD_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "lasttoken",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
}
ASSUMED = Pooling(mode="mean", normalize=True)


def embeds(folder: Path) -> bool:
    """Whether a folder lists modules that make one vector of a text."""
    return "Pooling" in _paths(folder)


def transformer_folder(folder: Path) -> Path:
    """Where the model itself lies: older folders have it below them."""
    inside = folder / _paths(folder).get("Transformer", "")
    return inside if (inside / "config.json").is_file() else folder


def find_pooling(folder: Path) -> tuple[Pooling, list[str]]:
    """How a folder's vectors are made, and what it leaves unsaid or asks for beside.

    Args:
        folder: that of `modules.json`, if there is one.

    Raises:
        ValueError: a module, or a way to pool, that is not implemented.
    """
    paths = _paths(folder)
    if "Pooling" not in paths:
        return ASSUMED, [
            "the folder has no modules.json that says how its hidden states become one vector: "
            "taken for their mean over all tokens, divided by its length"
        ]
    if others := [name for name in paths if name not in _KNOWN]:
        raise ValueError(
            f"{folder / _MODULES} has the module {', '.join(others)[:100]}; expected Transformer, "
            "Pooling and Normalize alone, since another would change the vectors and is not in "
            "the graph"
        )
    mode = _mode(folder / paths["Pooling"] / "config.json")
    return Pooling(mode=mode, normalize="Normalize" in paths), _remarks(folder)


def longest_of(folder: Path) -> int | None:
    """Tokens after which `sentence-transformers` cuts a text; None where that is not written.

    Raises:
        ValueError: no text is so long.
    """
    file = folder / "sentence_bert_config.json"
    noted = _read(file).get("max_seq_length")
    if noted is not None and (type(noted) is not int or noted < 2):
        raise ValueError(
            f"{file} has {noted!r:.40} as max_seq_length; expected a whole number from 2, or null"
        )
    return noted


def _paths(folder: Path) -> dict[str, str]:
    """The kinds of a folder's modules, in their order -> where each lies in it."""
    file = folder / _MODULES
    if not file.is_file():
        return {}
    try:
        modules = json.loads(file.read_text(encoding="utf-8"))
        paths = {one["type"].rpartition(".")[2]: str(one["path"]) for one in modules}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file} is no list of modules, each with its type and path, as sentence-transformers "
            "writes it; save the model again"
        ) from error
    for path in paths.values():
        if not (folder / path).resolve().is_relative_to(folder.resolve()):
            raise ValueError(
                f"{file} says that a module lies at {path[:100]!r}, which is outside of its "
                "folder; expected a folder inside, such as 1_Pooling"
            )
    return paths


def _mode(file: Path) -> Any:
    noted = _read(file)
    named = noted.get("pooling_mode") or [
        mode for flag, mode in _OLD_FLAGS.items() if noted.get(flag)
    ]
    modes = [named] if isinstance(named, str) else list(named)
    if len(modes) != 1 or modes[0] not in _MODES:
        raise ValueError(
            f"{file} pools by {' and '.join(map(str, modes))[:100] or 'nothing'}; expected one of "
            f"{', '.join(_MODES)}"
        )
    return _MODES[modes[0]]


def _remarks(folder: Path) -> list[str]:
    """What sentence-transformers would do beside, and the page does not."""
    noted = _read(folder / "config_sentence_transformers.json")
    found, prompts = [], noted.get("prompts")
    if isinstance(prompts, Mapping):
        named = [f"{name} {text!r}" for name, text in prompts.items() if text]
        if named:
            found.append(
                "sentence-transformers can put a prompt in front of a text, which is not done "
                f"here: {', '.join(named)[:300]}"
            )
    if (way := noted.get("similarity_fn_name")) not in (None, "cosine"):
        found.append(f"its vectors are meant to be compared by {way}; here it is by cosine")
    if _read(transformer_folder(folder) / "sentence_bert_config.json").get("do_lower_case"):
        found.append(
            "sentence-transformers makes every text lower case first, which is not done here"
        )
    return found


def _read(file: Path) -> Mapping[str, Any]:
    return read_json(file) if file.is_file() else {}
