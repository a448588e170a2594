"""The one error of this room: a graph that cannot be opened, in a sentence that names the place."""

import onnx_ir as ir

_SCOPES = "pkg.torch.onnx.name_scopes"
_NOT_MODULES = {"", "model"}


class Refusal(ValueError):
    """This model's graph cannot be opened; the message says what stands where."""


def place_of(node: ir.Node) -> str:
    """Where a node comes from: the module of the model that it was traced in, and its operator."""
    scopes = [
        scope.strip(" '\"") for scope in node.metadata_props.get(_SCOPES, "").strip("[]").split(",")
    ]
    modules = [scope for scope in scopes[:-1] if scope not in _NOT_MODULES]
    where = modules[-1].removeprefix("model.") if modules else f"node {node.name}"
    return f"{where} ({node.op_type})"
