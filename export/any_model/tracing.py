"""How torch traces a model of `transformers`: flat inputs and outputs, any number and length."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import onnx_ir as ir
import torch
from torch import Tensor, nn

from export.any_model.refusal import Refusal
from export.graphs.families import deviation_of
from export.graphs.names import GraphNames
from export.graphs.spec import EncoderSpec
from export.graphs.tracing import OPSET, silenced

_BATCH, _TOKENS = 2, 7
"""Of the texts that are traced; 0 and 1 would be taken for fixed sizes, equal ones for one axis."""


class FlatModel(nn.Module):
    """Texts in, by the order of their names; answers out, then the encoder's last hidden state."""

    def __init__(self, model: Any, names: GraphNames) -> None:
        super().__init__()
        self.model, self.inputs, self.answers = model, names.texts, names.answers
        self.float_mask = deviation_of(model.config.model_type).float_mask
        takes = inspect.signature(model.forward).parameters
        self.others: dict[str, Any] = {"use_cache": False} if "use_cache" in takes else {}

    def forward(self, *texts: Tensor) -> tuple[Tensor, ...]:
        """The answers, (batch, ...) each, and the last hidden state, (batch, sequence, hidden)."""
        given = dict(zip(self.inputs, texts, strict=True))
        out, hidden = read_with_hidden(self.model, self.as_taken(given), **self.others)
        return (*(out[name] for name in self.answers), hidden)

    def as_taken(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """The inputs in the types that the family's model bears."""
        if self.float_mask:
            given = {**given, "attention_mask": given["attention_mask"].to(self.model.dtype)}
        return given


def read_with_hidden(model: Any, given: dict[str, Tensor], **others: Any) -> tuple[Any, Tensor]:
    """What a model gives, and the last hidden state of the encoder below its head.

    Raises:
        Refusal: the head does not call an encoder that gives one.
    """
    kept: list[Any] = []
    base = model.base_model
    hook = base.register_forward_hook(lambda _module, _given, out: kept.append(out))
    try:
        out = model(**given, **others, return_dict=True)
    finally:
        hook.remove()
    if not kept:
        raise Refusal(
            f"its class {type(model).__name__} does not call its encoder as a whole, so the last "
            "hidden state is not known"
        )
    found = kept[-1]
    return out, found[0] if isinstance(found, tuple) else found.last_hidden_state


def trace_model(model: Any, spec: EncoderSpec, names: GraphNames) -> ir.Model:
    """The graph of a model, with every number of texts and tokens left open.

    Args:
        names: of which the texts go in, and the answers and `last_hidden_state` come out.

    Raises:
        Refusal: the tracer cannot follow the model's code; its own words are in it.
    """
    ids = torch.randint(0, spec.vocab_size, (_BATCH, _TOKENS), generator=torch.manual_seed(3))
    ones = torch.ones_like(ids)
    segments = torch.zeros_like(ids)
    segments[:, -2:] = 1 if spec.has_segments else 0
    examples = {"input_ids": ids, "attention_mask": ones, "token_type_ids": segments}
    inputs, outputs = names.texts, [*names.answers, "last_hidden_state"]
    given = {name: examples[name] for name in inputs}
    return trace_any_length(FlatModel(model, names), given, dict.fromkeys(inputs, (0, 1)), outputs)


def trace_any_length(
    module: nn.Module,
    examples: Mapping[str, Tensor],
    open_axes: Mapping[str, Sequence[int]],
    outputs: Sequence[str],
) -> ir.Model:
    """The graph of a module that takes and gives flat tuples.

    Args:
        examples: an input for each name, in order; see `trace` in `graphs/tracing.py`.
        open_axes: of each, the axes of any length.
        outputs: the names of what it gives, in order.

    Raises:
        Refusal: the tracer cannot follow the module's code; its own words are in it.
    """
    axes = (dict.fromkeys(open_axes[name], torch.export.Dim.AUTO) for name in examples)
    try:
        with silenced(), torch.no_grad():
            program = torch.onnx.export(
                module.eval(),
                tuple(examples.values()),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(examples),
                output_names=list(outputs),
                dynamic_shapes=(tuple(axes),),
                verbose=False,
            )
    except Refusal:
        raise
    # torch's tracer raises whatever the model's code and its own do.
    except Exception as error:
        raise Refusal(f"torch's tracer cannot follow its code: {_cause(error)}") from error
    assert program is not None, "torch.onnx.export returns a program when dynamo=True"
    for value, name in zip(program.model.graph.outputs, outputs, strict=True):
        value.name = name
    return program.model


def _cause(error: BaseException) -> str:
    """What the tracer says at last, on one line, cut."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {(lines or ['no more said'])[0][:300]}"
