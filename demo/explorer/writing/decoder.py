"""Runs a decoder's graph step by step. What it must not compute twice stays in onnxruntime.

A decoder is fed what an encoder read, or is alone: then it has no source, and what it goes on from
is fed to it as if it had written that. Where its family keeps no keys and values, what a step
leaves for the next one is the text itself, which is read again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnxruntime import OrtValue

from bundle_format.folder import AGAIN, BundleError
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

_SOURCE = ("encoder_attention_mask", "encoder_hidden_states")
_ALONE = ("key", "value")
_WRITTEN = ("decoder.key", "decoder.value")
_READ = ("encoder.key", "encoder.value")
_LARGEST_CACHE = 128 * 2**20
"""Bytes of what is kept of a text when its last token is tried: far more than the page writes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KVCache:
    """What the steps so far leave for the next one, for a batch of texts on one source."""

    source: dict[str, OrtValue]
    """The source, and its keys and values: the same for every text of the batch; nothing of a
    decoder alone."""
    written: dict[str, OrtValue]
    """Keys and values of what was written; or what was written, where nothing else is kept."""
    batch: int
    length: int
    """How many tokens were written."""
    value_norms: NDArray[np.float32] | None = None
    """As `cross_value_norms` in `Outputs`, once the source was read."""

    def follow(self, rows: Sequence[int]) -> "KVCache":
        """The cache of a new batch, whose text i goes on from text `rows[i]` of this one."""
        if list(rows) == list(range(self.batch)):
            return self
        source = self.source
        if len(rows) != self.batch:
            source = _rows(source, [0] * len(rows))
        return replace(self, source=source, written=_rows(self.written, rows), batch=len(rows))


class Outputs(NamedTuple):
    """What one run gives, for each text and each of its new tokens. Of a decoder alone nothing
    crosses to a source; of others nothing is known of the norms of what was written."""

    logits: NDArray[np.float32]
    """(batch, new, vocabulary)."""
    self_weights: NDArray[np.float32]
    """(batch, map layers, heads, new, written)."""
    cross_weights: NDArray[np.float32] | None
    """(batch, map layers, heads, new, source)."""
    cross_value_norms: NDArray[np.float32] | None
    """(map layers, heads, source): of the source, and so the same for every text of the batch."""
    self_value_norms: NDArray[np.float32] | None
    """(batch, map layers, heads, new)."""


class Sources(NamedTuple):
    """What an encoder read, of several texts."""

    hidden: NDArray[np.float32]
    """(batch, source, hidden)."""
    mask: NDArray[np.int64]
    """(batch, source); 0 where a source must not be attended to."""
    start: int | None = None
    """The token that begins the text, where it is another than the decoder's own."""


