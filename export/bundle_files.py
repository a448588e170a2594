"""Checks a bundle's files against what its `bundle.json` says of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.bundle_format import TASK_FILES
from export.proof import Proof
from export.provenance import sha256
from training.model.config import EncoderConfig
from training.model.decoder_config import DecoderConfig

_SIZES = ("layers", "heads", "hidden", "vocabulary")
_BESIDE = ("config.json", "tokenizer.json", "tokenizer_config.json")


def check_fields(content: Mapping[str, Any]) -> None:
    """`bundle.json` has what everything else is checked by.

    Raises:
        ValueError: it has not; all that is missing is named.
    """
    graphs = content["graphs"]
    wanted = ["tasks", "examples", "max_tokens", "sizes"]
    wanted += ["labels"] if "classify" in graphs else []
    wanted += ["decoder"] if "generate" in graphs else []
    missing = [name for name in wanted if name not in content]
    for part in {"sizes", "decoder"} & content.keys():
        missing += [f"{part}.{name}" for name in _SIZES if name not in content[part]]
    missing += [f"graphs.{task}" for task in content.get("tasks", ()) if not graphs.get(task)]
    if not graphs.keys() & {"classify", "encode"}:
        missing.append("graphs.classify or graphs.encode")
    if missing:
        raise ValueError(
            f"bundle.json has no {', '.join(sorted(missing))}; expected a bundle as "
            "export/to_onnx.py writes it: export it again"
        )


def check_files(folder: Path, content: Mapping[str, Any], proof: Proof) -> None:
    """Every file is there, under the name that clients look for; graphs have their sha256.

    Args:
        content: that of `bundle.json`.
    """
    beside = [folder / name for name in _BESIDE]
    if "generate" in content["graphs"]:
        names = (*_BESIDE, "generation_config.json")
        beside += [folder / "decoder" / name for name in names]
    for path in beside:
        proof.expect(path.is_file(), f"{path.relative_to(folder)} is missing")
    for task, graphs in content["graphs"].items():
        for precision, entry in graphs.items():
            expected = TASK_FILES.get(task, {}).get(precision)
            proof.expect(
                entry["file"] == expected,
                f"the {precision} graph to {task} is {entry['file']}, clients look for {expected}",
            )
            found = sha256(folder / entry["file"])
            proof.expect(
                found == entry["sha256"],
                f"{entry['file']} has the sha256 {found}, bundle.json says {entry['sha256']}: the "
                "file was damaged or replaced; copy the bundle or export it again",
            )


def encoder_config(folder: Path, content: Mapping[str, Any], proof: Proof) -> EncoderConfig:
    """The size of the encoder by `config.json`, held against `bundle.json`.

    Raises:
        FileNotFoundError, ValueError: there is no `config.json`, or it is of no encoder of ours.
    """
    config = EncoderConfig.from_hf(_read(folder / "config.json"))
    _check_sizes(config, content["sizes"], "config.json", proof)
    proof.expect(
        content["max_tokens"] <= config.max_position_embeddings,
        f"bundle.json allows {content['max_tokens']} tokens, config.json "
        f"{config.max_position_embeddings}",
    )
    return config


def decoder_config(folder: Path, content: Mapping[str, Any], proof: Proof) -> DecoderConfig:
    """As `encoder_config`, of the decoder."""
    config = DecoderConfig.from_hf(_read(folder / "decoder" / "config.json"))
    _check_sizes(config, content["decoder"], "decoder/config.json", proof)
    return config


def _check_sizes(
    config: EncoderConfig | DecoderConfig, stated: Mapping[str, Any], file: str, proof: Proof
) -> None:
    sizes = (
        config.num_hidden_layers,
        config.num_attention_heads,
        config.hidden_size,
        config.vocab_size,
    )
    for name, size in zip(_SIZES, sizes, strict=True):
        proof.expect(
            stated[name] == size, f"bundle.json says {name} {stated[name]}, {file} says {size}"
        )


def _read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a JSON {type(content).__name__}; expected an object")
    return content
