"""A graph as one file, or, where its weights are more than such a file may hold, as two.

The second has the first one's name and `_data` behind it, as Optimum and transformers.js look for
it; onnxruntime opens it by itself.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto

LARGEST = 2**31 - 2**24
"""Bytes of weights that one ONNX file may hold: protobuf ends at 2 GiB, with nodes and names."""

_SMALL = 1024
"""Bytes of a tensor that stays in the graph's own file: a shape, which a checker must see."""
_ALIGNED = 4096
"""Where a tensor begins in the second file is a multiple of this: a page of memory."""


def fits_one_file(model: onnx.ModelProto) -> bool:
    """Whether a graph can be one file, and one message of protobuf."""
    return weights_of(model) <= LARGEST


def weights_of(model: onnx.ModelProto) -> int:
    """Bytes of a graph's weights."""
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer)


def size_of(model: onnx.ModelProto) -> int:
    """Bytes that a graph takes as a file, or as two."""
    if fits_one_file(model):
        return model.ByteSize()
    return weights_of(model) + _parted(model, "")[0].ByteSize()


def data_file(graph: Path) -> Path:
    """Where the weights of a graph lie that are not in its own file."""
    return graph.with_name(f"{graph.name}_data")


def save_graph(model: onnx.ModelProto, path: Path) -> None:
    """Writes a graph; its larger weights into `data_file`, where one file cannot hold them all."""
    if fits_one_file(model):
        onnx.save(model, path)
        return
    beside = data_file(path)
    own, places = _parted(model, beside.name)
    with beside.open("wb") as file:
        for place, tensor in places:
            file.seek(place)
            file.write(tensor.raw_data)
    onnx.save(own, path)


def copy_graph(path: Path, target: Path) -> None:
    """Copies a graph's file under the same name, and the one beside it, if there is one."""
    shutil.copyfile(path, target)
    if data_file(path).is_file():
        shutil.copyfile(data_file(path), target.with_name(data_file(path).name))


def check_graph(model: onnx.ModelProto) -> None:
    """Runs onnx's own checker in full, of a graph of any size.

    Raises:
        onnx.checker.ValidationError, onnx.shape_inference.InferenceError: the graph is not sound.
    """
    if fits_one_file(model):
        onnx.checker.check_model(model, full_check=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        save_graph(model, path)
        onnx.checker.check_model(str(path), full_check=True)


def _parted(
    model: onnx.ModelProto, beside: str
) -> tuple[onnx.ModelProto, list[tuple[int, TensorProto]]]:
    """The graph whose larger weights are in another file, and where each begins in that."""
    own, places, end = onnx.ModelProto(), list[tuple[int, TensorProto]](), 0
    _copy_fields(model, own, "graph")
    _copy_fields(model.graph, own.graph, "initializer")
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) < _SMALL:
            own.graph.initializer.append(tensor)
            continue
        place = -(-end // _ALIGNED) * _ALIGNED
        end = place + len(tensor.raw_data)
        places.append((place, tensor))
        outside = own.graph.initializer.add(name=tensor.name, dims=tensor.dims)
        outside.data_type, outside.data_location = tensor.data_type, TensorProto.EXTERNAL
        found = {"location": beside, "offset": place, "length": len(tensor.raw_data)}
        for key, value in found.items():
            outside.external_data.add(key=key, value=str(value))
    return own, places


def _copy_fields(whole: Any, part: Any, left_out: str) -> None:
    """Every field of a message but one: a copy of the weights would take their memory again."""
    for field, value in whole.ListFields():
        if field.name == left_out:
            continue
        if hasattr(value, "extend"):
            getattr(part, field.name).extend(value)
        elif field.message_type:
            getattr(part, field.name).CopyFrom(value)
        else:
            setattr(part, field.name, value)