Prompts = Sequence[Sequence[int]]
"""What a decoder alone goes on from: the ids of several prompts, each of at least one token."""


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
        self._session = open_session(decoder.graph)
        self._name_all(decoder)
        kept = (*self._written, *self._read)
        told = self._told if decoder.alone else _SOURCE
        check_names(
            self._session,
            decoder.graph,
            decoder.layers,
            decoder.map_layers,
            inputs=["input_ids", *told, *(f"past_key_values.{name}" for name in kept)],
            outputs=[*self._seen, *self._norms, *(f"present.{name}" for name in kept)],
            maps="decoder_attentions",
        )
        overridable = self._session.get_overridable_initializers()
        names = {given.name for given in (*self._session.get_inputs(), *overridable)}
        self.head_masks = ("head_mask",) if decoder.alone else ("cross_head_mask", "head_mask")
        """The inputs that ablate heads: those of attention to the source, then those of attention
        to the text itself."""
        self.can_ablate = names.issuperset(self.head_masks)
        """Whether its heads can be ablated."""
        declared = partial(declared_size, self._session, decoder.graph)
        self._heads, self._depth = (
            declared(f"past_key_values.{self._written[0]}", axis) if self._written else 0
            for axis in (1, 3)
        )
        self._check_cache()
        self.width = 0 if decoder.alone else declared("encoder_hidden_states", 2)
        """Numbers per token that it reads from the encoder; its own layers may be wider."""
        self._warm_up()

    def _name_all(self, decoder: Decoder) -> None:
        """The inputs and outputs, which are called otherwise where there is no source."""
        layers, mapped = range(decoder.layers), decoder.map_layers
        parts, read = (_ALONE, ()) if decoder.alone else (_WRITTEN, _READ)
        cached = layers if decoder.cached else ()
        self._written = [f"{layer}.{part}" for layer in cached for part in parts]
        self._read = [f"{layer}.{part}" for layer in layers for part in read]
        kinds = ("decoder",) if decoder.alone else ("decoder", "cross")
        self._seen = ["logits", *(f"{kind}_attentions.{i}" for kind in kinds for i in mapped)]
        self._norms = [f"{kinds[-1]}_value_norms.{layer}" for layer in mapped]
        self._told = ("attention_mask", *(["position_ids"] if decoder.position_ids else []))

    def _check_cache(self) -> None:
        """Raises BundleError: keys and values have other sizes than `bundle.json` says."""
        stated, found = self.decoder.cache_sizes, (self._heads, self._depth)
        if self._written and found != stated:
            raise BundleError(
                f"{self.decoder.graph.path} keeps keys and values of {found[0]} heads, {found[1]} "
                f"numbers each; by bundle.json they are of {stated[0]} heads, {stated[1]} numbers "
                f"each (key_value_heads and head_size, or else heads and hidden / heads). {AGAIN}"
            )

    def begin(self, hidden: NDArray[np.float32] | None) -> KVCache:
        """The cache before the first token. `hidden`: the encoder's, shape (source, hidden); None
        where there is no source."""
        source: dict[str, NDArray[Any]] = {}
        if hidden is not None:
            source = self._source(Sources(hidden[None], np.ones((1, len(hidden)), np.int64)))
        written: dict[str, NDArray[Any]] = {"input_ids": np.zeros((1, 0), np.int64)}
        if self.decoder.cached:
            written = self._empty(1, self._written)
        return KVCache(source=_values(source), written=_values(written), batch=1, length=0)

    def log_probabilities(
        self,
        ids: Sequence[int],
        given: Sources | Prompts,
        head_masks: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> NDArray[np.float32]:
        """How probable one text is from several sources, or behind several prompts, in one run of
        the graph.

        Args:
            ids: the text's tokens, without what was there before.
            head_masks: `head_mask`, `cross_head_mask` or both, shape (1 or batch, layers, heads);
                ones if not given.

        Returns:
            The natural logarithm of each token's probability after those before it, shape
            (batch, target).
        """
        if isinstance(given, Sources):
            batch, read = given.hidden.shape[:2]
            start = self.decoder.start_id if given.start is None else given.start
            text = [[start, *ids[:-1]]] * batch
            feed = {"input_ids": np.array(text, np.int64), **self._source(given)}
        else:
            batch, read = len(given), max(map(len, given))
            feed = self._padded([[*prompt, *ids[:-1]] for prompt in given])
        feed |= {**self._empty(batch, self._written), **(head_masks or {})}
        with TURNS.take(), self.throughput.measuring(batch * (read + len(ids))):
            (logits,) = self._session.run(["logits"], feed)
            logits = logits[:, -len(ids) :]
            logits -= logits.max(axis=-1, keepdims=True)
            chosen = logits[:, np.arange(len(ids)), ids]
            np.exp(logits, out=logits)  # in place: a batch of them is the largest thing here
            return chosen - np.log(logits.sum(axis=-1))

    def _padded(self, texts: Prompts) -> dict[str, NDArray[Any]]:
        """Texts of several lengths, padded on the left so that all end at one place."""
        longest = max(map(len, texts))
        ids, mask = (np.zeros((len(texts), longest), np.int64) for _ in range(2))
        for row, text in enumerate(texts):
            ids[row, longest - len(text) :] = text
            mask[row, longest - len(text) :] = 1
        return {"input_ids": ids, **self._told_of(mask, longest)}

    def _told_of(self, mask: NDArray[np.int64], new: int) -> dict[str, NDArray[Any]]:
        """What a decoder alone is told beside the ids of the last `new` tokens.

        Args:
            mask: shape (batch, all tokens so far); 0 for padding.
        """
        told = {"attention_mask": mask}
        if self.decoder.position_ids:
            told["position_ids"] = np.maximum(mask.cumsum(axis=1) - 1, 0)[:, -new:]
        return told

    def _source(self, sources: Sources) -> dict[str, NDArray[Any]]:
        """What a first run is fed of its sources."""
        return {
            "encoder_hidden_states": sources.hidden,
            "encoder_attention_mask": sources.mask,
            **self._empty(len(sources.hidden), self._read),
        }

    def _empty(self, batch: int, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The cache of what was not written, or not read, yet."""
        nothing = np.zeros((batch, self._heads, 0, self._depth), np.float32)
        return {f"past_key_values.{name}": nothing for name in names}

    def run(self, token_ids: NDArray[np.int64], cache: KVCache) -> tuple[Outputs, KVCache]:
        """Scores what follows each of the new tokens, shape (batch, new), given the cache."""
        if not self.decoder.cached:
            return self._read_again(token_ids, cache)
        # The source's keys and values are made by the first run; later ones would only copy them.
        alone, norms = self.decoder.alone, cache.value_norms
        kept = [*self._written, *(self._read if norms is None else [])]
        names = [*self._seen, *(f"present.{name}" for name in kept)]
        names += self._norms if norms is None else []
        length = cache.length + token_ids.shape[1]
        told = {"input_ids": token_ids}
        if alone:
            mask = np.ones((len(token_ids), length), np.int64)
            told |= self._told_of(mask, token_ids.shape[1])
        with TURNS.take():
            feed = {**_values(told), **cache.source, **cache.written}
            values = self._session.run_with_ort_values(names, feed)
        found = dict(zip(names, values, strict=True))
        given = {f"past_key_values.{name}": found[f"present.{name}"] for name in kept}
        written = {name: given.pop(name) for name in cache.written}
        logits, *maps = (found[name].numpy() for name in self._seen)
        layers = len(self.decoder.map_layers)
        self_maps = np.stack(maps[:layers], axis=1)
        rest = replace(cache, source={**cache.source, **given}, written=written, length=length)
        if alone:
            own = np.stack([found[name].numpy() for name in self._norms], axis=1)
            return Outputs(logits, self_maps, None, None, own), rest
        if norms is None:
            norms = np.stack([found[name].numpy()[0] for name in self._norms])
        cross_maps = np.stack(maps[layers:], axis=1)
        outputs = Outputs(logits, self_maps, cross_maps, norms, None)
        return outputs, replace(rest, value_norms=norms)

    def _read_again(self, token_ids: NDArray[np.int64], cache: KVCache) -> tuple[Outputs, KVCache]:
        """As `run`, without keys and values. One text after the other: its maps are of all its
        tokens, of which those of the new ones are kept."""
        ids = np.concatenate([cache.written["input_ids"].numpy(), token_ids], axis=1)
        length, new, layers = ids.shape[1], token_ids.shape[1], len(self.decoder.map_layers)
        told = self._told_of(np.ones((1, length), np.int64), length)
        logits, maps, norms = [], [], []
        for row in ids:
            with TURNS.take():
                feed = {"input_ids": row[None], **told}
                scores, *found = self._session.run([*self._seen, *self._norms], feed)
            logits.append(scores[0, -new:])
            maps.append(np.stack([one[0, :, -new:] for one in found[:layers]]))
            norms.append(np.stack([one[0, :, -new:] for one in found[layers:]]))
        outputs = Outputs(np.stack(logits), np.stack(maps), None, None, np.stack(norms))
        return outputs, replace(cache, written=_values({"input_ids": ids}), length=length)

    def _warm_up(self) -> None:
        """The first runs are slow, and show whether all that a reader may ask for can be done."""
        decoder, graph = self.decoder, self.decoder.graph
        start = np.full((1, 1), decoder.start_id or 0, np.int64)
        hidden = None if decoder.alone else np.zeros((2, self.width), np.float32)
        with trying(graph, "a first token"):
            outputs, cache = self.run(start, self.begin(hidden))
        layers, mapped, heads = decoder.layers, len(decoder.map_layers), decoder.heads
        shapes = {
            "logits": (1, 1, decoder.vocabulary),
            "decoder_attentions": (1, mapped, heads, 1, 1),
            "cross_attentions": (1, mapped, heads, 1, 2),
            "cross_value_norms": (mapped, heads, 2),
            "decoder_value_norms": (1, mapped, heads, 1),
        }
        found = {
            name: array for name, array in zip(shapes, outputs, strict=True) if array is not None
        }
        check_outputs(graph, found, {name: shapes[name] for name in found})
        self._try_last(cache)
        ones = np.ones((1, layers, heads), np.float32)
        masks = dict.fromkeys(self.head_masks, ones) if self.can_ablate else None
        two = "two prompts at once" if decoder.alone else "two sources at once"
        given: Sources | Prompts = [[0], [0, 0]]
        if not decoder.alone:
            zeros = np.zeros((2, 3, self.width), np.float32)
            given = Sources(zeros, np.ones((2, 3), np.int64))
        with trying(graph, two):
            self.log_probabilities([0, 0], given, masks)

    def _try_last(self, cache: KVCache) -> None:
        """The last token that may be written, with the largest id: the graph has a row for each
        position and for each id, and does not say how many."""
        decoder = self.decoder
        written, last = decoder.max_tokens - 1, decoder.vocabulary - 1
        if decoder.cached:
            bytes_each = 4 * 2 * decoder.layers * self._heads * self._depth
            written = min(written, _LARGEST_CACHE // bytes_each)
        what = f"token {written + 1} with the id {last}, as bundle.json allows it"
        with trying(decoder.graph, what):
            if not decoder.cached:
                self.log_probabilities([last, last], [[0] * written])  # without the maps of all
                return
            full = np.zeros((1, self._heads, written, self._depth), np.float32)
            past = _values(dict.fromkeys(cache.written, full))
            cache = replace(cache, written=past, length=written)
            outputs, _ = self.run(np.full((1, 1), last, np.int64), cache)
        if (norms := outputs.self_value_norms) is not None:
            # A graph of an older export gives those of the past as well.
            name, shape = "decoder_value_norms", (1, len(decoder.map_layers), decoder.heads, 1)
            check_outputs(decoder.graph, {name: norms}, {name: shape})


def _values(arrays: dict[str, NDArray]) -> dict[str, OrtValue]:
    return {name: OrtValue.ortvalue_from_numpy(array) for name, array in arrays.items()}


def _rows(values: dict[str, OrtValue], rows: Sequence[int]) -> dict[str, OrtValue]:
    return _values({name: value.numpy()[list(rows)] for name, value in values.items()})
