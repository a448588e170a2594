"""Runs a decoder's graph step by step. What it must not compute twice stays in onnxruntime."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnxruntime import OrtValue

from explorer.bundle import Decoder
from explorer.inference.cost import Throughput
from explorer.inference.session import (
    TURNS,
    check_names,
    check_outputs,
    declared_size,
    open_session,
    trying,
)

_ASKED = ("input_ids", "encoder_attention_mask", "encoder_hidden_states")
_WRITTEN = ("decoder.key", "decoder.value")
_READ = ("encoder.key", "encoder.value")
_LARGEST_CACHE = 128 * 2**20
"""Bytes of what is kept of a text when its last token is tried: far more than the page writes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KVCache:
    """What the steps so far leave for the next one, for a batch of texts on one source."""

    source: dict[str, OrtValue]
    """The source, and its keys and values: the same for every text of the batch."""
    written: dict[str, OrtValue]
    """Keys and values of what was written."""
    batch: int
    length: int
    """How many tokens were written."""
    value_norms: NDArray[np.float32] | None = None
    """As in `Outputs`, once the source was read."""

    def follow(self, rows: Sequence[int]) -> "KVCache":
        """The cache of a new batch, whose text i goes on from text `rows[i]` of this one."""
        if list(rows) == list(range(self.batch)):
            return self
        source = self.source
        if len(rows) != self.batch:
            source = _rows(source, [0] * len(rows))
        return replace(self, source=source, written=_rows(self.written, rows), batch=len(rows))


class Outputs(NamedTuple):
    """What one run gives, for each text and each of its new tokens."""

    logits: NDArray[np.float32]
    """(batch, new, vocabulary)."""
    self_weights: NDArray[np.float32]
    """(batch, layers, heads, new, written)."""
    cross_weights: NDArray[np.float32]
    """(batch, layers, heads, new, source)."""
    cross_value_norms: NDArray[np.float32]
    """(layers, heads, source): of the source, and so the same for every text of the batch."""


