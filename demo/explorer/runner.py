"""Runs a bundle's graph with onnxruntime: texts in, readings out."""

import os
from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from explorer.bundle import Bundle
from explorer.bundle_fields import AGAIN, BundleError
from explorer.reading import Reading
from explorer.tokens import Encoded, TextEncoder

_THREADS = min(2, os.cpu_count() or 1)


class Runner:
    """A bundle ready to read texts. Opening it runs the graph once, which checks its shapes.

    Raises:
        BundleError: onnxruntime or the tokenizer refuses its file, an output is missing, or the
            graph's sizes are not those of `bundle.json`.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        try:
            self._encoder = TextEncoder(bundle.tokenizer_file, bundle.max_tokens)
        except Exception as error:  # the library raises plain Exception
            raise BundleError(f"{bundle.tokenizer_file}: {error}. {AGAIN}") from error
        self._session = _open_session(bundle)
        self._inputs = {given.name for given in self._session.get_inputs()}
        self._weight_names = [f"encoder_attentions.{layer}" for layer in range(bundle.layers)]
        self._norm_names = [f"encoder_value_norms.{layer}" for layer in range(bundle.layers)]
        self._check_outputs()
        self._warm_up()

    def encode(self, text: str, text_pair: str = "") -> Encoded:
        """Cuts a text, or a pair of texts, into tokens; the graph is not run."""
        return self._encoder.encode(text, text_pair)

    def read(self, text: str, text_pair: str = "") -> Reading:
        """Reads one text, or one pair of texts."""
        return self.run([self.encode(text, text_pair)])[0]

    def run(
        self, batch: Sequence[Encoded], head_mask: NDArray[np.float32] | None = None
    ) -> list[Reading]:
        """Reads several texts in one run of the graph.

        Args:
            head_mask: factors for each head's output, shape (1 or batch, layers, heads); ones if
                not given. The attention weights come back as they are before it.
        """
        names = ["logits", *self._weight_names, *self._norm_names]
        outputs = self._session.run(names, self._feed(batch, head_mask))
        layers = self.bundle.layers
        logits, weights, norms = outputs[0], outputs[1 : 1 + layers], outputs[1 + layers :]
        return [
            self._reading(
                encoded,
                logits[row],
                # A copy, in one piece and without the padding of longer neighbours.
                np.stack([w[row, :, : len(encoded.ids), : len(encoded.ids)] for w in weights]),
                np.stack([n[row, :, : len(encoded.ids)] for n in norms]),
            )
            for row, encoded in enumerate(batch)
        ]

    def _feed(
        self, batch: Sequence[Encoded], head_mask: NDArray[np.float32] | None
    ) -> dict[str, NDArray]:
        length = max(len(encoded.ids) for encoded in batch)
        columns = ("input_ids", "attention_mask", "token_type_ids")
        feed = {name: np.zeros((len(batch), length), np.int64) for name in columns}
        for row, encoded in enumerate(batch):
            used = slice(0, len(encoded.ids))
            feed["input_ids"][row, used] = encoded.ids
            feed["attention_mask"][row, used] = 1
            feed["token_type_ids"][row, used] = encoded.segment_ids
        # Families without segments, such as DistilBERT, have no token_type_ids.
        feed = {name: array for name, array in feed.items() if name in self._inputs}
        if head_mask is not None:
            feed["head_mask"] = head_mask
        return feed

    def _reading(
        self, encoded: Encoded, logits: NDArray, weights: NDArray, norms: NDArray
    ) -> Reading:
        probabilities = _probabilities(logits, self.bundle)
        for array in (logits, probabilities, weights, norms):
            array.setflags(write=False)  # a reading is shared between readers of the page
        return Reading(
            text=encoded.text,
            text_pair=encoded.text_pair,
            tokens=encoded.tokens,
            tokens_left_out=encoded.left_out,
            logits=logits,
            probabilities=probabilities,
            weights=weights,
            value_norms=norms,
        )

    def _check_outputs(self) -> None:
        found = {output.name for output in self._session.get_outputs()}
        expected = ["logits", *self._weight_names, *self._norm_names]
        missing = [name for name in expected if name not in found]
        if missing:
            raise BundleError(
                f"{self.bundle.graph.path} lacks {len(missing)} of {len(expected)} outputs: "
                f"{', '.join(missing)}. bundle.json says {self.bundle.layers} layers. {AGAIN}"
            )

    def _warm_up(self) -> None:
        """The first run is slow, and shows whether the graph's sizes are those promised."""
        encoded = self.encode("A first run.")
        try:
            logits, weights = self._session.run(
                ["logits", self._weight_names[0]], self._feed([encoded], None)
            )
        except Exception as error:  # onnxruntime's own classes share no other base
            raise BundleError(
                f"{self.bundle.graph.path} opens but does not run: {error}. {AGAIN}"
            ) from error
        labels, heads = len(self.bundle.labels), self.bundle.heads
        if logits.shape != (1, labels) or weights.shape[1] != heads:
            raise BundleError(
                f"{self.bundle.graph.path} gives {logits.shape[-1]} logits and "
                f"{weights.shape[1]} heads; bundle.json has {labels} labels and {heads} heads. "
                f"{AGAIN}"
            )


def _open_session(bundle: Bundle) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _THREADS
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Threads that spin while they wait take the core from the web server.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The arena never gives back what the longest text took.
    options.enable_cpu_mem_arena = False
    # Its only warning here says that head_mask, an initializer, may be overridden: it is meant to.
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            bundle.graph.path, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own classes share no other base
        raise BundleError(
            f"{bundle.graph.path} is no graph that opens: {error}. {AGAIN}"
        ) from error


def _probabilities(logits: NDArray[np.float32], bundle: Bundle) -> NDArray[np.float32]:
    if bundle.problem_type == "regression":
        return logits.copy()
    scaled = logits / np.float32(bundle.temperature)
    if bundle.problem_type == "multi_label":
        return 1 / (1 + np.exp(-scaled))
    exponentials = np.exp(scaled - scaled.max())
    return exponentials / exponentials.sum()
