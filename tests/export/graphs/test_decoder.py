"""The decoder's graph: one for all steps, `transformers` as the judge, and its 8-bit twin."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from transformers import GPT2LMHeadModel

from export.graphs.decoder import trace_decoder
from export.quantize.graph import quantize
from export.runtime.session import open_session
from export.verification.against_torch import prove_decoder
from export.verification.checks import Checks, check_maps
from export.verification.inputs import Sample, run_steps, sample_batch
from training.model.config import DecoderConfig
from training.model.decoder import GPTDecoder


def sample(pieces: tuple[int, ...]) -> Sample:
    random = np.random.default_rng(3)
    mask = np.ones((2, 7), np.int64)
    mask[1, 4:] = 0
    return Sample(
        source=random.standard_normal((2, 7, 24), np.float32),
        mask=mask,
        target=random.integers(0, 40, (2, sum(pieces))),
        pieces=pieces,
    )


def test_names_and_axes_are_those_of_the_contract(decoder_graph: onnx.ModelProto) -> None:
    declared = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*decoder_graph.graph.input, *decoder_graph.graph.output)
    }

    assert declared["input_ids"] == ["batch", "target"]
    assert declared["encoder_attention_mask"] == ["batch", "source"]
    assert declared["encoder_hidden_states"] == ["batch", "source", 24]
    assert declared["logits"] == ["batch", "target", 40]
    for layer in ("0", "1"):
        past, present = f"past_key_values.{layer}", f"present.{layer}"
        for kept in ("key", "value"):
            assert declared[f"{past}.decoder.{kept}"] == ["batch", 3, "past", 8]
            assert declared[f"{past}.encoder.{kept}"] == ["batch", 3, "encoder_past", 8]
            assert declared[f"{present}.decoder.{kept}"] == ["batch", 3, "past + target", 8]
            assert declared[f"{present}.encoder.{kept}"] == ["batch", 3, "source", 8]
        assert declared[f"decoder_attentions.{layer}"] == ["batch", 3, "target", "past + target"]
        assert declared[f"cross_attentions.{layer}"] == ["batch", 3, "target", "source"]
        assert declared[f"cross_value_norms.{layer}"] == ["batch", 3, "source"]
    # Optimum pairs past and present by their order.
    order = [value.name for value in decoder_graph.graph.input if value.name.startswith("past")]
    assert order[:4] == [
        f"past_key_values.0.{kept}"
        for kept in ("decoder.key", "decoder.value", "encoder.key", "encoder.value")
    ]


def test_the_weights_are_stored_once(decoder_graph: onnx.ModelProto, decoder: GPTDecoder) -> None:
    stored = sum(len(tensor.raw_data) for tensor in decoder_graph.graph.initializer)
    needed = sum(4 * parameter.numel() for parameter in decoder.parameters())

    # Beside the weights: the Gram matrices of the value norms, and a few constants. New biases are
    # all zeros, and those of one size are stored once.
    grams, biases = 4 * 2 * 3 * 8 * 8, 0.05 * needed
    assert needed - biases < stored < needed + grams + 1000


def test_there_is_no_if_and_the_table_is_stored_once(
    decoder_graph: onnx.ModelProto, decoder: GPTDecoder
) -> None:
    tables = [t for t in decoder_graph.graph.initializer if sorted(t.dims) == [24, 40]]

    assert "If" not in {node.op_type for node in decoder_graph.graph.node}
    assert len(tables) == 1


@pytest.mark.slow
def test_a_table_too_large_to_be_turned_by_the_tracer_is_stored_once_as_well() -> None:
    """From 262,144 numbers on the tracer leaves a Transpose in the graph."""
    torch.manual_seed(0)
    size = DecoderConfig(
        vocab_size=33_000, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=8,
    )  # fmt: skip
    decoder = GPTDecoder(size).eval()

    graph = trace_decoder(decoder)

    stored = {tensor.name: tensor for tensor in graph.graph.initializer}
    assert [list(t.dims) for t in stored.values() if 33_000 in t.dims] == [[8, 33_000]]
    turned = [n.input[0] for n in graph.graph.node if n.op_type == "Transpose"]
    assert not set(turned) & set(stored), "nothing that is stored is turned in every run"
    assert prove_decoder(graph, decoder).failures == []


@pytest.mark.slow
def test_8_bit_takes_odd_widths() -> None:
    torch.manual_seed(33)
    size = DecoderConfig(
        vocab_size=23, hidden_size=33, num_hidden_layers=1, num_attention_heads=3,
        intermediate_size=7, max_position_embeddings=16, initializer_range=0.3,
    )  # fmt: skip
    graph = trace_decoder(GPTDecoder(size).eval())
    small = quantize(graph)
    given = sample_batch(size, 33)

    for whole, step in zip(
        run_steps(open_session(graph), given), run_steps(open_session(small), given), strict=True
    ):
        off = np.abs(step["logits"] - whole["logits"]).mean()
        assert 0 < off < 0.05 * whole["logits"].std()


@pytest.mark.parametrize("pieces", [(6,), (3, 1, 1, 1)], ids=["full", "cached"])
def test_transformers_gives_the_same_logits_and_maps(
    decoder_graph: onnx.ModelProto, gpt2: GPT2LMHeadModel, pieces: tuple[int, ...]
) -> None:
    given = sample(pieces)

    steps = list(run_steps(open_session(decoder_graph), given))

    with torch.no_grad():
        expected = gpt2(
            torch.from_numpy(given.target),
            encoder_hidden_states=torch.from_numpy(given.source),
            encoder_attention_mask=torch.from_numpy(given.mask),
            output_attentions=True,
            use_cache=False,
        )
    logits = np.concatenate([step["logits"] for step in steps], axis=1)
    np.testing.assert_allclose(logits, expected.logits, atol=1e-4)
    assert len(expected.cross_attentions) == len(expected.attentions) == 2
    for layer in range(2):
        cross = np.concatenate([step[f"cross_attentions.{layer}"] for step in steps], axis=2)
        np.testing.assert_allclose(cross, expected.cross_attentions[layer], atol=1e-4)
        start = 0
        for piece, step in zip(pieces, steps, strict=True):
            stop = start + piece
            whole = expected.attentions[layer][:, :, start:stop, :stop]
            np.testing.assert_allclose(step[f"decoder_attentions.{layer}"], whole, atol=1e-4)
            start = stop


def test_the_reference_evaluator_of_onnx_agrees_on_a_cached_step(
    decoder_graph: onnx.ModelProto,
) -> None:
    given = sample((3, 1))
    first, second = run_steps(open_session(decoder_graph), given)
    feed = {
        "input_ids": given.target[:, 3:],
        "encoder_attention_mask": given.mask,
        "encoder_hidden_states": given.source,
        "head_mask": np.ones((1, 2, 3), np.float32),
        "cross_head_mask": np.ones((1, 2, 3), np.float32),
    } | {
        name.replace("present", "past_key_values"): values
        for name, values in first.items()
        if name.startswith("present.")
    }

    expected = ReferenceEvaluator(decoder_graph).run(None, feed)

    for name, values in zip(second, expected, strict=True):
        np.testing.assert_allclose(second[name], values, atol=1e-5, err_msg=name)


def test_the_8_bit_graph_of_widths_that_no_block_divides_holds_one_table_and_the_invariants(
    decoder_graph: onnx.ModelProto,
) -> None:
    small, given, checks = quantize(decoder_graph), sample((3, 1, 1)), Checks()

    tables = [t for t in small.graph.initializer if 40 in t.dims and 24 in t.dims]
    assert [numpy_helper.to_array(table).dtype for table in tables] == [np.int8]
    kinds = [node.op_type for node in small.graph.node]
    assert kinds.count("MatMulInteger") == 1
    assert kinds.count("MatMulNBits") == 2 * 10
    for step, whole in zip(
        run_steps(open_session(small), given),
        run_steps(open_session(decoder_graph), given),
        strict=True,
    ):
        check_maps(step, given.mask, "8 bit", checks)
        spread = whole["logits"].std()
        assert 0 < np.abs(step["logits"] - whole["logits"]).mean() < 0.1 * spread
    assert checks.failures == []
