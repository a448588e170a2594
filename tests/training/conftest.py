"""Every test here is a shape test too: the shapes in the signatures are checked at each call."""

from collections.abc import Callable
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

install_import_hook("training", "beartype.beartype")


@pytest.fixture(scope="session")
def save_tiny(tokenizer) -> Callable[..., None]:
    """Saves a classifier of 2 layers x 2 heads into a folder: the same weights at every call."""
    import torch

    from training.checkpoints.classifier import save_classifier
    from training.model.classifier import BERTClassifier
    from training.model.config import ClassifierConfig, EncoderConfig

    tiny = {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 30,
    }

    def save(folder: Path, labels: tuple[str, ...] = ("bad", "good"), **other: float) -> None:
        torch.manual_seed(0)
        config = ClassifierConfig(encoder=EncoderConfig(**{**tiny, **other}), labels=labels)
        folder.mkdir(parents=True, exist_ok=True)
        save_classifier(folder, BERTClassifier(config), tokenizer)

    return save
