"""Makes the 8-bit graph and measures what it costs and what it buys, beside float32."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from export.graphs import classifier_names
from export.held_out import Agreement, compare_graphs
from export.latency import ratios, time_graphs
from export.proof import Proof, run
from export.quantize import SCHEME, quantize
from export.sessions import open_session
from export.verify_classifier import check_maps, sample_batches
from training.batches import EncodedText
from training.model.classifier import BERTClassifier

LENGTHS = (32, 128)
"""Tokens of a sentence and of a paragraph."""


@dataclass(frozen=True, kw_only=True)
class EightBit:
    """An 8-bit graph with its measurements."""

    model: onnx.ModelProto
    failures: list[str]
    agreement: Agreement | None
    """None when there was no text to compare on."""
    latency_ratio: dict[int, float]
    """Tokens -> the 8-bit graph's time as a share of float32's."""

    def measured(self) -> dict[str, Any]:
        """The entry in `bundle.json`."""
        entry: dict[str, Any] = {"scheme": SCHEME}
        if self.agreement:
            entry["difference_from_float32"] = self.agreement.differences
            entry["map_error"] = self.agreement.map_error
            entry["held_out"] = {
                "texts": self.agreement.texts,
                "same_label": self.agreement.same_label,
            }
            if self.agreement.accuracy:
                before, after = self.agreement.accuracy
                entry["held_out"] |= {"accuracy_float32": before, "accuracy_8bit": after}
        entry["latency_ratio"] = {str(tokens): r for tokens, r in self.latency_ratio.items()}
        return entry


def make_eight_bit(
    graph: onnx.ModelProto,
    model: BERTClassifier,
    texts: Sequence[EncodedText],
    *,
    labelled: bool,
) -> EightBit:
    """Quantises a float32 graph, checks the maps' invariants, and compares it on `texts`."""
    small = quantize(graph)
    proof = Proof()
    proof.check_form(small, classifier_names(model.config.encoder))
    session = open_session(small)
    for title, feed in sample_batches(model):
        check_maps(run(session, feed), feed, f"8 bit, {title}", proof)
    agreement = None
    if texts:
        pad_token_id = model.config.encoder.pad_token_id or 0
        agreement = compare_graphs(
            open_session(graph), session, texts, labelled=labelled, pad_token_id=pad_token_id
        )
    del session  # its threads would disturb the timing
    return EightBit(
        model=small,
        failures=proof.failures,
        agreement=agreement,
        latency_ratio=_latency_ratio(graph, small, model.config.encoder.max_position_embeddings),
    )


def _latency_ratio(graph: onnx.ModelProto, small: onnx.ModelProto, limit: int) -> dict[int, float]:
    lengths = [length for length in LENGTHS if length <= limit] or [limit]
    with tempfile.TemporaryDirectory() as folder:
        files = {"float32": Path(folder) / "float32.onnx", "8bit": Path(folder) / "8bit.onnx"}
        onnx.save(graph, files["float32"])
        onnx.save(small, files["8bit"])
        times = time_graphs(files, lengths=lengths, rounds=3)
    return ratios(times, "8bit", to="float32")
