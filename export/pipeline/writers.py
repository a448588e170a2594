"""The two kinds of decoder that are exported: of `training/`, and of any family in `transformers`.

Each says how it is traced and proven, how it writes by torch and by its graphs, and what its 8-bit
graph is held to; what is done with that is the same, and stands in `decoder.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import onnx
import onnxruntime

from bundle_format.generation import MOST_BEAMS
from bundle_format.graphs import WritingLimits
from export.bundle.files import DECODER_FILES, ENCODER_FILES
from export.eval_texts import Sources
from export.generators.agreement import compare_generators
from export.generators.opening import make_decoder_graph
from export.generators.proof import batch_for, texts_for
from export.generators.proof import prove_decoder as prove_generator
from export.generators.texts import GraphsOfGenerator, TextWriter
from export.graphs.decoder import source_width, trace_decoder
from export.graphs.names import GraphNames, decoder_names, names_of_decoder
from export.graphs.spec import DecoderSizes
from export.loading.checkpoint import LoadedDecoder, LoadedGenerator
from export.quantize.agreement import DecoderAgreement, compare_decoders
from export.quantize.schemes import Profile, Scheme
from export.runtime.session import open_session
from export.runtime.writing import GraphPair, Texts, write_with_graphs, write_with_torch
from export.verification.against_torch import check_texts, prove_decoder
from export.verification.checks import Checks
from export.verification.inputs import Text, sample_batch, sample_targets
from training.data.batches import EncodedText

_SEARCHED = 4
"""Texts that are written by beam search too: it takes as many steps as there are beams."""


class Writer(ABC):
    """A decoder to export; its graphs, opened, are whatever `open` gives."""

    sizes: DecoderSizes
    limit: int
    """The longest text, the start token or the prompt included."""
    map_layers: tuple[int, ...] | None
    """Layers whose maps are wanted; None: of all."""
    files: Mapping[str, str]
    """Precision -> where in the bundle its graph lies."""

    @abstractmethod
    def names(self, map_layers: Sequence[int] | None = None) -> GraphNames:
        """Of its graph, with the maps of these layers, or of all."""

    @abstractmethod
    def trace(self) -> onnx.ModelProto:
        """Its float32 graph."""

    @abstractmethod
    def prove(self, graph: onnx.ModelProto, session: onnxruntime.InferenceSession) -> Checks:
        """The graph against torch."""

    @abstractmethod
    def targets(self) -> Sequence[Text]:
        """What any graph of it is tried on, to the longest text."""

    @abstractmethod
    def few(self) -> Text:
        """Two short texts."""

    @abstractmethod
    def open(self, decoder: onnxruntime.InferenceSession, encoder: onnx.ModelProto | None) -> Any:
        """Its graphs together, to write with."""

    @abstractmethod
    def by_torch(self, texts: Sequence[EncodedText]) -> Texts:
        """The token ids that torch writes greedily of each text."""

    @abstractmethod
    def by_graphs(self, graphs: Any, texts: Sequence[EncodedText]) -> Texts:
        """The token ids that the graphs write."""

    def prove_beams(self, graphs: Any, texts: Sequence[EncodedText], checks: Checks) -> str:
        """Where the model's settings ask for beam search: its texts by the graphs and by torch; how
        many were compared, in words. Empty where they do not."""
        return ""

    @abstractmethod
    def compare(
        self, first: Any, second: Any, sources: Sources, written: Texts
    ) -> DecoderAgreement:
        """How far the second graphs are from the first, which have `written`."""

    @abstractmethod
    def scheme(self, profile: Profile) -> Scheme:
        """What its matrices become in 8 bit."""

    @abstractmethod
    def limits(self, profile: Profile) -> WritingLimits | None:
        """Those of an 8-bit graph; None where it is measured and held to none."""


def writer_of(part: LoadedDecoder | LoadedGenerator) -> Writer:
    """The kind that a checkpoint's decoder is."""
    return OurDecoder(part) if isinstance(part, LoadedDecoder) else AnyDecoder(part)


