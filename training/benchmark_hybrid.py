"""Benchmark: what a step of the hybrid's training costs, part by part, and what each remedy saves.

python training/benchmark_hybrid.py checkpoints/reviews
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from training.checkpoints.classifier import load_classifier, load_tokenizer
from training.cli import run_command, say
from training.data.pair_batches import EncodedPair, PairBatch, pad_pairs
from training.fit.hybrid import HybridTraining
from training.fit.loop import Stepper, make_accelerator
from training.fit.losses import DistillationLoss, draw_candidates, sampled_cross_entropy
from training.fit.optim import make_optimizer
from training.hybrid.seq2seq import Seq2Seq, frozen_copy
from training.recipes import HybridRecipe, autocast
from training.runs.hybrid import new_hybrid, text_tokens

_TOKENS = 24


def build_parser() -> argparse.ArgumentParser:
    """The benchmark's flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "checkpoint",
        nargs="?",
        type=Path,
        default=Path("checkpoints/reviews"),
        help="folder that train_classifier.py wrote (default: %(default)s)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="times each (default: 5)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    given = build_parser().parse_args(argv)
    return run_command(
        "benchmark_hybrid.py", None, lambda: time_parts(given.checkpoint, given.rounds)
    )


def time_parts(checkpoint: Path, rounds: int) -> None:
    """Prints the table; one batch of 32 pairs of 24 tokens, medians.

    Raises FileNotFoundError or ValueError: there is no such classifier, or no round was asked for.
    """
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}; expected 1 or more")
    measured = parts(checkpoint)
    say("| part of a step | ms |\n|---|---:|")
    for name, run in measured.items():
        run()  # compiles kernels for the widths
        seconds = []
        for _ in range(rounds):
            began = perf_counter()
            run()
            seconds.append(perf_counter() - began)
        say(f"| {name} | {1000 * median(seconds):,.0f} |")


def parts(checkpoint: Path) -> dict[str, Callable[[], object]]:
    """Each part by its name, as a function that does it once."""
    torch.manual_seed(0)
    recipe, tokenizer = HybridRecipe(), load_tokenizer(checkpoint)
    classifier = load_classifier(checkpoint)
    model = new_hybrid(classifier, recipe.layers, recipe.dropout)
    model.decoder.word.weight.requires_grad_(False)
    frozen = frozen_copy(model.encoder)
    seq2seq = Seq2Seq(model, frozen, tokenizer, text_tokens(tokenizer), recipe.max_tokens)
    words, size = len(tokenizer), (recipe.batch_size, _TOKENS)
    ids = torch.randint(min(1000, words // 2), words, size).tolist()
    pairs = [EncodedPair(tuple(row), (*row, row[0])) for row in ids]
    batch = pad_pairs(pairs, pad_token_id=0, limit=512)
    device = batch.decoder_input_ids.device
    table = model.decoder.word.weight
    with torch.no_grad():
        source = seq2seq.read(batch)
    with torch.no_grad(), autocast(device):
        hidden = model.decoder(batch.decoder_input_ids, source).hidden
    hidden = hidden[batch.label_mask].detach().requires_grad_()

    def layers() -> None:
        with autocast(device):
            states = model.decoder(batch.decoder_input_ids, source).hidden
        states.float().sum().backward()

    optimizer = make_optimizer({model.decoder: 1e-9}, 0.0)
    reading, given = torch.no_grad(), (batch.source_ids, batch.source_mask)
    return {
        "encoder, float32, no gradient": reading(partial(model.encoder, *given)),
        "encoder, bfloat16, no gradient": reading(partial(frozen, *given)),
        "decoder's 4 layers, forward and backward": layers,
        **_heads(hidden, table, batch.labels[batch.label_mask], recipe),
        "AdamW over the decoder's layers": optimizer.step,
        "whole step, encoder frozen": _step(seq2seq, batch),
        "whole step, encoder joint": _joint(checkpoint, seq2seq, batch),
    }


def _heads(
    hidden: Tensor, table: Tensor, labels: Tensor, recipe: HybridRecipe
) -> dict[str, Callable[[], object]]:
    """The head and its loss, forward and backward, as it comes and as it is made cheaper."""
    learning, low = deepcopy(table).requires_grad_(), table.detach().to(torch.bfloat16)
    smoothing = recipe.label_smoothing

    def whole(words: Tensor) -> Callable[[], object]:
        def run() -> None:
            with autocast(hidden.device):
                scores = torch.nn.functional.linear(hidden, words)
            cross_entropy(scores.float(), labels, label_smoothing=smoothing).backward()

        return run

    def sampled() -> None:
        candidates = draw_candidates(labels, vocabulary=len(low), drawn=recipe.vocabulary_drawn)
        losses = sampled_cross_entropy(hidden, low, labels, candidates, label_smoothing=smoothing)
        losses.mean().backward()

    return {
        "head and loss, word table learns": whole(learning),
        "head and loss, word table frozen": whole(table.detach()),
        "head and loss, word table frozen, words sampled": sampled,
    }


def _step(
    seq2seq: Seq2Seq, batch: PairBatch, distillation: DistillationLoss | None = None
) -> Callable[[], object]:
    """A whole step, which moves the weights by next to nothing."""
    recipe = replace(HybridRecipe(), learning_rate=1e-9, encoder_learning_rate=1e-9)
    training = HybridTraining(seq2seq, None, recipe, distillation)
    return partial(Stepper(training, make_accelerator()), batch)


def _joint(checkpoint: Path, seq2seq: Seq2Seq, batch: PairBatch) -> Callable[[], object]:
    """A whole step in which the encoder's last layers learn along."""
    recipe = HybridRecipe()
    classifier = load_classifier(checkpoint)
    model = new_hybrid(classifier, recipe.layers, recipe.dropout)
    joint = replace(seq2seq, model=model, reader=model.encoder)
    return _step(joint, batch, DistillationLoss(classifier))


if __name__ == "__main__":
    sys.exit(main())
