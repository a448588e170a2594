"""A tiny classifier, and our commands started in processes of their own."""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from runpy import run_path
from typing import NamedTuple

import pytest


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


class Started(NamedTuple):
    """A command in a process of its own, and the files that take what it says."""

    process: BaseProcess
    stdout: Path
    stderr: Path

    def wait_for(self, words: str) -> None:
        """Returns when it has printed them; fails where it ends without."""
        while words not in self.stdout.read_text():
            assert self.process.is_alive(), self.stderr.read_text()
            time.sleep(0.01)


# A shell's background job ignores Ctrl-C, and so would its child.
_AS_A_COMMAND = """
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = [{script!r}, *{flags!r}]
sys.stdout, sys.stderr = (open(path, "w", buffering=1) for path in {streams!r})
os.environ.update({environment!r})
os.chdir({folder!r})
runpy.run_path({script!r}, run_name="__main__")
"""


@pytest.fixture(scope="session")
def start_command(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Started]:
    """Starts a script as a person does, from another directory, but in a fork of a process that
    has imported what both commands need: alone that takes each of them seconds.

    `start_command(script, flags, **environment)`.
    """
    context = multiprocessing.get_context("forkserver")
    # The optimizer's first step imports torch._dynamo.
    context.set_forkserver_preload(
        ["training.train_classifier", "training.train_hybrid", "torch._dynamo"]
    )

    def start(script: Path, flags: list[str], **environment: str) -> Started:
        folder = tmp_path_factory.mktemp("command")
        streams = [folder / "stdout", folder / "stderr"]
        for path in streams:
            path.touch()
        starter = folder / "start.py"
        starter.write_text(
            _AS_A_COMMAND.format(
                script=str(script),
                flags=flags,
                streams=list(map(str, streams)),
                environment=environment,
                folder=str(folder),
            )
        )
        process = context.Process(target=run_path, args=(str(starter),))
        process.start()
        return Started(process, *streams)

    return start
