"""Prints texts of a corpus's test part as JSON lines, for what measures a finished model.

python -m training.held_out_texts --count 200      # {"text": ..., "label": ...}, one a line

No text of the test part was trained on, nor chose anything.
"""

import argparse
import json
import random
import sys
from collections.abc import Sequence
from typing import Any

from training.cli import hand_over, run_command
from training.data.corpus import DEFAULT, Corpus, Example, load_corpus
from training.model.config import NUMBER
from training.readers.rows import LABELLED, add_reading_flags, reading_of


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", default=DEFAULT, help="as for train_classifier.py (default: %(default)s)")
    add("--count", type=int, default=200, help="how many texts, at random (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the choice (default: %(default)s)")
    add_reading_flags(add, LABELLED)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    args = build_parser().parse_args(argv)

    def work() -> None:
        corpus = load_corpus(args.data, reading_of(args, LABELLED))
        for text in held_out_lines(corpus, args.count, args.seed):
            hand_over(text)

    return run_command("held_out_texts.py", None, work)


def held_out_lines(corpus: Corpus, count: int, seed: int) -> list[str]:
    """`count` texts of the test part, at random, as JSON; ValueError: it has no such number."""
    if not 1 <= count <= len(corpus.test):
        raise ValueError(
            f"{count} held-out texts were asked for; the test part of {corpus.name} has "
            f"{len(corpus.test)}. Ask for a number from 1 to that."
        )
    chosen = random.Random(seed).sample(corpus.test, count)
    return [
        json.dumps(
            {
                "text": example.text,
                **({"text_pair": example.text_pair} if example.text_pair else {}),
                **_answer(example, corpus),
            },
            ensure_ascii=True,  # whatever encoding the terminal has
        )
        for example in chosen
    ]


def _answer(example: Example, corpus: Corpus) -> dict[str, Any]:
    """By the name of the column that it would stand in."""
    if isinstance(example.label, int):
        return {"label": corpus.labels[example.label]}
    if corpus.problem_type == NUMBER:
        return {"score": example.label[0]}
    holds = zip(corpus.labels, example.label, strict=True)
    return {"labels": [label for label, one in holds if one]}


if __name__ == "__main__":
    sys.exit(main())
