"""The README's code runs, and its commands know their flags."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from training import benchmark, benchmark_hybrid, train_classifier, train_hybrid
from training.checkpoint import save_classifier
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, EncoderConfig

FOLDER = Path(__file__).parents[2] / "training"
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_block_that_plots_heads_draws_them(
    tmp_path: Path, tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    size = EncoderConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    folder = tmp_path / "checkpoints" / "reviews" / "encoder"
    folder.mkdir(parents=True)
    model = BERTClassifier(ClassifierConfig(encoder=size, labels=("negative", "positive")))
    save_classifier(folder, model, tokenizer)
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}

    exec(block, names)

    picture = imread(tmp_path / "heads.png")
    assert names["heads"].shape == (4, len(names["tokens"]), len(names["tokens"]))
    assert picture.shape[1] == pytest.approx(1200, abs=5)  # 4 heads of 3 inches at 100 dots
    assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 20


def test_every_command_in_the_readme_is_one_that_its_parser_takes() -> None:
    commands = re.findall(r"^python training/(\w+)\.py(.*?)(?:#.*)?$", README, re.MULTILINE)

    assert len(commands) >= 4
    for name, flags in commands:
        words = shlex.split(flags)
        if name == "benchmark":
            _, words = benchmark.build_parser().parse_known_args(words)
        parsers = {"train_hybrid": train_hybrid, "benchmark_hybrid": benchmark_hybrid}
        parsers.get(name, train_classifier).build_parser().parse_args(words)


def test_every_file_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"`((?:model/)?\w+\.py)`", README))

    assert len(named) >= 20
    assert [name for name in named if not (FOLDER / name).is_file()] == []