class DecoderSession:
    """A bundle's decoder, ready to write.

    Raises:
        BundleError: onnxruntime refuses the file, an input or output is missing, or the graph's
            sizes are not those of `bundle.json`.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.throughput = Throughput()
        """How long it takes to score texts; in tokens of both sides."""
        layers = range(decoder.layers)
        self._session = open_session(decoder.graph)
        self._written = [f"{layer}.{part}" for layer in layers for part in _WRITTEN]
        self._read = [f"{layer}.{part}" for layer in layers for part in _READ]
        self._seen = [
            "logits",
            *(f"decoder_attentions.{layer}" for layer in layers),
            *(f"cross_attentions.{layer}" for layer in layers),
        ]
        self._norms = [f"cross_value_norms.{layer}" for layer in layers]
        kept = (*self._written, *self._read)
        check_names(
            self._session,
            decoder.graph,
            decoder.layers,
            inputs=[*_ASKED, *(f"past_key_values.{name}" for name in kept)],
            outputs=[*self._seen, *self._norms, *(f"present.{name}" for name in kept)],
            maps="decoder_attentions",
        )
        overridable = self._session.get_overridable_initializers()
        names = {given.name for given in (*self._session.get_inputs(), *overridable)}
        self.can_ablate = {"head_mask", "cross_head_mask"} <= names
        """Whether its heads can be ablated."""
        declared = partial(declared_size, self._session, decoder.graph)
        self._heads, self._depth = (
            declared(f"past_key_values.{self._written[0]}", axis) for axis in (1, 3)
        )
        self.width = declared("encoder_hidden_states", 2)
        """Numbers per token that it reads from the encoder; its own layers may be wider."""
        self._warm_up()

    def begin(self, hidden: NDArray[np.float32]) -> KVCache:
        """The cache before the first token. `hidden`: the encoder's, shape (source, hidden)."""
        source = self._source(hidden[None], np.ones((1, len(hidden)), np.int64))
        written = self._empty(1, self._written)
        return KVCache(source=_values(source), written=_values(written), batch=1, length=0)

    def log_probabilities(
        self,
        ids: Sequence[int],
        hidden: NDArray[np.float32],
        source_mask: NDArray[np.int64],
        head_masks: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> NDArray[np.float32]:
        """How probable one text is from several sources, in one run of the graph.

        Args:
            ids: the text's tokens, without the start token.
            hidden: of the sources, shape (batch, source, hidden).
            source_mask: shape (batch, source); 0 where a source must not be attended to.
            head_masks: `head_mask`, `cross_head_mask` or both, shape (1 or batch, layers, heads);
                ones if not given.

        Returns:
            The natural logarithm of each token's probability after those before it, shape
            (batch, target).
        """
        batch = len(hidden)
        given = np.array([[self.decoder.start_id, *ids[:-1]]] * batch, np.int64)
        feed = {
            "input_ids": given,
            **self._source(hidden, source_mask),
            **self._empty(batch, self._written),
            **(head_masks or {}),
        }
        with TURNS.take(), self.throughput.measuring(batch * (hidden.shape[1] + len(ids))):
            (logits,) = self._session.run(["logits"], feed)
            logits -= logits.max(axis=-1, keepdims=True)
            chosen = logits[:, np.arange(len(ids)), ids]
            np.exp(logits, out=logits)  # in place: a batch of them is the largest thing here
            return chosen - np.log(logits.sum(axis=-1))

    def _source(
        self, hidden: NDArray[np.float32], mask: NDArray[np.int64]
    ) -> dict[str, NDArray[Any]]:
        """What a first run is fed of its sources."""
        return {
            "encoder_hidden_states": hidden,
            "encoder_attention_mask": mask,
            **self._empty(len(hidden), self._read),
        }

    def _empty(self, batch: int, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The cache of what was not written, or not read, yet."""
        nothing = np.zeros((batch, self._heads, 0, self._depth), np.float32)
        return {f"past_key_values.{name}": nothing for name in names}

    def run(self, token_ids: NDArray[np.int64], cache: KVCache) -> tuple[Outputs, KVCache]:
        """Scores what follows each of the new tokens, shape (batch, new), given the cache."""
        # The source's keys and values are made by the first run; later ones would only copy them.
        norms = cache.value_norms
        kept = [*self._written, *self._read] if norms is None else self._written
        names = [*self._seen, *(f"present.{name}" for name in kept)]
        names += self._norms if norms is None else []
        feed = {
            "input_ids": OrtValue.ortvalue_from_numpy(token_ids),
            **cache.source,
            **cache.written,
        }
        with TURNS.take():
            values = self._session.run_with_ort_values(names, feed)
        found = dict(zip(names, values, strict=True))
        logits, *maps = (found[name].numpy() for name in self._seen)
        if norms is None:
            norms = np.stack([found[name].numpy()[0] for name in self._norms])
        given = {f"past_key_values.{name}": found[f"present.{name}"] for name in kept}
        written = {name: given.pop(name) for name in cache.written}
        layers = self.decoder.layers
        self_maps, cross_maps = (np.stack(part, axis=1) for part in (maps[:layers], maps[layers:]))
        length = cache.length + token_ids.shape[1]
        source = {**cache.source, **given}
        return Outputs(logits, self_maps, cross_maps, norms), KVCache(
            source=source, written=written, batch=cache.batch, length=length, value_norms=norms
        )

    def _warm_up(self) -> None:
        """The first runs are slow, and show whether all that a reader may ask for can be done."""
        decoder, graph = self.decoder, self.decoder.graph
        start, hidden = np.full((1, 1), decoder.start_id, np.int64), np.zeros((2, self.width))
        with trying(graph, "a first token"):
            outputs, cache = self.run(start, self.begin(hidden.astype(np.float32)))
        layers, heads = decoder.layers, decoder.heads
        shapes = {
            "logits": (1, 1, decoder.vocabulary),
            "decoder_attentions": (1, layers, heads, 1, 1),
            "cross_attentions": (1, layers, heads, 1, 2),
            "cross_value_norms": (layers, heads, 2),
        }
        check_outputs(graph, dict(zip(shapes, outputs, strict=True)), shapes)
        self._try_last(cache)
        ones = np.ones((1, layers, heads), np.float32)
        masks = {"head_mask": ones, "cross_head_mask": ones} if self.can_ablate else None
        with trying(graph, "two sources at once"):
            sources = np.zeros((2, 3, self.width), np.float32)
            self.log_probabilities([decoder.end_id] * 2, sources, np.ones((2, 3), np.int64), masks)

    def _try_last(self, cache: KVCache) -> None:
        """The last token that may be written, with the largest id: the graph has a row for each
        position and for each id, and does not say how many."""
        decoder = self.decoder
        bytes_each = 4 * 2 * decoder.layers * self._heads * self._depth
        written = min(decoder.max_tokens - 1, _LARGEST_CACHE // bytes_each)
        full = np.zeros((1, self._heads, written, self._depth), np.float32)
        cache = replace(cache, written=_values(dict.fromkeys(cache.written, full)), length=written)
        last = decoder.vocabulary - 1
        what = f"token {written + 1} with the id {last}, as bundle.json allows it"
        with trying(decoder.graph, what):
            self.run(np.full((1, 1), last, np.int64), cache)


def _values(arrays: dict[str, NDArray]) -> dict[str, OrtValue]:
    return {name: OrtValue.ortvalue_from_numpy(array) for name, array in arrays.items()}


def _rows(values: dict[str, OrtValue], rows: Sequence[int]) -> dict[str, OrtValue]:
    return _values({name: value.numpy()[list(rows)] for name, value in values.items()})
