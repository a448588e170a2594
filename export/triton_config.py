"""What Triton is told of a graph: `config.pbtxt`, in protobuf's text format.

Fields: triton-inference-server/common, `protobuf/model_config.proto`. What onnxruntime's backend
asks of them: triton-inference-server/onnxruntime_backend, `src/onnxruntime.cc`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import onnx

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
    """The content of `config.pbtxt`.

    Inputs with a default are left out: the backend counts only those that must be given, and takes
    the others from a request only where nothing is batched.

    Args:
        name: of the model; the name of its folder.
        warm_up: axis -> its length in the text that is run before the first request.
        labels: the file, beside the config, that names the classes of `logits`.
    """
    defaults = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in defaults]
    outputs = [_tensor(value) for value in model.graph.output]
    if labels:
        (logits,) = (output for output in outputs if output["name"] == "logits")
        logits["label_filename"] = labels
    parameters = {"intra_op_thread_count": serving.threads, "inter_op_thread_count": 1}
    config = {
        "name": name,
        "backend": "onnxruntime",
        "max_batch_size": serving.max_batch,
        "input": [_tensor(value) for value in inputs],
        "output": outputs,
        "dynamic_batching": {
            "preferred_batch_size": sorted({(serving.max_batch + 1) // 2, serving.max_batch}),
            "max_queue_delay_microseconds": _QUEUE_MICROSECONDS,
        },
        "instance_group": [{"kind": _Word("KIND_CPU"), "count": serving.instances}],
        "parameters": _entries(
            {key: {"string_value": str(value)} for key, value in parameters.items()}
        ),
        "model_warmup": [
            _warm_up(inputs, batch, warm_up) for batch in sorted({1, serving.max_batch})
        ],
    }
    return "\n".join(_lines(config)) + "\n"


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


def _warm_up(
    inputs: list[onnx.ValueInfoProto], batch: int, lengths: Mapping[str, int]
) -> dict[str, Any]:
    """A run of zeros: random ids would be none of the vocabulary."""
    tensors = {}
    for value in inputs:
        dims = [lengths.get(axis.dim_param, axis.dim_value) for axis in _axes(value)]
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
