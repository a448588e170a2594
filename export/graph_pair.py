"""The encoder's graph and the decoder's behind it, as one that writes."""

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime

from export.greedy import Step, graph_steps
from export.held_out import feed_of
from export.past import make_past
from export.sessions import open_session
from training.data.batches import Batch


@dataclass(frozen=True)
class GraphPair:
    """Both graphs, opened."""

    encoder: onnxruntime.InferenceSession
    decoder: onnxruntime.InferenceSession

    @classmethod
    def open(cls, encoder: onnx.ModelProto, decoder: onnx.ModelProto) -> "GraphPair":
        """Sessions on two graphs in memory."""
        return cls(open_session(encoder), open_session(decoder))

    def steps(self, batch: Batch) -> Step:
        """Reads a batch of sources and gives the steps of writing from it."""
        mask = feed_of(batch, self.encoder)["attention_mask"]
        return graph_steps(self.decoder, self._read(batch), mask)

    def follow(self, batch: Batch, target: np.ndarray) -> dict[str, np.ndarray]:
        """Logits and maps along a given target, (batch, target), in one run."""
        outputs = [output.name for output in self.decoder.get_outputs()]
        seen = [name for name in outputs if not name.startswith("present.")]
        feed = {
            "input_ids": target,
            "encoder_hidden_states": self._read(batch),
            "encoder_attention_mask": feed_of(batch, self.encoder)["attention_mask"],
            **make_past(self.decoder, len(target)),
        }
        return dict(zip(seen, self.decoder.run(seen, feed), strict=True))

    def _read(self, batch: Batch) -> np.ndarray:
        (hidden,) = self.encoder.run(["last_hidden_state"], feed_of(batch, self.encoder))
        return hidden
