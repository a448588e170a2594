"""Lays a bundle that writes out for Optimum's `ORTModelForSeq2SeqLM`.

    python export/clients/optimum_folder.py bundles/reviews optimum/reviews

Optimum reads a bundle's classifier as it is. For writing it looks for `encoder_model.onnx`, feeds
it token ids and the attention mask alone, and wants one config for both parts: this makes a folder
with all of that. Its file names: huggingface/optimum-onnx, `optimum/onnxruntime/constants.py`.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import helper

from export.bundle.files import choose_graph, read_bundle
from export.command import DONE, command_parser, run_command
from export.graphs.graph_file import copy_graph, save_graph
from training.checkpoints.atomic_folder import Kind, atomic_folder
from training.checkpoints.files import read_json, write_json
from training.checkpoints.hybrid import GENERATION

ENCODER = "encoder_model.onnx"
DECODER = "decoder_model_merged.onnx"
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json")


def _written(folder: Path) -> list[str]:
    """The files of such a folder; raises ValueError if its config is not of an encoder-decoder."""
    config = read_json(folder / "config.json")
    if config.get("model_type") != "encoder-decoder":
        raise ValueError("its config.json is not of an encoder-decoder")
    tokenizers = [f"{place}{file}" for place in ("", "decoder/") for file in _TOKENIZER]
    return [DECODER, GENERATION, "config.json", *tokenizers]


_FOLDER = Kind(marker=ENCODER, written=_written)


def lay_out(bundle: Path, folder: Path, *, precision: str | None = None) -> None:
    """Writes the folder: both graphs, a config for both, and the tokenizers.

    Sources' in the folder itself, targets' in its `decoder/`, as in the bundle.

    Args:
        precision: `float32` or `8bit`; by default 8 bit where the bundle has it.

    Raises:
        BundleError: as `read_bundle`.
        ValueError: the bundle has no decoder, or one without files of its own; or no graph of that
            precision.
        FileExistsError: `folder` is there and holds something else.
    """
    manifest = read_bundle(bundle)
    if not manifest.writes:
        raise ValueError(
            f"{bundle} has no decoder to write with; Optimum's ORTModelForSequenceClassification "
            "opens it as it is"
        )
    if not (manifest.decoder and manifest.decoder.own_files):
        raise ValueError(
            f"{bundle} has no decoder with files of its own beside an encoder; expected a bundle "
            "of one of our classifiers with a decoder behind it. Of other models Optimum opens the "
            "folders that they were exported from"
        )
    graphs = manifest.graphs.by_task()
    encoder = choose_graph(bundle, graphs[manifest.reads], precision)
    decoder = choose_graph(bundle, graphs["generate"], precision)
    with atomic_folder(folder, kind=_FOLDER) as made:
        save_graph(_of_one_segment(onnx.load(encoder)), made / ENCODER)
        copy_graph(decoder, made / DECODER)
        shutil.copyfile(bundle / "decoder" / GENERATION, made / GENERATION)
        (made / "decoder").mkdir()
        for file in _TOKENIZER:
            for place in (Path(), Path("decoder")):
                shutil.copyfile(bundle / place / file, made / place / file)
        whole = {
            "model_type": "encoder-decoder",
            "is_encoder_decoder": True,
            "encoder": read_json(bundle / "config.json"),
            "decoder": read_json(bundle / "decoder" / "config.json"),
        }
        write_json(made / "config.json", whole)


def _of_one_segment(model: onnx.ModelProto) -> onnx.ModelProto:
    """An encoder that makes its `token_type_ids` itself, all of them 0, where it has them."""
    name = "token_type_ids"
    for segments in [value for value in model.graph.input if value.name == name]:
        model.graph.input.remove(segments)
        zeros = helper.make_node("Sub", ["input_ids", "input_ids"], [name], name="one_segment")
        model.graph.node.insert(0, zeros)
    return model


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = command_parser("optimum_folder.py", __doc__)
    parser.add_argument("bundle", type=Path, help="a bundle with a decoder")
    parser.add_argument("folder", type=Path, help="the folder to write")
    parser.add_argument(
        "--precision", choices=("float32", "8bit"), help="default: 8bit where the bundle has it"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 2 on bad input."""
    return run_command("optimum_folder.py", _run, build_parser().parse_args(argv))


def _run(given: argparse.Namespace) -> int:
    lay_out(given.bundle, given.folder, precision=given.precision)
    print(f'{given.folder}: ORTModelForSeq2SeqLM.from_pretrained("{given.folder}")')
    return DONE


if __name__ == "__main__":
    sys.exit(main())