class OurDecoder(Writer):
    """One of `training/`, behind our encoder."""

    map_layers = None
    files = DECODER_FILES

    def __init__(self, part: LoadedDecoder) -> None:
        self._part, self._decoder, self._bridge = part, part.model.decoder, part.model.bridge
        self._width = source_width(self._decoder, self._bridge)
        self.sizes, self.limit = self._decoder.config, part.limit

    def names(self, map_layers: Sequence[int] | None = None) -> GraphNames:
        """As `Writer`; it has the maps of all layers."""
        assert map_layers is None, "fewer maps are of other families' decoders"
        return decoder_names(self.sizes, self._width)

    def trace(self) -> onnx.ModelProto:
        """As `Writer`."""
        return trace_decoder(self._decoder, self._bridge)

    def prove(self, graph: onnx.ModelProto, session: onnxruntime.InferenceSession) -> Checks:
        """As `Writer`."""
        return prove_decoder(graph, self._decoder, self._bridge, self.limit, session)

    def targets(self) -> Sequence[Text]:
        """As `Writer`."""
        return sample_targets(self.sizes, self._width, self.limit)

    def few(self) -> Text:
        """As `Writer`."""
        return sample_batch(self.sizes, self._width)

    def open(
        self, decoder: onnxruntime.InferenceSession, encoder: onnx.ModelProto | None
    ) -> GraphPair:
        """As `Writer`."""
        assert encoder, "it reads what an encoder gives"
        return GraphPair(open_session(encoder), decoder)

    def by_torch(self, texts: Sequence[EncodedText]) -> Texts:
        """As `Writer`."""
        return write_with_torch(self._part, texts)

    def by_graphs(self, graphs: GraphPair, texts: Sequence[EncodedText]) -> Texts:
        """As `Writer`."""
        return write_with_graphs(graphs, self._part, texts)

    def compare(
        self, first: GraphPair, second: GraphPair, sources: Sources, written: Texts
    ) -> DecoderAgreement:
        """As `Writer`."""
        return compare_decoders(first, second, sources, written, self._part)

    def scheme(self, profile: Profile) -> Scheme:
        """As `Writer`."""
        return profile.decoder

    def limits(self, profile: Profile) -> WritingLimits | None:
        """None: how much of it a page can bear is seen in its metrics."""
        return None


class AnyDecoder(Writer):
    """One of any family in `transformers`, alone or behind its encoder."""

    def __init__(self, part: LoadedGenerator) -> None:
        self._model, self._spec = part.model, part.sizes
        self.sizes, self.limit = part.sizes, part.max_tokens
        self.map_layers = part.map_layers
        self.files = ENCODER_FILES if part.sizes.alone else DECODER_FILES
        self._writer = TextWriter(model=part.model, spec=part.sizes, max_tokens=part.max_tokens)

    def names(self, map_layers: Sequence[int] | None = None) -> GraphNames:
        """As `Writer`."""
        return names_of_decoder(self._spec, map_layers)

    def trace(self) -> onnx.ModelProto:
        """As `Writer`. Raises Refusal: it cannot be opened."""
        return make_decoder_graph(self._model, self._spec)

    def prove(self, graph: onnx.ModelProto, session: onnxruntime.InferenceSession) -> Checks:
        """As `Writer`."""
        return prove_generator(graph, self._model, self._spec, self.limit, session)

    def targets(self) -> Sequence[Text]:
        """As `Writer`."""
        return texts_for(self._spec, self.limit)

    def few(self) -> Text:
        """As `Writer`."""
        return batch_for(self._spec)

    def open(
        self, decoder: onnxruntime.InferenceSession, encoder: onnx.ModelProto | None
    ) -> GraphsOfGenerator:
        """As `Writer`."""
        reader = open_session(encoder) if encoder else None
        return GraphsOfGenerator(decoder=decoder, encoder=reader)

    def by_torch(self, texts: Sequence[EncodedText]) -> Texts:
        """As `Writer`."""
        return self._writer.by_torch(texts)

    def by_graphs(self, graphs: GraphsOfGenerator, texts: Sequence[EncodedText]) -> Texts:
        """As `Writer`."""
        return self._writer.by_graphs(graphs, texts)

    def prove_beams(
        self, graphs: GraphsOfGenerator, texts: Sequence[EncodedText], checks: Checks
    ) -> str:
        """As `Writer`."""
        beams = min(self._writer.settings.num_beams or 1, MOST_BEAMS)
        few = texts[:_SEARCHED]
        if beams == 1:
            return ""
        written = self._writer.by_graphs(graphs, few, beams)
        expected = self._writer.by_torch(few, beams)
        check_texts(expected, written, checks, "beam")
        same = sum(a == b for a, b in zip(expected, written, strict=True))
        return f"{same} of {len(few)} as torch writes, with {beams} beams"

    def compare(
        self,
        first: GraphsOfGenerator,
        second: GraphsOfGenerator,
        sources: Sources,
        written: Texts,
    ) -> DecoderAgreement:
        """As `Writer`."""
        return compare_generators(first, second, self._writer, sources, written)

    def scheme(self, profile: Profile) -> Scheme:
        """As `Writer`."""
        assert profile.generator, "a profile without one is refused before the work"
        return profile.generator

    def limits(self, profile: Profile) -> WritingLimits | None:
        """As `Writer`."""
        return profile.writing
