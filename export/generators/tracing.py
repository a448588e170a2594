"""How torch traces a decoder of `transformers` with its cache: the first step and all others in one
graph, without an `If`.

Keys and values are cached whatever the family: its own code puts them behind each other. Of a
source they are read once. The model is called twice: once for nothing but the keys and values of
those tokens of the source that were not read yet, of which there are none after the first step; and
once for good, with all of them. What else the first call computes is used by nobody, and so it is
not in the graph.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx_ir as ir
import torch
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache

from export.any_model.tracing import trace_any_length
from export.graphs.names import names_of_decoder
from export.graphs.spec import DecoderSpec
from export.loading.generators import pairs_of

Pairs = Sequence[tuple[Tensor, Tensor]]
"""Keys and values by layer."""

_BATCH, _TARGET, _PAST, _SOURCE, _READ = 2, 3, 5, 11, 4
"""Of what is traced; 0 and 1 would be taken for fixed sizes, equal ones for one axis."""


def trace_decoder(model: Any, spec: DecoderSpec) -> ir.Model:
    """The graph of a model's decoder, without its maps; every length is left open.

    Args:
        model: the whole model, with the encoder where there is one.

    Raises:
        Refusal: as `trace_any_length`.
    """
    names = names_of_decoder(spec)
    lengths = {
        "batch": _BATCH, "target": _TARGET, "past": _PAST, "source": _SOURCE,
        "encoder_past": _READ, "past + target": _PAST + _TARGET,
    }  # fmt: skip
    drawn = torch.manual_seed(3)
    examples, open_axes = dict[str, Tensor](), dict[str, Sequence[int]]()
    for name in names.texts:
        axes = names.inputs[name]
        shape = [lengths[axis] if isinstance(axis, str) else axis for axis in axes]
        open_axes[name] = [place for place, axis in enumerate(axes) if isinstance(axis, str)]
        if name == "input_ids":
            examples[name] = torch.randint(0, spec.vocab_size, shape, generator=drawn)
        elif name == "position_ids":
            examples[name] = torch.arange(_PAST, _PAST + _TARGET).repeat(_BATCH, 1)
        elif name.endswith("attention_mask"):
            examples[name] = torch.ones(shape, dtype=torch.int64)
        else:
            examples[name] = torch.randn(shape, generator=drawn)
    kept = [name for name in names.outputs if name.startswith("present.")]
    module = (LoneDecoder if spec.alone else SourceDecoder)(model, list(examples))
    return trace_any_length(module, examples, open_axes, ["logits", *kept])


class LoneDecoder(nn.Module):
    """Ids, the mask of all tokens so far, positions and the past in; logits and the present out.
    Where nothing is cached, all tokens so far in, and logits out."""

    def __init__(self, model: Any, inputs: Sequence[str]) -> None:
        super().__init__()
        self.model, self.inputs = model, inputs

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Shapes and order: `lone_decoder_names`."""
        named, past = split_past(self.inputs, given)
        if not past:
            return (self.model(**named, return_dict=True).logits,)
        cache = make_cache(list(zip(past[::2], past[1::2], strict=True)))
        out = self.model(**named, past_key_values=cache, use_cache=True, return_dict=True)
        return (out.logits, *(one for pair in pairs_of(out.past_key_values) for one in pair))


class SourceDecoder(nn.Module):
    """The decoder behind an encoder; what is cached of the source is not projected again."""

    def __init__(self, model: Any, inputs: Sequence[str]) -> None:
        super().__init__()
        self.model, self.inputs = model, inputs

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Shapes and order: `decoder_names`."""
        named, past = split_past(self.inputs, given)
        ids, mask, hidden = named.values()
        cross = self._read(ids[:, :1], mask, hidden, past)
        written = make_cache(list(zip(past[::4], past[1::4], strict=True)))
        cache = EncoderDecoderCache(written, make_cache(cross))
        for layer in range(len(cross)):
            cache.is_updated[layer] = True
        out = self._call(ids, mask, hidden, cache)
        own = pairs_of(out.past_key_values.self_attention_cache)
        read = pairs_of(out.past_key_values.cross_attention_cache)
        every = (one for pairs in zip(own, read, strict=True) for pair in pairs for one in pair)
        return (out.logits, *every)

    def _read(self, start: Tensor, mask: Tensor, hidden: Tensor, past: Sequence[Tensor]) -> Pairs:
        """Keys and values of the source: those that are cached, and behind them the others'."""
        count = past[2].shape[2]
        fresh = EncoderDecoderCache(DynamicCache(), DynamicCache())
        rows = hidden[:, count:].contiguous()  # GPT-2 takes a view of them
        self._call(start, torch.ones_like(mask[:, count:]), rows, fresh)
        unread = pairs_of(fresh.cross_attention_cache)
        return [
            (torch.cat([past[at], keys], dim=2), torch.cat([past[at + 1], values], dim=2))
            for at, (keys, values) in zip(range(2, len(past), 4), unread, strict=True)
        ]

    def _call(self, ids: Tensor, mask: Tensor, hidden: Tensor, cache: EncoderDecoderCache) -> Any:
        return self.model(
            decoder_input_ids=ids,
            encoder_outputs=(hidden,),
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
            return_dict=True,
        )


def split_past(
    names: Sequence[str], given: Sequence[Tensor]
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """What is new, by its names, and the keys and values of the past."""
    every: Mapping[str, Tensor] = dict(zip(names, given, strict=True))
    past = [one for name, one in every.items() if name.startswith("past_key_values.")]
    return {n: one for n, one in every.items() if not n.startswith("past_key_values.")}, past


def make_cache(pairs: Pairs) -> DynamicCache:
    """A cache that holds these, without a window: what is out of sight is masked."""
    return DynamicCache(list(pairs))
