"""A teacher's soft answers on all texts to train on: computed once, and kept in a file.

The file lies beside the checkpoint that is to be written, and serves every run with this teacher
there: other seeds, more texts. It has a line for each text. A run that is killed loses the texts of
its last seconds; the next one goes on behind the last whole line.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from tqdm import tqdm

from training.checkpoints.atomic_folder import writing
from training.checkpoints.classifier import load_classifier, load_tokenizer
from training.cli import complain, counted, is_main_process, line, say
from training.data.batches import EncodedText, encode_texts
from training.data.corpus import Corpus, Example, columns_of
from training.data.unlabelled import Unlabelled, load_unlabelled
from training.evaluation.classification import predict_logits
from training.file_names import public_name
from training.model.classifier import BERTClassifier
from training.model.config import ONE_LABEL
from training.recipes import autocast, uses_bfloat16
from training.runs.classifier import Prepared, spread

_FORMAT = 1
_AT_ONCE = 256  # texts between two writes
QUICK_TEXTS = 300


@dataclass(frozen=True, slots=True)
class Teacher:
    """A classifier that answers with the labels of the data, and what it is asked besides them."""

    given: str
    """Its folder, or its name on the Hub; it is opened where there is something to answer."""
    columns: list[int]
    """The places of the data's labels among its logits."""
    longest: int
    """Tokens of a text that it takes at most."""
    fingerprint: str
    """sha256 over its config and weights."""
    unlabelled: Unlabelled

    def record(self) -> dict[str, Any]:
        """What `training.json` says of it."""
        texts = self.unlabelled
        return {
            "name": public_name(self.given),
            "fingerprint": self.fingerprint,
            "unlabelled": list(map(public_name, texts.sources)),
            "texts": len(texts.texts),
            "held_back": texts.held_back,
            "texts_fingerprint": texts.fingerprint,
        }


def find_teacher(
    given: str | None, unlabelled: Sequence[str] | None, corpus: Corpus, *, most: int | None
) -> Teacher | None:
    """The classifier that `--teacher` names, ours or Hugging Face's, and its texts; None: none.

    Args:
        most: texts without labels to take at most, evenly from the whole; None: all.

    Raises FileNotFoundError, ValueError: as `load_classifier` and `load_unlabelled`, or it answers
    with other labels than the corpus's.
    """
    if given is None:
        return None
    model = load_classifier(given)
    if corpus.problem_type != ONE_LABEL:
        asked = corpus.problem_type.replace("_", " ")
        raise ValueError(f"--teacher needs data with one label a text; this has {asked}")
    columns = columns_of(given, model.config, corpus)
    texts = load_unlabelled(unlabelled, corpus)
    if most is not None:
        texts = replace(texts, texts=spread(texts.texts, most))
    longest = model.config.encoder.max_position_embeddings
    return Teacher(given, columns, longest, _fingerprint(model), texts)


