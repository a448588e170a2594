"""Lays a bundle out as a model repository for NVIDIA's Triton Inference Server.

    python export/clients/triton_repository.py bundles/reviews models

writes models/reviews_classifier and, where the bundle has a decoder, models/reviews_decoder, each a
graph with its config. The tokenizer and the loop that writes stay with the client.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from export.bundle.files import choose_graph, read_bundle
from export.command import DONE, command_parser, run_command
from export.graphs.graph_file import copy_graph
from training.checkpoints.atomic_folder import Kind, atomic_folder
from training.file_names import real_name

_TYPES: dict[int, str] = {onnx.TensorProto.INT64: "TYPE_INT64", onnx.TensorProto.FLOAT: "TYPE_FP32"}
_QUEUE_MICROSECONDS = 2000
"""How long a request may wait for others of its shape: about what one short text takes."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How a graph is run.

    Raises:
        ValueError: there is less than one of something.
    """

    max_batch: int = 8
    threads: int = 2
    """Of one instance."""
    instances: int = 1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name.replace('_', ' ')} is {value}; expected 1 or more")


class _Word(str):
    """A name of the format's own, such as an enumeration's; it is written without quotes."""


def config_text(
    name: str,
    model: onnx.ModelProto,
    serving: Serving,
    warm_up: Mapping[str, int],
    *,
    labels: str | None = None,
) -> str:
    """The content of `config.pbtxt`, in protobuf's text format.

    Its fields: triton-inference-server/common, `protobuf/model_config.proto`. What onnxruntime's
    backend asks of them: triton-inference-server/onnxruntime_backend, `src/onnxruntime.cc`.

    Inputs with a default are left out: the backend counts only those that must be given, and takes
    the others from a request only where nothing is batched.

    Args:
        name: of the model; the name of its folder.
        warm_up: axis -> its length in the text that is run before the first request.
        labels: the file, beside the config, that names the classes of `logits`.
    """
    defaults = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in defaults]
    batches = sorted({1, serving.max_batch})
    outputs = [_tensor(value) for value in model.graph.output]
    if labels:
        (logits,) = (output for output in outputs if output["name"] == "logits")
        logits["label_filename"] = labels
    config = {
        "name": name,
        "backend": "onnxruntime",
        "max_batch_size": serving.max_batch,
        "input": [_tensor(value) for value in inputs],
        "output": outputs,
        **_running(serving),
        "model_warmup": [_warm_up(inputs, batch, warm_up) for batch in batches],
    }
    return "\n".join(_lines(config)) + "\n"


def _running(serving: Serving) -> dict[str, Any]:
    """How requests are put together, and by how many threads of how many instances they are run."""
    parameters = {"intra_op_thread_count": serving.threads, "inter_op_thread_count": 1}
    return {
        "dynamic_batching": {
            "preferred_batch_size": sorted({(serving.max_batch + 1) // 2, serving.max_batch}),
            "max_queue_delay_microseconds": _QUEUE_MICROSECONDS,
        },
        "instance_group": [{"kind": _Word("KIND_CPU"), "count": serving.instances}],
        "parameters": _entries(
            {key: {"string_value": str(value)} for key, value in parameters.items()}
        ),
    }


def _tensor(value: onnx.ValueInfoProto) -> dict[str, Any]:
    kind = value.type.tensor_type
    return {
        "name": value.name,
        "data_type": _Word(_TYPES[kind.elem_type]),
        "dims": [-1 if axis.dim_param else axis.dim_value for axis in _axes(value)],
    }


def _axes(value: onnx.ValueInfoProto) -> list[onnx.TensorShapeProto.Dimension]:
    """All but the batch, which Triton adds itself."""
    first, *others = value.type.tensor_type.shape.dim
    assert first.dim_param == "batch", f"the first axis of {value.name} is no batch"
    return others


def _length(axis: onnx.TensorShapeProto.Dimension, lengths: Mapping[str, int]) -> int:
    """Of an axis to warm up with; one may be a sum, such as `past + target`."""
    if not axis.dim_param:
        return axis.dim_value
    return sum(lengths[part] for part in axis.dim_param.split(" + "))


def _warm_up(
    inputs: list[onnx.ValueInfoProto], batch: int, lengths: Mapping[str, int]
) -> dict[str, Any]:
    """A run of zeros: random ids would be none of the vocabulary."""
    tensors = {}
    for value in inputs:
        dims = [_length(axis, lengths) for axis in _axes(value)]
        tensors[value.name] = {
            "data_type": _tensor(value)["data_type"],
            "dims": dims,
            "zero_data": True,
        }
    return {"name": f"zeros_{batch}", "batch_size": batch, "inputs": _entries(tensors)}


def _entries(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How the text format writes a map."""
    return [{"key": key, "value": value} for key, value in fields.items()]


def _lines(fields: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for name, value in fields.items():
        messages = value if isinstance(value, list) and isinstance(value[0], Mapping) else [value]
        for one in messages:
            if isinstance(one, Mapping):
                yield f"{indent}{name} {{"
                yield from _lines(one, indent + "  ")
                yield f"{indent}}}"
            else:
                # JSON's numbers, strings, true and lists are the text format's as well.
                text = one if isinstance(one, _Word) else json.dumps(one, ensure_ascii=False)
                yield f"{indent}{name}: {text}"


CONFIG = "config.pbtxt"
LABELS = "labels.txt"
_ENDINGS = {
    "classify": "classifier",
    "tag": "tagger",
    "answer": "answerer",
    "fill": "filler",
    "embed": "embedder",
    "encode": "encoder",
    "generate": "decoder",
}
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
    bundle: Path, folder: Path, *, precision: str | None = None, serving: Serving | None = None
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
        with atomic_folder(target, kind=MODEL) as model:
            (model / "1").mkdir()
            copy_graph(graph, model / GRAPH)
            labels = (manifest.labels or ()) if task == "classify" else ()
            _describe(model, target.name, serving or Serving(), labels, manifest.max_tokens)
        made.append(target)
    return made


def _describe(
    model: Path, name: str, serving: Serving, labels: Sequence[str], max_tokens: int
) -> None:
    """Writes what Triton is told of the graph in a model's folder."""
    if labels:
        lines = (" ".join(label.split()) + "\n" for label in labels)  # one line for each
        (model / LABELS).write_text("".join(lines), encoding="utf-8")
    # A paragraph to read, and a step of writing with all of it cached.
    lengths = dict.fromkeys(("sequence", "source", "encoder_past"), min(_TOKENS, max_tokens))
    lengths |= {"target": 1, "past": 1}
    text = config_text(
        *(name, onnx.load(model / GRAPH), serving, lengths), labels=LABELS if labels else None
    )
    (model / CONFIG).write_text(text, encoding="utf-8")


def model_folder(bundle: Path, repository: Path, task: str) -> Path:
    """The folder of a bundle's graph for one task, as `bundle.json` names it."""
    return repository / f"{real_name(bundle)}_{_ENDINGS[task]}"


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = command_parser("triton_repository.py", __doc__)
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
    return run_command("triton_repository.py", _run, build_parser().parse_args(argv))


def _run(given: argparse.Namespace) -> int:
    serving = Serving(max_batch=given.max_batch, threads=given.threads, instances=given.instances)
    for model in lay_out(given.bundle, given.folder, precision=given.precision, serving=serving):
        print(model)
    return DONE


if __name__ == "__main__":
    sys.exit(main())
