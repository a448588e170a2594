"""Tiny models and their graphs, made once."""

import os

import pytest
from filelock import FileLock


@pytest.fixture(scope="session", autouse=True)
def onnxruntime_alone():
    """The exporter proves a bundle in every runtime that is installed; that takes seconds each.

    Tests that are about the runtimes name them.
    """
    from export.runtime import other_runtimes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(other_runtimes, "OTHERS", ())
        yield


@pytest.fixture(scope="session", autouse=True)
def web_starts_fast():
    """onnxruntime-web is 20 MB of WebAssembly, which node compiles anew in each process: here by
    V8's fast compiler alone, a third of the work. Its code gives the same numbers by definition."""
    from export.runtime import other_runtimes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(other_runtimes, "NODE_COMMAND", ("node", "--liftoff-only"))
        yield


@pytest.fixture(scope="session", autouse=True)
def times_are_set():
    """An export times its 8-bit graphs in processes that take turns, seconds for each, and nobody
    reads the times here. `runtime/test_timing.py` is about them."""
    from export.pipeline import decoder, encoder

    def time_share(graph, of, *, lengths, **_):
        return dict.fromkeys(lengths, 0.5)

    with pytest.MonkeyPatch.context() as patch:
        for module in (decoder, encoder):
            patch.setattr(module, "time_share", time_share)
        yield


@pytest.fixture(scope="session")
def model(tokenizer):
    """2 layers x 2 heads with weights wide enough that the maps are far from uniform."""
    import torch

    from training.model.classifier import BERTClassifier
    from training.model.config import ClassifierConfig, EncoderConfig

    torch.manual_seed(0)
    size = EncoderConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        initializer_range=0.3,
    )
    labels = ("bad", "so so", "good")
    return BERTClassifier(ClassifierConfig(encoder=size, labels=labels)).eval()


@pytest.fixture(scope="session")
def word_piece_file(tokenizer, tmp_path_factory):
    """The `tokenizer.json` of the small BERT tokenizer."""
    folder = tmp_path_factory.mktemp("word_piece")
    tokenizer.save_pretrained(folder)
    return folder / "tokenizer.json"


@pytest.fixture(scope="session")
def traced_once(tmp_path_factory):
    """Traces a graph for all workers of pytest-xdist: whoever is first, while the others wait.

    `traced_once(name, trace)`; a trace takes seconds for each layer.
    """
    import onnx

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def traced(name, trace):
        file = folder / f"{name}.onnx"
        with FileLock(f"{file}.lock"):
            if not file.is_file():
                onnx.save(trace(), file)
        return onnx.load(file)

    return traced


@pytest.fixture(scope="session")
def graph(model, traced_once):
    """Its float32 graph; copy it before changing it."""
    from export.graphs.encoder import trace_encoder

    return traced_once("encoder", lambda: trace_encoder(model))


@pytest.fixture
def fast(monkeypatch, graph):
    """Where the encoder is not what is tested: its graph, traced and proven already."""
    from copy import deepcopy

    from export.pipeline import encoder
    from export.verification.checks import Checks

    checks = Checks(differences={"logits": 1e-7}, batches=["one"])
    monkeypatch.setattr(encoder, "trace_encoder", lambda model: deepcopy(graph))
    monkeypatch.setattr(encoder, "prove_encoder", lambda *_: checks)


@pytest.fixture
def checkpoint(tmp_path, model, tokenizer):
    """Its folder in Hugging Face's format."""
    from training.checkpoints.classifier import save_classifier

    folder = tmp_path / "tiny"
    folder.mkdir()
    save_classifier(folder, model, tokenizer)
    return folder


@pytest.fixture(scope="session")
def gpt2():
    """A GPT-2 of transformers with cross-attention: 2 layers x 3 heads, 40 words.

    No block of 32 weights divides its widths, 24 and 50.
    """
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=40,
        n_positions=24,
        n_embd=24,
        n_layer=2,
        n_head=3,
        n_inner=50,
        add_cross_attention=True,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=2,
        attn_implementation="eager",
    )
    return GPT2LMHeadModel(config).eval()


@pytest.fixture(scope="session")
def decoder(gpt2):
    """Our decoder with its weights."""
    from training.checkpoints.hf_config import decoder_from_hf
    from training.checkpoints.hf_weights import DECODER_NAMES
    from training.model.decoder import GPTDecoder

    ours = GPTDecoder(decoder_from_hf(gpt2.config.to_dict())).eval()
    ours.load_state_dict(DECODER_NAMES.from_hf(gpt2.state_dict()))
    return ours


@pytest.fixture(scope="session")
def decoder_graph(decoder, traced_once):
    """Its float32 graph; copy it before changing it."""
    from export.graphs.decoder import trace_decoder

    return traced_once("decoder", lambda: trace_decoder(decoder))


@pytest.fixture
def random_checkpoint(tokenizer, tmp_path):
    """A random classifier with a decoder, tiny, its maps far from uniform, and with a record."""
    from export.benchmark import save_random_checkpoint
    from training.checkpoints.record import write_record
    from training.model.config import DecoderConfig, EncoderConfig

    sizes = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 32,
        "initializer_range": 0.3,
    }
    folder = tmp_path / "random"
    save_random_checkpoint(
        folder, tokenizer, encoder=EncoderConfig(**sizes), decoder=DecoderConfig(**sizes)
    )
    write_record(folder, {"seed": 0, "metrics": {"test": {"accuracy": 0.5}}})
    return folder
