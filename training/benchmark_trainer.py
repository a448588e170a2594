"""Benchmark: a classifier's training beside `transformers.Trainer`, which trains the same model.

python training/benchmark_trainer.py               # three rounds of all, minutes for each
python training/benchmark_trainer.py --texts 640 --rounds 1     # a rehearsal

The same weights, token ids, batch size, learning rate, schedule, weight decay, label smoothing and
number of epochs; what each makes of them is its own. Trainer runs as it comes, padding each batch
to its longest text, and with texts of like length together, in bfloat16 where the hardware
multiplies it: emulated, it would be many times slower. Each run is a process of its own, and they
take turns: of a round all ways have the same seed, and a ratio compares neighbours. Counted are
real tokens, no padding, over the time from the first step to the last; our validations in between
are left out, which Trainer has none of.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from statistics import median
from threading import Event, Thread
from time import perf_counter
from typing import Any

import numpy as np
import psutil
import torch
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from training.checkpoints.classifier import (
    MINILM,
    find_folder,
    load_tokenizer,
    minilm_folder,
    start_classifier,
)
from training.cli import add_recipe_flags, hand_over, run_command, say
from training.data.batches import Batch, EncodedText, encode_texts
from training.data.corpus import DEFAULT, load_corpus
from training.evaluation.classification import measure, predict_logits
from training.fit.classifier import ClassifierTraining
from training.fit.loop import make_accelerator, run
from training.fit.progress import TrainStep
from training.model.config import ONE_LABEL
from training.recipes import Recipe, uses_bfloat16
from training.runs.classifier import spread

OURS, PLAIN, GROUPED = "ours", "plain", "grouped"
WAYS = {
    OURS: "ours",
    PLAIN: "Trainer, as it comes",
    GROUPED: "Trainer, lengths grouped, bfloat16 where the hardware has it",
}
_EVERY = 0.02  # seconds between two looks at the memory
_TOLD = {
    "epochs": "passes over the train part",
    "batch_size": "texts a step",
    "learning_rate": "the highest, after the warm-up",
    "max_tokens": "longer texts are cut here",
}


@dataclass(frozen=True, slots=True)
class TrainerRun:
    """What one training came to, of one of `WAYS`."""

    tokens_per_second: float
    """Real ones."""
    accuracy: float
    """On the test part."""
    peak_mb: float
    """Of the whole process while it trained; on a GPU, what torch held there."""
    seconds: float
    """From the first step to the last, validations left out."""


def build_parser() -> argparse.ArgumentParser:
    """The benchmark's flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", default=DEFAULT, help="as for train_classifier.py (default: %(default)s)")
    add("--init", default=MINILM, help="minilm, a folder or a name on the Hub (default: minilm)")
    add("--rounds", type=int, default=3, help="turns of each way, seeds 0, 1, ... (default: 3)")
    add("--texts", type=int, help="so many texts of the train part, evenly chosen (default: all)")
    add("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="these alone")
    add("--one", type=int, metavar="SEED", help="run one way here, and print it as JSON")
    add_recipe_flags(add, Recipe(), _TOLD)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns its exit code."""
    given = build_parser().parse_args(argv)
    return run_command("benchmark_trainer.py", None, lambda: _benchmark(given))


def _benchmark(given: argparse.Namespace) -> None:
    recipe = Recipe(**{name: getattr(given, name) for name in _TOLD})
    if given.one is not None:
        lesson = read_lesson(given.data, given.init, given.texts, recipe.max_tokens)
        found = train(lesson, given.ways[0], replace(recipe, seed=given.one))
        hand_over(json.dumps(asdict(found)))
        return
    if given.rounds < 1:
        raise ValueError(f"rounds is {given.rounds}; expected 1 or more")
    runs: dict[str, list[TrainerRun]] = {way: [] for way in given.ways}
    for seed in range(given.rounds):
        for way in given.ways[:: 1 if seed % 2 == 0 else -1]:  # none is always the last
            runs[way].append(_in_a_process(given, way, seed))
            found = runs[way][-1]
            speed = f"{found.tokens_per_second:,.0f} tokens/s, accuracy {found.accuracy:.3f}"
            say(f"round {seed + 1} of {given.rounds}, {way}: {speed}, {found.peak_mb:,.0f} MB")
    say("\n" + show_runs(runs))


def _in_a_process(given: argparse.Namespace, way: str, seed: int) -> TrainerRun:
    """Raises ValueError: the run failed; what it said last is told."""
    flags = {"data": given.data, "init": given.init, "texts": given.texts}
    flags |= {name: getattr(given, name) for name in _TOLD}
    said = [
        f"--{name.replace('_', '-')}={value}" for name, value in flags.items() if value is not None
    ]
    command = [sys.executable, "-m", "training.benchmark_trainer", f"--one={seed}", *said]
    done = subprocess.run([*command, "--ways", way], capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"{way}, seed {seed}, failed: {done.stderr.strip()[-500:]}")
    return TrainerRun(**json.loads(done.stdout.splitlines()[-1]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """What every way learns from."""

    folder: str
    """Of the weights."""
    labels: tuple[str, ...]
    tokenizer: PreTrainedTokenizerBase
    texts: Mapping[str, Sequence[EncodedText]]


def read_lesson(data: str, init: str, texts: int | None, max_tokens: int) -> Lesson:
    """Reads and tokenises; raises what `load_corpus` and `find_folder` do, or ValueError: the data
    ask for something else than one label."""
    corpus = load_corpus(data)
    if corpus.problem_type != ONE_LABEL:
        raise ValueError(f"{data} asks for no single label; give texts with a column label")
    folder = minilm_folder() if init == MINILM else str(find_folder(init))
    tokenizer = load_tokenizer(folder)
    parts = corpus.parts | {"train": spread(corpus.train, texts or len(corpus.train))}
    encoded = {
        part: encode_texts(examples, tokenizer, max_tokens=max_tokens)
        for part, examples in parts.items()
    }
    return Lesson(folder=folder, labels=corpus.labels, tokenizer=tokenizer, texts=encoded)


def train(lesson: Lesson, way: str, recipe: Recipe) -> TrainerRun:
    """Trains once, here."""
    trained = _ours(lesson, recipe) if way == OURS else _theirs(lesson, way, recipe)
    tokens, seconds, peak, accuracy = trained
    return TrainerRun(tokens / seconds, accuracy, peak, seconds)


_Trained = tuple[int, float, float, float]
"""Real tokens, seconds, peak memory in MB, and the accuracy on the test part."""


class PeakMemory:
    """The most that this process held while the block ran, in MB; on a GPU, that torch held there.

    A thread looks at it: what reading the texts took before is not the training's.
    """

    def __enter__(self) -> "PeakMemory":
        self.mb, self._ended = 0.0, Event()
        self._looking = Thread(target=self._look, daemon=True)
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        self._looking.start()
        return self

    def _look(self) -> None:
        process = psutil.Process()
        while not self._ended.wait(_EVERY):
            self.mb = max(self.mb, process.memory_info().rss / 1e6)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._looking.join()
        if torch.cuda.is_available():
            self.mb = torch.cuda.max_memory_allocated() / 1e6


class _Counted(ClassifierTraining):
    """Remembers how many real tokens each step had."""

    def tokens(self, batch: Batch) -> int:
        count = super().tokens(batch)
        self.counts = [*getattr(self, "counts", ()), count]
        return count


def _ours(lesson: Lesson, recipe: Recipe) -> _Trained:
    torch.manual_seed(recipe.seed)
    accelerator = make_accelerator()
    model, _ = start_classifier(lesson.folder, labels=lesson.labels)
    model.to(accelerator.device)
    training = _Counted(model, lesson.texts["train"], lesson.texts["validation"], recipe)
    with PeakMemory() as peak:
        ends = [perf_counter()]
        ends += [perf_counter() for e in run(training, accelerator) if isinstance(e, TrainStep)]
    training.kept.restore()
    # The last step of an epoch is told when the validation behind it is done.
    steps = enumerate(zip(training.counts, pairwise(ends), strict=True), 1)
    timed = [(count, b - a) for step, (count, (a, b)) in steps if step % training.epoch_steps]
    tokens, seconds = (sum(column) for column in zip(*timed, strict=True))
    answers = np.array([text.label for text in lesson.texts["test"]])
    logits = predict_logits(model, lesson.texts["test"])
    return int(tokens), float(seconds), peak.mb, measure(logits, answers).accuracy


class _Clock(TrainerCallback):
    """When a training of Trainer's began, and when its last step was done."""

    began = ended = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.began = perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ended = perf_counter()


def _theirs(lesson: Lesson, way: str, recipe: Recipe) -> _Trained:
    clock = _Clock()
    with tempfile.TemporaryDirectory() as place:
        torch.manual_seed(recipe.seed)
        trainer = Trainer(
            model=AutoModelForSequenceClassification.from_pretrained(
                lesson.folder, num_labels=len(lesson.labels)
            ),
            args=_arguments(place, way, recipe),
            train_dataset=_rows(lesson.texts["train"]),
            data_collator=DataCollatorWithPadding(lesson.tokenizer),
            processing_class=lesson.tokenizer,
            callbacks=[clock],
        )
        with PeakMemory() as peak:
            trainer.train()
        found = trainer.predict(_rows(lesson.texts["test"]))
    # Where it groups lengths, the test part comes back in another order than it was given.
    accuracy = measure(np.asarray(found.predictions), np.asarray(found.label_ids)).accuracy
    tokens = recipe.epochs * sum(len(text.token_ids) for text in lesson.texts["train"])
    return tokens, clock.ended - clock.began, peak.mb, accuracy


def _arguments(place: str, way: str, recipe: Recipe) -> TrainingArguments:
    """The recipe in Trainer's words."""
    on_cpu = not torch.cuda.is_available()
    bfloat16 = uses_bfloat16(torch.device("cpu" if on_cpu else "cuda"))
    grouped: dict[str, Any] = {"bf16": bfloat16, "train_sampling_strategy": "group_by_length"}
    return TrainingArguments(
        output_dir=place,
        per_device_train_batch_size=recipe.batch_size,
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warm_up,  # below 1: a share of all
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_gradient_norm,
        label_smoothing_factor=recipe.label_smoothing,
        seed=recipe.seed,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        disable_tqdm=True,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        **(grouped if way == GROUPED else {}),
    )


def _rows(texts: Sequence[EncodedText]) -> Any:
    """What `datasets` would give: a list of rows serves as well."""
    return [
        {
            "input_ids": list(text.token_ids),
            "token_type_ids": list(text.segment_ids),
            "attention_mask": [1] * len(text.token_ids),
            "labels": text.label,
        }
        for text in texts
    ]


def show_runs(runs: Mapping[str, Sequence[TrainerRun]]) -> str:
    """A Markdown table: medians over the rounds, and of each round's ratio of the first to each."""
    first = next(iter(runs))
    to_it = f"{WAYS[first]} to this"
    lines = [
        f"| training | real tokens/s | {to_it} | test accuracy | peak memory, MB | {to_it} |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for way, found in runs.items():
        faster, larger = (
            median(
                getattr(mine, name) / getattr(theirs, name)
                for mine, theirs in zip(runs[first], found, strict=True)
            )
            for name in ("tokens_per_second", "peak_mb")
        )
        speed, accuracy, memory = (
            median(getattr(one, name) for one in found)
            for name in ("tokens_per_second", "accuracy", "peak_mb")
        )
        cells = f"{speed:,.0f} | {faster:.2f} | {accuracy:.3f} | {memory:,.0f} | {larger:.2f}"
        lines.append(f"| {WAYS[way]} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
