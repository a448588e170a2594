"""What a model's head is for: its class, and what its graph answers beside the hidden states.

The names are those by which transformers.js and Optimum look for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from export.graphs.names import Axes


@dataclass(frozen=True, kw_only=True)
class Task:
    """A kind of head on an encoder."""

    name: str
    """As `bundle.json` has it."""
    ending: str
    """How the names of its classes in `transformers` end."""
    auto: str
    """The class of `transformers` that opens it, whatever its family."""
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Output -> its axes; `labels` and `vocabulary` are fixed by the model."""
    exported: bool = False
    """Whether a bundle and the page know it."""

    def outputs(self, *, labels: int, vocabulary: int) -> dict[str, Axes]:
        """The answers, with the axes that a model fixes as numbers."""
        fixed = {"labels": labels, "vocabulary": vocabulary}
        return {
            name: tuple(fixed.get(axis, axis) for axis in axes)
            for name, axes in self.answers.items()
        }


_OF_TOKENS = ("batch", "sequence")

TASKS = {
    task.name: task
    for task in (
        Task(
            name="classify",
            ending="ForSequenceClassification",
            auto="AutoModelForSequenceClassification",
            answers={"logits": ("batch", "labels")},
            exported=True,
        ),
        Task(
            name="tag",
            ending="ForTokenClassification",
            auto="AutoModelForTokenClassification",
            answers={"logits": (*_OF_TOKENS, "labels")},
        ),
        Task(
            name="answer",
            ending="ForQuestionAnswering",
            auto="AutoModelForQuestionAnswering",
            answers={"start_logits": _OF_TOKENS, "end_logits": _OF_TOKENS},
        ),
        Task(
            name="fill",
            ending="ForMaskedLM",
            auto="AutoModelForMaskedLM",
            answers={"logits": (*_OF_TOKENS, "vocabulary")},
        ),
        Task(name="embed", ending="Model", auto="AutoModel"),
    )
}
"""By their names in `bundle.json`."""


def task_of_class(name: str) -> Task | None:
    """What a class of `transformers` is for, if that is one of these tasks."""
    endings = [task for task in TASKS.values() if name.endswith(task.ending)]
    return max(endings, key=lambda task: len(task.ending), default=None)
