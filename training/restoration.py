"""How much of a spoiled sentence a restorer gives back, beside a baseline that copies the source.

Words are counted where the edit distance aligns what was written with the clean sentence, so one
word too many does not make all that follow it wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from training.corruption import KINDS, Change, corrupt
from training.sentences import Sentence
from training.word_alignment import align


@dataclass(frozen=True, slots=True)
class Task:
    """A clean sentence, and its spoiled copy to restore it from."""

    clean: Sentence
    spoiled: Sentence
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored of a set of tasks; shares of 1."""

    sentences: int
    changes: dict[str, int]
    """How often each kind of corruption was there."""
    exactly: dict[str, float]
    """Of each kind, the share whose words stand in their places again."""
    words_kept: float
    """Of the words that nothing was done to, the share that is still there."""
    word_error_rate: float
    """Words replaced, left out or added, over the words of the clean sentences."""


def draw_tasks(
    sentences: Sequence[Sentence], most: int, *, corruptions: int, seed: int
) -> list[Task]:
    """Sentences drawn from `seed`, spoiled so many times each; too short ones are passed over."""
    rng = Random(seed)
    order = rng.sample(range(len(sentences)), len(sentences))
    tasks: list[Task] = []
    for i in order:
        spoiled = corrupt(sentences[i], corruptions, rng)
        if len(spoiled.changes) == corruptions:
            tasks.append(Task(sentences[i], spoiled.words, spoiled.changes))
        if len(tasks) == most:
            break
    return tasks


def measure_restored(tasks: Sequence[Task], written: Sequence[Sentence]) -> Restored:
    """Compares what was written with the clean sentences, word by word."""
    counts, right = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
    kept = untouched = errors = words = 0
    for task, answer in zip(tasks, written, strict=True):
        _, matched, distance = align(task.clean, answer)
        errors += distance
        words += len(task.clean)
        touched = [place for change in task.changes for place in touched_words(change)]
        untouched += len(task.clean) - len(touched)
        kept += sum(matched) - sum(matched[place] for place in touched)
        for change in task.changes:
            counts[change.kind] += 1
            right[change.kind] += all(matched[place] for place in touched_words(change))
    return Restored(
        sentences=len(tasks),
        changes=counts,
        exactly={kind: right[kind] / max(counts[kind], 1) for kind in KINDS},
        words_kept=kept / max(untouched, 1),
        word_error_rate=errors / max(words, 1),
    )


def touched_words(change: Change) -> tuple[int, ...]:
    """The numbers of the clean sentence's words that a corruption concerns."""
    if change.kind == "swapped":
        return change.place, change.place + 1
    return (change.place,)
