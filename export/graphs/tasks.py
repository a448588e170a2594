"""What a model's head is for: its class, and what its graph answers beside the hidden states.

The names are those by which transformers.js and Optimum look for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from export.graphs.names import Axes, GraphNames, reading_names
from export.graphs.spec import EncoderSizes


@dataclass(frozen=True, kw_only=True)
class Task:
    """A kind of head on an encoder."""

    name: str
    """As `bundle.json` has it."""
    endings: tuple[str, ...]
    """How the names of its classes in `transformers` end."""
    auto: str
    """The class of `transformers` that opens it, whatever its family."""
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Output -> its axes; `labels` and `vocabulary` are fixed by the model."""

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
            endings=("ForSequenceClassification",),
            auto="AutoModelForSequenceClassification",
            answers={"logits": ("batch", "labels")},
        ),
        Task(
            name="tag",
            endings=("ForTokenClassification",),
            auto="AutoModelForTokenClassification",
            answers={"logits": (*_OF_TOKENS, "labels")},
        ),
        Task(
            name="answer",
            endings=("ForQuestionAnswering", "ForQuestionAnsweringSimple"),
            auto="AutoModelForQuestionAnswering",
            answers={"start_logits": _OF_TOKENS, "end_logits": _OF_TOKENS},
        ),
        Task(
            name="fill",
            endings=("ForMaskedLM", "WithLMHeadModel"),
            auto="AutoModelForMaskedLM",
            answers={"logits": (*_OF_TOKENS, "vocabulary")},
        ),
        Task(name="embed", endings=("Model",), auto="AutoModel"),
    )
}
"""By their names in `bundle.json`."""


GENERATE = Task(
    name="generate",
    endings=(
        *("ForCausalLM", "LMHeadModel"),
        *("ForConditionalGeneration", "EncoderDecoderModel", "MTModel"),
    ),
    auto="AutoModelForCausalLM",
)
"""What writes, by a decoder alone or behind an encoder, which `AutoModelForSeq2SeqLM` opens. Its
graphs are no encoder's, and their names stand in `names.py`."""


_NONE = ("DoubleHeadsModel",)
"""Endings of classes that have a head, though they end like a plain encoder."""


def task_of_class(name: str) -> Task | None:
    """What a class of `transformers` is for, if that is one of these tasks."""
    found: dict[str, Task | None] = dict.fromkeys(_NONE)
    found |= {ending: task for task in (*TASKS.values(), GENERATE) for ending in task.endings}
    fitting = [ending for ending in found if name.endswith(ending)]
    return found[max(fitting, key=len)] if fitting else None


def names_of_task(
    task: str, sizes: EncoderSizes, labels: int, map_layers: Sequence[int] | None = None
) -> GraphNames:
    """The names of the graph that reads for a task.

    Args:
        task: one of `TASKS`, or `encode`: an encoder that feeds a decoder.
        labels: how many there are, where it has some.
        map_layers: as in `reading_names`.
    """
    known = TASKS.get(task)
    answers = known.outputs(labels=labels, vocabulary=sizes.vocab_size) if known else {}
    return reading_names(sizes, answers, map_layers)