def _fingerprint(model: BERTClassifier) -> str:
    digest = sha256(repr(model.config).encode())
    for name, weight in model.state_dict().items():
        digest.update(name.encode() + weight.contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def teach(
    prepared: Prepared, teacher: Teacher, out: Path, accelerator: Accelerator
) -> list[EncodedText]:
    """The train part, and texts without labels, all with the teacher's logits.

    It answers what it has not answered yet, and says how long that took.

    Raises OSError, ValueError: the file of answers cannot be written, or is damaged.
    """
    labels, tokens = prepared.corpus.labels, prepared.recipe.max_tokens
    more = teacher.unlabelled.texts
    examples = [*prepared.corpus.train, *more]
    with accelerator.main_process_first():  # the others read what it has written
        kept = SoftAnswers(out.absolute().parent, teacher, labels, tokens, accelerator.device)
        missing = [one for one in dict.fromkeys(examples) if _key(one) not in kept.known]
        began = perf_counter()
        if missing:
            _answer(teacher, missing, tokens, kept, accelerator.device)
        seconds = perf_counter() - began
    own = encode_texts(more, prepared.tokenizer, max_tokens=tokens)
    texts = [
        replace(text, answers=kept.known[_key(example)])
        for text, example in zip([*prepared.texts["train"], *own], examples, strict=True)
    ]
    labelled = prepared.corpus.train
    right = np.mean([np.argmax(kept.known[_key(one)]) == one.label for one in labelled])
    say(_shown(teacher.unlabelled))
    said = [
        f"{public_name(teacher.given)}, right on {right:.3f} of the train part",
        f"{counted(len(missing), 'text')} answered now",
        *([f"{seconds:.0f} s, {1000 * seconds / len(missing):.0f} ms each"] if missing else []),
        f"kept in {kept.path.name}",
    ]
    say(line("teacher", "; ".join(said)))
    return texts


def _shown(texts: Unlabelled) -> str:
    sources = ", ".join(map(public_name, texts.sources)) or "nothing"
    return line(
        "unlabelled",
        f"{counted(len(texts.texts), 'text')} of {sources}; {texts.held_back:,} were left out: a "
        "validation or test part has them",
    )


def _answer(
    teacher: Teacher,
    texts: Sequence[Example],
    max_tokens: int,
    kept: "SoftAnswers",
    device: torch.device,
) -> None:
    model = load_classifier(teacher.given)
    tokenizer = load_tokenizer(teacher.given, words=model.config.encoder.vocab_size)
    model, longest = model.to(device), min(max_tokens, teacher.longest)
    watched = None if is_main_process() else True
    try:
        with tqdm(total=len(texts), disable=watched, leave=False, desc="teacher") as bar:
            for start in range(0, len(texts), _AT_ONCE):
                some = texts[start : start + _AT_ONCE]
                encoded = encode_texts(some, tokenizer, max_tokens=longest)
                with autocast(device):
                    logits = predict_logits(model, encoded)[:, teacher.columns]
                kept.add(map(_key, some), logits)
                bar.update(len(some))
    except KeyboardInterrupt:
        complain(f"\nthe answers so far are kept in {kept.path.name}: the same command goes on")
        raise


class SoftAnswers:
    """A file of a teacher's logits, a line for each text, read once and appended to.

    The first line says whose they are. A text is known by a hash: the file holds none of its words.
    """

    def __init__(
        self,
        folder: Path,
        teacher: Teacher,
        labels: Sequence[str],
        max_tokens: int,
        device: torch.device,
    ) -> None:
        """Opens the file of a teacher's answers on texts that are cut alike, or begins it.

        Args:
            labels: the data's, in the order of the logits that are kept.
            device: where it answers, which decides how precisely.

        Raises OSError, ValueError: it cannot be written, or is damaged.
        """
        name = public_name(teacher.given)
        self.head: dict[str, Any] = {
            "format": _FORMAT,
            "teacher": name,
            "fingerprint": teacher.fingerprint,
            "labels": list(labels),
            "max_tokens": max_tokens,
            "precision": "bfloat16" if uses_bfloat16(device) else "float32",
        }
        which = sha256(json.dumps(self.head).encode()).hexdigest()[:8]
        self.path = folder / f"answers-{name.replace('/', '-')}-{which}.jsonl"
        self.known: dict[str, tuple[float, ...]] = {}
        whole = self._read() if self.path.is_file() else 0
        with writing(self.path), self.path.open("r+b" if whole else "wb") as file:
            file.truncate(whole)  # what a killed run left of a line
        if not whole:
            self._append([self.head])

    def _read(self) -> int:
        """Reads all whole lines; how many bytes they have."""
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        head, *lines = content[:whole].splitlines() or [b""]
        try:
            if whole and json.loads(head) != self.head:
                raise ValueError("its first line is that of other answers")
            for text in lines:
                key, *logits = json.loads(text)
                if len(logits) != len(self.head["labels"]):
                    raise ValueError(f"{len(logits)} numbers for a text")
                self.known[key] = tuple(map(float, logits))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{self.path} does not hold answers of this teacher ({error}); remove it, and they "
                "are computed again"
            ) from error
        return whole

    def add(self, keys: Iterable[str], logits: np.ndarray) -> None:
        """Keeps answers; they are on the disk when this returns."""
        answers = dict(zip(keys, map(tuple, logits.astype(float).tolist()), strict=True))
        self._append([[key, *answer] for key, answer in answers.items()])
        self.known |= answers

    def _append(self, rows: Sequence[Any]) -> None:
        with writing(self.path), self.path.open("ab") as file:
            file.write("".join(json.dumps(row) + "\n" for row in rows).encode())
            file.flush()
            os.fsync(file.fileno())


def _key(example: Example) -> str:
    return sha256(repr((example.text, example.text_pair)).encode()).hexdigest()[:32]
