"""Proves a decoder's opened graph against `transformers`' own model, in eager mode, as
`any_model.proof` does an encoder's: by cached steps against its full pass."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache, partial
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutput

from export.any_model.head_calls import HeadCalls, closed, lengths_by_head, one_head_each
from export.graphs.longest import not_tried
from export.graphs.names import empty_cache, names_of_decoder
from export.graphs.spec import DecoderSpec
from export.runtime.session import open_session, run
from export.verification.checks import Checks, check_targets_alone
from export.verification.decoders import check_ones_of_steps, check_targets
from export.verification.inputs import (
    Prompt,
    Sample,
    Text,
    draw_prompt,
    part_of,
    run_steps,
    sample_batch,
    sample_prompts,
    sample_targets,
    spans,
)

_KINDS = {
    "decoder": ("decoder_attentions", "decoder_value_norms", "head_mask"),
    "cross": ("cross_attentions", "cross_value_norms", "cross_head_mask"),
}


def prove_decoder(
    graph: onnx.ModelProto,
    model: Any,
    spec: DecoderSpec,
    max_tokens: int | None = None,
    session: onnxruntime.InferenceSession | None = None,
) -> Checks:
    """Checks the float32 graph of a decoder against the model that it was traced from.

    Args:
        model: the whole model, with the encoder where there is one.
        max_tokens: the longest text that it will write; by default all of its positions.
        session: on the graph, where there is one already.
    """
    checks, names = Checks(errors_pass=True), names_of_decoder(spec)
    theirs = Definition(model, spec)
    exact = theirs.in_float64()
    checks.check_form(graph, names)
    checks.not_tried = not_tried(spec, max_tokens)
    session = session or open_session(graph)
    run_graph, empty = partial(run, session), partial(empty_cache, session)
    samples = texts_for(spec, max_tokens)
    check_targets(
        *(run_graph, empty, names, samples, checks),
        expected=theirs.outputs,
        exact=lambda sample: exact().outputs(sample),
    )
    for sample in samples:
        check_targets_alone(run_graph, empty, sample, checks)
    few = batch_for(spec)
    check_ones_of_steps(session, names, few, checks)
    removed = Checks(errors_pass=True)
    for kind in theirs.kinds:
        for layer in range(spec.num_hidden_layers):
            _check_removed(theirs, exact, session, few, (kind, layer), removed)
    checks.failures += removed.failures
    checks.differences["without a head"] = max(removed.differences.values())
    _check_norms(theirs, exact, session, _square(spec), checks)
    return checks


def texts_for(spec: DecoderSpec, max_tokens: int | None = None) -> Sequence[Text]:
    """What a decoder is tried on, to the longest text that it will write."""
    if spec.alone:
        return sample_prompts(spec, max_tokens)
    return sample_targets(spec, spec.source_width, max_tokens)


def batch_for(spec: DecoderSpec) -> Text:
    """Two short texts, one of them, or one of their sources, padded."""
    return draw_prompt(spec, 2, (4, 1)) if spec.alone else sample_batch(spec, spec.source_width)


def _square(spec: DecoderSpec) -> Text:
    """Two texts without padding, of as many tokens as their sources, in two pieces."""
    taken = {spec.num_attention_heads + 1, spec.hidden_size}
    tokens = next(n for n in (7, 5, 9, 4, 3) if n not in taken)
    random, pieces = np.random.default_rng(5), (tokens - 1, 1)
    target, ones = random.integers(0, spec.vocab_size, (2, tokens)), np.ones((2, tokens), np.int64)
    if spec.alone:
        return Prompt(target=target, mask=ones, pieces=pieces, positions=spec.takes_positions)
    source = random.standard_normal((2, tokens, spec.source_width), np.float32)
    return Sample(source=source, mask=ones, target=target, pieces=pieces)


def _check_norms(
    theirs: "Definition",
    exact: Callable[[], "Definition"],
    session: onnxruntime.InferenceSession,
    text: Text,
    checks: Checks,
) -> None:
    """Holds the value norms of each step against their definition."""
    whole = theirs.value_norms(text)
    in_float64 = cache(lambda: exact().value_norms(text))

    def cut(start: int, stop: int) -> dict[str, np.ndarray]:
        return part_of(in_float64(), start, stop)

    places = spans(text, empty_cache(session, len(text.target)))
    for (start, stop), found in zip(places, run_steps(session, text), strict=True):
        checks.compare(
            part_of(whole, start, stop),
            found,
            f"value norms by their definition, tokens {start + 1} to {stop}",
            exact=partial(cut, start, stop),
        )


def _check_removed(
    theirs: "Definition",
    exact: Callable[[], "Definition"],
    session: onnxruntime.InferenceSession,
    text: Text,
    place: tuple[str, int],
    checks: Checks,
) -> None:
    """A zero in a mask removes one head of a layer, as torch without it says."""
    kind, layer = place
    name = _KINDS[kind][2]
    ones = names_of_decoder(theirs.spec).optional[name]
    head = layer % ones.shape[2]
    mask = ones.copy()
    mask[0, layer, head] = 0
    (found,) = run_steps(session, text.in_one_piece(), {name: mask})
    stop = text.target.shape[1]
    checks.compare(
        text.real(theirs.without_head(text, kind, layer, head), 0, stop),
        text.real(found, 0, stop),
        f"without layer {layer} head {head} in {name}",
        exact=lambda: text.real(exact().without_head(text, kind, layer, head), 0, stop),
    )


class Definition:
    """What the model of `transformers` says of whole texts, by the graph's names."""

    def __init__(self, model: Any, spec: DecoderSpec) -> None:
        self.spec = spec
        self._model = model

    @property
    def kinds(self) -> list[str]:
        """What it attends to: the text so far, and the source where there is one."""
        return ["decoder"] if self.spec.alone else ["decoder", "cross"]

    def in_float64(self) -> "Callable[[], Definition]":
        """Gives the same in float64, of a copy of the model that is made when it is asked for."""
        return cache(lambda: Definition(deepcopy(self._model).double(), self.spec))

    def outputs(self, text: Text) -> dict[str, np.ndarray]:
        """The logits and all maps."""
        logits, maps = self._read(text)
        kinds = self.kinds
        found = {"logits": logits}
        for number, one in enumerate(maps):
            layer, kind = divmod(number, len(kinds))
            found[f"{_KINDS[kinds[kind]][0]}.{layer}"] = one.numpy()
        return found

    def without_head(self, text: Text, kind: str, layer: int, head: int) -> dict[str, np.ndarray]:
        """As `outputs`, where one head passes nothing on."""
        with self._replacing(text, kind, layer, partial(closed, head=head)):
            return self.outputs(text)

    def value_norms(self, text: Text) -> dict[str, np.ndarray]:
        """The value norms that the graph gives, each (batch, heads, tokens).

        Args:
            text: without padding, of as many tokens as its source.
        """
        kind = "decoder" if self.spec.alone else "cross"
        rows = [self._norms_of(text.row(row), kind) for row in range(len(text.target))]
        layers = range(self.spec.num_hidden_layers)
        return {
            f"{_KINDS[kind][1]}.{layer}": np.stack([r[layer] for r in rows]) for layer in layers
        }

    def _norms_of(self, text: Text, kind: str) -> list[np.ndarray]:
        """Of one text, by layer: (heads, tokens)."""
        heads, tokens = self.spec.num_attention_heads, text.target.shape[1]
        copies = _repeated(text, heads + 1)
        norms = []
        for layer in range(self.spec.num_hidden_layers):
            with self._replacing(copies, kind, layer, one_head_each) as calls:
                self._read(copies)
            norms.append(lengths_by_head(calls.projected, heads, tokens))
        return norms

    def _read(self, text: Text) -> tuple[np.ndarray, list[Tensor]]:
        """The logits, and the maps layer after layer, of each kind in turn."""
        given = text.feed(0, text.target.shape[1])
        tensors: dict[str, Any] = {
            name: torch.from_numpy(np.ascontiguousarray(one)) for name, one in given.items()
        }
        if isinstance(text, Sample):
            hidden = tensors["encoder_hidden_states"].to(self._model.dtype)
            tensors = {
                "decoder_input_ids": tensors["input_ids"],
                "attention_mask": tensors["encoder_attention_mask"],
                "encoder_outputs": BaseModelOutput(last_hidden_state=hidden),
            }
        with torch.no_grad():
            out = self._model(**tensors, use_cache=False, output_attentions=True, return_dict=True)
        if self.spec.alone:
            return out.logits.numpy(), list(out.attentions)
        pairs = zip(out.decoder_attentions, out.cross_attentions, strict=True)
        return out.logits.numpy(), [one for pair in pairs for one in pair]

    def _replacing(
        self, text: Text, kind: str, layer: int, change: Callable[[Tensor], Tensor]
    ) -> HeadCalls:
        """Torch's calls, where the product of a map and its values has another map."""
        calls = HeadCalls()
        with calls:
            _, maps = self._read(text)
        number = layer * len(self.kinds) + self.kinds.index(kind)
        return HeadCalls(calls.numbers_of(maps)[number], maps[number].shape, change)


def _repeated(text: Text, times: int) -> Text:
    """One text, several times."""
    arrays = {
        name: np.repeat(getattr(text, name), times, axis=0)
        for name in ("target", "mask", *(["source"] if isinstance(text, Sample) else []))
    }
    if isinstance(text, Sample):
        return Sample(**arrays, pieces=text.pieces)
    return Prompt(**arrays, pieces=text.pieces, positions=text.positions)
