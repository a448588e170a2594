"""Command: what a finished classifier is worth on labelled texts, its own data's or others.

python training/evaluate.py checkpoints/reviews                  # the test part it was judged on
python training/evaluate.py checkpoints/reviews --data imdb --max-tokens 256
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from training.checkpoints.classifier import load_classifier, load_tokenizer
from training.checkpoints.record import find_record
from training.cli import counted, hand_over, line, run_command
from training.data.batches import encode_texts
from training.data.corpus import DEFAULT, columns_of, load_corpus
from training.evaluation.classification import predict_logits
from training.evaluation.problems import judge
from training.file_names import public_name
from training.readers.rows import LABELLED, add_reading_flags, reading_of
from training.runs.report import show_judged

PARTS = ("validation", "test")
"""What nothing was trained on. Whoever chooses between models should look at validation alone."""


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        prog="evaluate.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="model",
        help="a checkpoint's folder, a folder in Hugging Face's format, or a name on the Hub",
    )
    add("--data", default=DEFAULT, help="as for train_classifier.py (default: %(default)s)")
    add("--part", choices=PARTS, default="test", help="of the data (default: %(default)s)")
    add(
        "--max-tokens",
        type=int,
        help="longer texts are cut here (default: as in its training, else what it takes)",
    )
    add_reading_flags(add, LABELLED)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    given = build_parser().parse_args(argv)
    return run_command("evaluate.py", None, lambda: evaluate(given))


def evaluate(given: argparse.Namespace) -> None:
    """Prints a line for each model, at the temperature that its training fitted.

    Raises FileNotFoundError, ValueError: as `load_corpus` and `load_classifier`; the model answers
    something else than the data asks; or `max_tokens` is none that the model takes.
    """
    corpus = load_corpus(given.data, reading_of(given, LABELLED))
    examples = corpus.parts[given.part]
    answers = np.array([example.label for example in examples])
    rows, notes = {}, []
    for name in given.models:
        began = perf_counter()
        model = load_classifier(name)
        columns = columns_of(name, model.config, corpus)
        limit = model.config.encoder.max_position_embeddings
        record = find_record(Path(name)) or {}
        trained = record.get("recipe", {}).get("max_tokens", limit)
        tokens = trained if given.max_tokens is None else given.max_tokens
        if not 3 <= tokens <= limit:
            raise ValueError(f"--max-tokens is {tokens}; {name} takes 3 to {limit}")
        tokenizer = load_tokenizer(name, words=model.config.encoder.vocab_size)
        texts = encode_texts(examples, tokenizer, max_tokens=tokens)
        temperature = record.get("temperature", 1.0)
        logits = predict_logits(model, texts)[:, columns]
        shown = public_name(name) if public_name(name) not in rows else name
        rows[shown] = judge(corpus.problem_type, logits, answers, temperature=temperature)
        cut = sum(text.full_length > tokens for text in texts)
        notes.append(
            f"{shown}: {cut:,} cut at {tokens} tokens, temperature {temperature:.2f}, "
            f"{perf_counter() - began:.0f} s"
        )
    hand_over(line(given.part, f"{counted(len(examples), 'text')} of {corpus.title}"))
    hand_over(show_judged(rows))
    for note in notes:
        hand_over(line("", note))


if __name__ == "__main__":
    sys.exit(main())
