"""Where a bundle's graphs lie, and how a finished bundle is opened.

They are named as transformers.js and Optimum look for them.
"""

from collections.abc import Mapping
from pathlib import Path

from bundle_format.folder import BundleError, read_manifest, wrong_files
from bundle_format.graphs import READING_TASKS, ReadingGraph, WritingGraph
from bundle_format.schema import Manifest
from export.graphs.spec import DecoderSizes, EncoderSizes

ENCODER_FILES = {"float32": "onnx/model.onnx", "8bit": "onnx/model_quantized.onnx"}
"""Precision -> file; `_quantized` is what transformers.js asks for as q8."""
DECODER_FILES = {
    "float32": "onnx/decoder_model_merged.onnx",
    "8bit": "onnx/decoder_model_merged_quantized.onnx",
}
SOURCE_FILES = {
    "float32": "onnx/encoder_model.onnx",
    "8bit": "onnx/encoder_model_quantized.onnx",
}
TASK_FILES = {
    **dict.fromkeys(READING_TASKS, ENCODER_FILES),
    "encode": SOURCE_FILES,
    "generate": DECODER_FILES,
}
"""What a graph is for -> its files; `encode` is the encoder of what writes and does nothing else. A
decoder alone is `ENCODER_FILES`, for it is the whole model."""


def read_bundle(folder: Path) -> Manifest:
    """The content of a bundle's `bundle.json`, whose files are all there as it lists them.

    Raises:
        BundleError: as `read_manifest`, or a file is missing or was changed.
    """
    manifest = read_manifest(folder)
    for fault in wrong_files(folder, manifest):
        raise BundleError(fault)
    return manifest


def choose_graph(
    folder: Path, graphs: Mapping[str, ReadingGraph | WritingGraph], precision: str | None
) -> Path:
    """The file of one of a part's graphs.

    Args:
        folder: the bundle's.
        graphs: the part's, by precision.
        precision: `float32` or `8bit`; None takes, as the page does, 8 bit where it is there.

    Raises:
        ValueError: there is no graph of that precision.
    """
    chosen = precision or ("8bit" if "8bit" in graphs else "float32")
    if chosen not in graphs:
        raise ValueError(
            f"{folder} has no {chosen} graph, it has {', '.join(graphs)}; give one of those, or "
            "export it again with --quantize"
        )
    return folder / graphs[chosen].file


def sizes_of(config: EncoderSizes | DecoderSizes) -> dict[str, int]:
    """A model's sizes, as `bundle.json` names them."""
    return {
        "layers": config.num_hidden_layers,
        "heads": config.num_attention_heads,
        "hidden": config.hidden_size,
        "vocabulary": config.vocab_size,
    }
