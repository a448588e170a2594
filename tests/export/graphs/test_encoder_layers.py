"""The arrangement of the layers for the graph: the numbers of the model, and fewer operators."""

from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch

from export.graphs.encoder import SequenceFirstLayer, make_padding, value_root
from export.verification.against_torch import reference_value_norms
from training.model.attention import MultiHeadAttention
from training.model.config import EncoderConfig
from training.model.encoder import TransformerEncoderLayer

HEADS = 3
CONFIG = EncoderConfig(
    vocab_size=30, hidden_size=24, num_hidden_layers=1, num_attention_heads=HEADS,
    intermediate_size=40, max_position_embeddings=16, type_vocab_size=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def layer() -> TransformerEncoderLayer:
    torch.manual_seed(0)
    made = TransformerEncoderLayer(CONFIG).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made


def test_a_layer_gives_what_the_models_layer_gives(layer: TransformerEncoderLayer) -> None:
    hidden = torch.randn(3, 7, 24)
    real = torch.ones(3, 7, dtype=torch.int64)
    real[1, 4:] = 0
    real[2] = 0
    heads = torch.tensor([[1.0, 0.0, 0.5]])

    with torch.no_grad():
        expected = layer(hidden, real.bool()[:, None, None], heads)
        norms = reference_value_norms(layer.attention, expected.kv.values)
        found = SequenceFirstLayer(layer)(
            hidden.transpose(0, 1), make_padding(real, CONFIG), heads[..., None, None], None
        )

    torch.testing.assert_close(found.hidden.transpose(0, 1), expected.hidden, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.weights, expected.weights, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found.value_norms, norms, atol=1e-5, rtol=1e-5)
    assert not found.weights[1, :, :, 4:].any(), "padding gets exactly nothing"
    assert not found.weights[2].any(), "nothing to see is 0"


def test_padding_is_finite_in_bfloat16_as_well() -> None:
    real = torch.zeros(1, 4, dtype=torch.int64)

    assert make_padding(real, CONFIG).columns.bfloat16().isfinite().all()


def test_a_root_keeps_the_lengths_of_values_even_of_a_head_that_hands_nothing_on() -> None:
    attention = MultiHeadAttention(24, HEADS, dropout=0.0)
    attention.project.weight.data[:, :8] = 0  # the first head's columns
    values = torch.randn(2, HEADS, 5, 8)

    with torch.no_grad():
        expected = reference_value_norms(attention, values)
        found = (values @ value_root(attention)).norm(dim=-1)

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert not found[:, 0].any()


def test_onnxruntime_copies_no_queries_keys_or_values(
    graph: onnx.ModelProto, tmp_path: Path
) -> None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    found = [n.op_type for n in onnx.load(tmp_path / "optimised.onnx").graph.node]

    layers = 2
    # Scores, context and value norms read them in place; what is left are the contexts of the
    # layers, the hidden states before and after them, and the padding mask.
    assert found.count("FusedMatMul") == 3 * layers
    assert found.count("Transpose") == layers + 3
