"""Proves an opened graph against `transformers`' own model, in eager mode.

What torch says is taken from the model as it is, without anything that the search for blocks found:
maps are those of `output_attentions`; a head is removed by its map being 0 where the model
multiplies it with the values, which is the same as zeroing its columns of the output projection;
and a value norm is the length of what the projection gives when one head alone passes its values
on, each token's to itself, less what it gives when none does.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cache, partial
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor

from export.any_model.head_calls import HeadCalls, closed, lengths_by_head, one_head_each
from export.any_model.refusal import Refusal
from export.any_model.tracing import FlatModel, read_with_hidden
from export.graphs.families import deviation_of
from export.graphs.longest import not_tried
from export.graphs.names import GraphNames
from export.graphs.spec import EncoderSpec
from export.runtime.session import Arrays, Run
from export.verification.checks import Checks, check_ones, check_texts_alone
from export.verification.graphs import check_batches
from export.verification.inputs import random_feed, sample_batches


def prove_model(
    graph: onnx.ModelProto, run: Run, theirs: "Definition", max_tokens: int | None = None
) -> Checks:
    """Checks the float32 graph of an encoder against the model that it was traced from.

    Args:
        run: runs the graph.
        max_tokens: the longest text that it will be given; by default all of its positions.
    """
    spec, names, run = theirs.spec, theirs.names, _told(run)
    checks = Checks(errors_pass=True)
    checks.check_form(graph, names)
    checks.not_tried = not_tried(spec, max_tokens)
    batches = sample_batches(spec, max_tokens)
    exact = theirs.in_float64()
    check_batches(
        *(run, names, batches, checks),
        expected=theirs.outputs,
        exact=lambda feed: exact().outputs(feed),
        real_rows=True,
    )
    tokens = min(17, spec.max_position_embeddings)
    if spec.alone:
        side = "left" if spec.pads_left else "right"
        check_texts_alone(run, random_feed(spec, 3, tokens, side), checks)
    feed = random_feed(spec, 1, min(9, spec.max_position_embeddings), "none")
    check_ones(run(feed), lambda mask: run({**feed, **mask}), names.optional, checks)
    removed = Checks(errors_pass=True)
    for layer in range(spec.num_hidden_layers):
        _check_removed(theirs, exact, run, feed, layer, removed)
    checks.failures += removed.failures
    checks.differences["without a head"] = max(removed.differences.values())
    two = random_feed(spec, 2, _apart(spec), "none")
    checks.compare(
        *(theirs.value_norms(two), run(two), "value norms by their definition"),
        exact=lambda: exact().value_norms(two),
    )
    return checks


def _told(run: Run) -> Run:
    """Runs a graph; where it stops, what onnxruntime says becomes a sentence of ours."""

    def run_and_tell(feed: Arrays) -> dict[str, np.ndarray]:
        try:
            return run(feed)
        # onnxruntime's errors share no class but this one.
        except Exception as error:
            texts, tokens = feed["input_ids"].shape
            raise Refusal(
                f"its graph stops at {texts} texts of {tokens} tokens, so it may have fewer "
                "positions than its config says; give a lower --max-tokens "
                f"(onnxruntime: {' '.join(str(error).split())[:300]})"
            ) from error

    return run_and_tell


def _apart(spec: EncoderSpec) -> int:
    """A number of tokens that is none of the model's sizes, nor that of its heads and one more."""
    taken = {spec.num_attention_heads + 1, spec.hidden_size}
    return next(
        n for n in (9, 7, 11, 5, 13, 3) if n not in taken and n <= spec.max_position_embeddings
    )


def _check_removed(
    theirs: "Definition",
    exact: Callable[[], "Definition"],
    run: Run,
    feed: Arrays,
    layer: int,
    checks: Checks,
) -> None:
    """A zero in the mask removes one head of a layer, as torch without it says."""
    ones = theirs.names.optional["head_mask"]
    head = layer % ones.shape[2]
    mask = ones.copy()
    mask[0, layer, head] = 0
    expected, found = theirs.without_head(feed, layer, head), run({**feed, "head_mask": mask})
    checks.compare(
        *(expected, found, f"without layer {layer} head {head}"),
        exact=lambda: exact().without_head(feed, layer, head),
    )


class Definition:
    """What the model of `transformers` says of a batch, by the graph's names."""

    def __init__(self, model: Any, spec: EncoderSpec, names: GraphNames) -> None:
        self.spec, self.names = spec, names
        self._model, self._flat = model, FlatModel(model, names)
        self._gives_scores = deviation_of(spec.model_type).gives_scores

    def in_float64(self) -> "Callable[[], Definition]":
        """Gives the same in float64, of a copy of the model that is made when it is asked for."""
        return cache(lambda: Definition(deepcopy(self._model).double(), self.spec, self.names))

    def outputs(self, feed: Arrays) -> dict[str, np.ndarray]:
        """All outputs but the value norms."""
        found, maps = self._read(feed)
        return found | {f"encoder_attentions.{i}": one.numpy() for i, one in enumerate(maps)}

    def without_head(self, feed: Arrays, layer: int, head: int) -> dict[str, np.ndarray]:
        """As `outputs`, where one head of a layer passes nothing on."""

        with self._replacing(feed, layer, partial(closed, head=head)):
            return self.outputs(feed)

    def value_norms(self, feed: Arrays) -> dict[str, np.ndarray]:
        """The value norms of a batch without padding, each (batch, heads, sequence)."""
        rows = [
            self._norms_of_text({name: array[row : row + 1] for name, array in feed.items()})
            for row in range(len(feed["input_ids"]))
        ]
        layers = range(self.spec.num_hidden_layers)
        return {f"encoder_value_norms.{i}": np.stack([row[i] for row in rows]) for i in layers}

    def _norms_of_text(self, feed: Arrays) -> list[np.ndarray]:
        """Of one text, by layer: (heads, sequence)."""
        heads = self.spec.num_attention_heads
        copies = {name: np.repeat(array, heads + 1, axis=0) for name, array in feed.items()}
        tokens, norms = feed["input_ids"].shape[1], []
        for layer in range(self.spec.num_hidden_layers):
            with self._replacing(copies, layer, one_head_each) as calls:
                self._read(copies)
            norms.append(lengths_by_head(calls.projected, heads, tokens))
        return norms

    def _read(self, feed: Arrays) -> tuple[dict[str, np.ndarray], list[Tensor]]:
        given = {
            name: torch.from_numpy(np.ascontiguousarray(feed[name])) for name in self._flat.inputs
        }
        with torch.no_grad():
            out, hidden = read_with_hidden(
                *(self._model, self._flat.as_taken(given)),
                **self._flat.others,
                output_attentions=True,
            )
        answers = {name: out[name].numpy() for name in self.names.answers}
        maps = [one.softmax(dim=-1) if self._gives_scores else one for one in out.attentions]
        return {**answers, "last_hidden_state": hidden.numpy()}, maps

    def _replacing(self, feed: Arrays, layer: int, change: Callable[[Tensor], Tensor]) -> HeadCalls:
        """Torch's calls, where the product of a layer's map and values has another map."""
        calls = HeadCalls()
        with calls:
            _, maps = self._read(feed)
        return HeadCalls(calls.numbers_of(maps)[layer], maps[layer].shape, change)
