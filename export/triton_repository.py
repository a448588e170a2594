"""Lays a bundle out as a model repository for NVIDIA's Triton Inference Server.

    python export/triton_repository.py bundles/reviews triton

writes triton/reviews_classifier and, where the bundle has a decoder, triton/reviews_decoder, each a
graph with its config. The tokenizer and the loop that writes stay with the client.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import onnx

from export.bundle_schema import Manifest
from export.command import DONE, run_command
from export.read_bundle import choose_graph, read_bundle
from export.triton_config import Serving, config_text
from training.checkpoints.atomic_folder import Kind, whole_folder
from training.file_names import real_name

CONFIG = "config.pbtxt"
LABELS = "labels.txt"
_ENDINGS = {"classify": "classifier", "encode": "encoder", "generate": "decoder"}
GRAPH = "1/model.onnx"


def _written(model: Path) -> tuple[str, ...]:
    """The files of a model; raises ValueError if its config is of another one."""
    text = (model / CONFIG).read_text(encoding="utf-8")
    if f'name: "{model.name}"' not in text or 'backend: "onnxruntime"' not in text:
        raise ValueError(f"it names no model {model.name} for onnxruntime")
    return (LABELS, GRAPH)


MODEL = Kind(marker=CONFIG, written=_written)
_TOKENS = 128
"""The length of a paragraph, to warm up with where the model takes it."""


def lay_out(
    bundle: Path,
    folder: Path,
    *,
    precision: str | None = None,
    serving: Serving | None = None,
) -> list[Path]:
    """Writes a Triton model for each part of a bundle and returns their folders.

    Args:
        folder: the repository; other models in it stay.
        precision: `float32` or `8bit`; by default, as the page, 8 bit where the bundle has it.

    Raises:
        BundleError: as `read_bundle`.
        ValueError: the bundle has no graph of that precision.
        FileExistsError: a model's folder is there and is no Triton model.
    """
    manifest = read_bundle(bundle)
    chosen = {
        task: choose_graph(bundle, graphs, precision)
        for task, graphs in manifest.graphs.by_task().items()
    }
    made = []
    for task, graph in chosen.items():
        target = model_folder(bundle, folder, task)
        with whole_folder(target, kind=MODEL) as model:
            (model / "1").mkdir()
            shutil.copyfile(graph, model / GRAPH)
            labels = (manifest.labels or ()) if task == "classify" else ()
            if labels:
                lines = (" ".join(label.split()) + "\n" for label in labels)  # one line for each
                (model / LABELS).write_text("".join(lines), encoding="utf-8")
            text = config_text(
                target.name,
                onnx.load(graph),
                serving or Serving(),
                _warm_up_lengths(manifest),
                labels=LABELS if labels else None,
            )
            (model / CONFIG).write_text(text, encoding="utf-8")
        made.append(target)
    return made


def model_folder(bundle: Path, repository: Path, task: str) -> Path:
    """The folder of a bundle's graph for one task (`classify`, `encode`, `generate`)."""
    return repository / f"{real_name(bundle)}_{_ENDINGS[task]}"


def _warm_up_lengths(manifest: Manifest) -> dict[str, int]:
    """Axis -> length: a paragraph to read, and a step of writing with all of it cached."""
    tokens = min(_TOKENS, manifest.max_tokens)
    return {"sequence": tokens, "target": 1, "past": 1, "source": tokens, "encoder_past": tokens}


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        prog="triton_repository.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, usual = parser.add_argument, Serving()
    add("bundle", type=Path, help="a bundle, as export/to_onnx.py writes it")
    add("folder", type=Path, help="the model repository; other models in it stay")
    add("--precision", choices=("float32", "8bit"), help="default: 8bit where the bundle has it")
    add("--max-batch", type=int, default=usual.max_batch, help="default: %(default)s")
    add("--threads", type=int, default=usual.threads, help="of one instance; default: %(default)s")
    add("--instances", type=int, default=usual.instances, help="default: %(default)s")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; 2 on bad input."""
    return run_command("triton_repository.py", partial(_run, build_parser().parse_args(argv)))


def _run(given: argparse.Namespace) -> int:
    serving = Serving(max_batch=given.max_batch, threads=given.threads, instances=given.instances)
    for model in lay_out(given.bundle, given.folder, precision=given.precision, serving=serving):
        print(model)
    return DONE


if __name__ == "__main__":
    sys.exit(main())
