"""Checks a bundle's files against what its `bundle.json` says of them."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

import onnx

from export.bundle_format import TASK_FILES
from export.bundle_schema import DecoderDescription, Manifest, Sizes, wrong_files
from export.proof import Proof
from training.checkpoints.hf_config import decoder_from_hf, encoder_from_hf
from training.model.config import DecoderConfig, EncoderConfig


def check_files(folder: Path, manifest: Manifest, proof: Proof) -> None:
    """Every file is there with its sha256, and graphs are where clients look for them."""
    proof.failures += wrong_files(folder, manifest)
    for task, graphs in manifest.graphs.by_task().items():
        for precision, graph in graphs.items():
            expected = TASK_FILES[task].get(precision)
            proof.expect(
                graph.file == expected,
                f"the {precision} graph to {task} is {graph.file}, clients look for {expected}",
            )
            with proof.attempt(graph.file):
                for name in sorted(_weights_beside(folder / graph.file, folder)):
                    proof.expect(
                        name in manifest.files,
                        f"{graph.file} has weights in {name}, which bundle.json does not list: "
                        "nobody would notice another file in its place; export it again",
                    )


def _weights_beside(graph: Path, folder: Path) -> set[str]:
    """The files, relative to the bundle, that hold weights which are not in the graph's own."""
    place = PurePosixPath(graph.relative_to(folder).as_posix()).parent
    return {
        str(place / entry.value)
        for tensor in onnx.load(graph, load_external_data=False).graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }


def encoder_config(folder: Path, manifest: Manifest, proof: Proof) -> EncoderConfig:
    """The size of the encoder by `config.json`, held against `bundle.json`.

    Raises:
        FileNotFoundError, ValueError: there is no `config.json`, it is of no encoder of ours, or
            its sizes are not those of `bundle.json`.
    """
    config = encoder_from_hf(_read(folder / "config.json"))
    _check_tokens(manifest.max_tokens, config, "config.json", proof)
    _check_sizes(config, manifest.sizes, "config.json")
    return config


def decoder_config(folder: Path, stated: DecoderDescription, proof: Proof) -> DecoderConfig:
    """As `encoder_config`, of the decoder."""
    config = decoder_from_hf(_read(folder / "decoder" / "config.json"))
    _check_tokens(stated.max_tokens, config, "decoder/config.json", proof)
    _check_sizes(config, stated, "decoder/config.json")
    return config


def _check_tokens(
    stated: int, config: EncoderConfig | DecoderConfig, file: str, proof: Proof
) -> None:
    limit = config.max_position_embeddings
    proof.expect(stated <= limit, f"bundle.json allows {stated} tokens, {file} {limit}")


def _check_sizes(
    config: EncoderConfig | DecoderConfig, stated: Sizes | DecoderDescription, file: str
) -> None:
    """Raises ValueError: which is right cannot be told, and one may be larger than any memory."""
    sizes = {
        "layers": config.num_hidden_layers,
        "heads": config.num_attention_heads,
        "hidden": config.hidden_size,
        "vocabulary": config.vocab_size,
    }
    wrong = [
        f"bundle.json says {name} {getattr(stated, name)}, {file} says {size}"
        for name, size in sizes.items()
        if getattr(stated, name) != size
    ]
    if wrong:
        raise ValueError("; ".join(wrong))


def _read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a JSON {type(content).__name__}; expected an object")
    return content
