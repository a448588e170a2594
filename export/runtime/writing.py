"""Encoder and decoder together, as what writes: by two graphs, or by the torch model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import torch

from export.eval_texts import batches, feed_of
from export.graphs.longest import longest_tried
from export.graphs.names import empty_cache
from export.loading.checkpoint import LoadedDecoder
from export.runtime.session import open_session
from export.runtime.strategies import NextLogits, graph_next_logits, write_greedily
from training.data.batches import Batch, EncodedText
from training.hybrid.seq2seq import LONGER, MORE
from training.model.decoder import GPTDecoder, LayerCache, Source


@dataclass(frozen=True)
class GraphPair:
    """Both graphs, opened."""

    encoder: onnxruntime.InferenceSession
    decoder: onnxruntime.InferenceSession

    @classmethod
    def open(cls, encoder: onnx.ModelProto, decoder: onnx.ModelProto) -> "GraphPair":
        """Sessions on two graphs in memory."""
        return cls(open_session(encoder), open_session(decoder))

    def steps(self, batch: Batch) -> NextLogits:
        """Reads a batch of sources and gives the steps of writing from it."""
        mask = feed_of(batch, self.encoder)["attention_mask"]
        return graph_next_logits(self.decoder, self._read(batch), mask)

    def follow(self, batch: Batch, target: np.ndarray) -> dict[str, np.ndarray]:
        """Logits and maps along a given target, (batch, target), in one run."""
        outputs = [output.name for output in self.decoder.get_outputs()]
        seen = [name for name in outputs if not name.startswith("present.")]
        feed = {
            "input_ids": target,
            "encoder_hidden_states": self._read(batch),
            "encoder_attention_mask": feed_of(batch, self.encoder)["attention_mask"],
            **empty_cache(self.decoder, len(target)),
        }
        return dict(zip(seen, self.decoder.run(seen, feed), strict=True))

    def _read(self, batch: Batch) -> np.ndarray:
        (hidden,) = self.encoder.run(["last_hidden_state"], feed_of(batch, self.encoder))
        return hidden


Texts = list[list[int]]


def write_with_graphs(
    graphs: GraphPair, part: LoadedDecoder, sources: Sequence[EncodedText]
) -> Texts:
    """The token ids that two graphs write of each source."""
    return _write(graphs.steps, part, sources)


def write_with_torch(part: LoadedDecoder, sources: Sequence[EncodedText]) -> Texts:
    """The token ids that the torch model writes of each source."""
    model = part.model

    @torch.no_grad()
    def steps(batch: Batch) -> NextLogits:
        hidden = model.encoder(batch.token_ids, batch.padding_mask, batch.segment_ids).hidden
        return torch_next_logits(model.decoder, model.as_source(hidden, batch.padding_mask))

    return _write(steps, part, sources)


def torch_next_logits(decoder: GPTDecoder, source: Source) -> NextLogits:
    """The steps of the torch model on a batch of sources."""
    past: tuple[LayerCache, ...] | None = None

    @torch.no_grad()
    def step(newest: np.ndarray) -> np.ndarray:
        nonlocal past
        result = decoder(torch.from_numpy(newest), source, past)
        past = result.past
        return decoder.logits(result.hidden[:, -1]).numpy()

    return step


def longest_text(batch: Batch, part: LoadedDecoder) -> int:
    """How many tokens are written from each source of a batch if none of them ends before."""
    fits = longest_tried(part.model.decoder.config, part.limit)
    return min(fits, int(LONGER * batch.token_ids.shape[1]) + MORE)


def longest_source(part: LoadedDecoder) -> int:
    """Tokens of the longest source that fits into memory with what is written from it."""
    read = longest_tried(part.model.encoder.config)
    written = longest_tried(part.model.decoder.config, part.limit)
    return min(read, max(1, int((written - MORE) / LONGER))) if written < part.limit else read


def _write(
    steps: Callable[[Batch], NextLogits], part: LoadedDecoder, sources: Sequence[EncodedText]
) -> Texts:
    written: Texts = []
    for batch in batches(sources, part.source_pad_id, longest_source(part)):
        written += write_greedily(
            steps(batch),
            len(batch.token_ids),
            start=part.tokens.start,
            end=part.tokens.end,
            most=longest_text(batch, part),
        )
    return written
