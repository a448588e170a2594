"""A tiny classifier and its graph, made once; the shapes in the signatures are checked."""

import pytest
from jaxtyping import install_import_hook

install_import_hook(["training", "export"], "beartype.beartype")


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
def graph(model):
    """Its float32 graph; copy it before changing it."""
    from export.encoder_graph import trace_encoder

    return trace_encoder(model)


@pytest.fixture
def checkpoint(tmp_path, model, tokenizer):
    """Its folder in Hugging Face's format."""
    from training.checkpoint import save_classifier

    folder = tmp_path / "tiny"
    folder.mkdir()
    save_classifier(folder, model, tokenizer)
    return folder
