"""How well models read sentences of one kind each: negation, irony, understatement, idioms, ...

    python export/trials/sentences.py checkpoints/reviews demo/bundles/reviews

Prints the share read rightly of each kind, a column for each model and one for the baseline of
words and pairs of words. A model is a checkpoint's folder, a bundle, or a name on the Hub, with the
labels negative and positive. The sentences are ours: see `training/evaluation/sentences.py`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.special import softmax

from bundle_format.folder import read_manifest
from bundle_format.values import FILE
from export.command import DONE, command_parser, run_command
from export.eval_texts import feed_of
from export.runtime.session import open_session, run
from training.checkpoints.classifier import find_folder, load_classifier, load_tokenizer
from training.checkpoints.record import find_record
from training.cli import hand_over
from training.data.batches import EncodedText, encode_texts, pad
from training.data.corpus import DEFAULT, Example, load_corpus
from training.evaluation.baseline import fit_baseline
from training.evaluation.classification import predict_logits
from training.evaluation.sentences import (
    LABELS,
    POSITIVE,
    KindSentence,
    read_sentences,
    show_each,
    show_kinds,
)
from training.file_names import public_name

_PRECISIONS = ("8bit", "float32")  # as the page takes them
_Answers = tuple[Sequence[str], float, np.ndarray]  # labels, temperature, (sentences, labels)


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = command_parser("sentences.py", __doc__)
    add = parser.add_argument
    add("models", nargs="+", metavar="model", help="a checkpoint, a bundle, or a name on the Hub")
    add(
        "--data",
        default=DEFAULT,
        help="labelled texts that the baseline learns from (default: %(default)s)",
    )
    add(
        "--each",
        action="store_true",
        help="print every sentence with the probability of its label as well",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; 2 where a model cannot be opened or has other labels."""
    return run_command("sentences.py", _run, build_parser().parse_args(argv))


def _run(given: argparse.Namespace) -> int:
    sentences = read_sentences()
    columns: dict[str, np.ndarray] = {}
    for model in given.models:
        name = public_name(model)
        columns[name if name not in columns else model] = read_by(model, sentences)
    columns["TF-IDF"] = read_by_baseline(given.data, sentences)
    if given.each:
        hand_over(show_each(sentences, columns) + "\n")
    hand_over(show_kinds(sentences, columns))
    return DONE


def read_by(model: str, sentences: Sequence[KindSentence]) -> np.ndarray:
    """A model's probability of `POSITIVE`, at its own temperature: shape (sentences,).

    Raises FileNotFoundError, ValueError: there is no such model, or it has other labels.
    """
    of_bundle = (Path(model) / FILE).is_file()
    labels, temperature, logits = (_of_bundle if of_bundle else _of_checkpoint)(model, sentences)
    return softmax(logits / temperature, axis=1)[:, labels.index(POSITIVE)]


def _of_bundle(model: str, sentences: Sequence[KindSentence]) -> _Answers:
    """Each text by itself, as the page reads it."""
    folder = Path(model)
    manifest = read_manifest(folder)
    labels, graphs = manifest.labels or (), manifest.graphs.classify
    _check_labels(labels, model)
    session = open_session(
        folder / next(graphs[name].file for name in _PRECISIONS if name in graphs)
    )
    texts = _encoded(sentences, folder, manifest.max_tokens)
    outputs = [run(session, feed_of(pad([text]), session)) for text in texts]
    logits = np.concatenate([output["logits"] for output in outputs])
    return labels, manifest.temperature or 1.0, logits


def _of_checkpoint(model: str, sentences: Sequence[KindSentence]) -> _Answers:
    classifier = load_classifier(model)
    config = classifier.config
    _check_labels(config.labels, model)
    limit = config.encoder.max_position_embeddings
    logits = predict_logits(classifier, _encoded(sentences, find_folder(model), limit))
    record = find_record(Path(model)) or {}
    return config.labels, record.get("temperature", 1.0), logits


def read_by_baseline(data: str, sentences: Sequence[KindSentence]) -> np.ndarray:
    """As `read_by`, of words and pairs of words, trained on the labelled texts of `data`."""
    corpus = load_corpus(data)
    _check_labels(corpus.labels, data)
    fitted = fit_baseline(corpus.train, corpus.validation, corpus.problem_type)
    logits = fitted.logits([Example(one.text, 0) for one in sentences])
    return softmax(logits, axis=1)[:, corpus.labels.index(POSITIVE)]


def _check_labels(labels: Sequence[str], where: str) -> None:
    if {*labels} != {*LABELS}:
        raise ValueError(
            f"{where} has the labels {', '.join(labels) or 'none'}; expected {' and '.join(LABELS)}"
            ", which the sentences have. Name them so in its config.json (id2label)"
        )


def _encoded(sentences: Sequence[KindSentence], folder: Path, max_tokens: int) -> list[EncodedText]:
    texts = [Example(one.text, 0) for one in sentences]
    return encode_texts(texts, load_tokenizer(folder), max_tokens=max_tokens)


if __name__ == "__main__":
    sys.exit(main())
