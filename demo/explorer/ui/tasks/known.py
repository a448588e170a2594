"""All tasks of models that read, and the one way to ask something of a text."""

from collections.abc import Mapping, Sequence

from explorer.bundle import Bundle
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Reading
from explorer.ui.tasks.answer import ANSWER
from explorer.ui.tasks.classify import CLASSIFY
from explorer.ui.tasks.embed import EMBED
from explorer.ui.tasks.fill import FILL
from explorer.ui.tasks.tag import TAG
from explorer.ui.tasks.task import Answered, Task

TASKS: Mapping[str, Task] = {
    "classify": CLASSIFY, "tag": TAG, "answer": ANSWER, "fill": FILL, "embed": EMBED
}  # fmt: skip


_SEE = "and see what every attention head attends to."


def promise(bundles: Sequence[Bundle]) -> str:
    """What the page is for, given what its models can do."""
    tasks = [name for name in TASKS if any(bundle.task == name for bundle in bundles)]
    reads = TASKS[tasks[0]].promise if len(tasks) == 1 else "Write a text, get a model's answer"
    if not any(bundle.writes for bundle in bundles):
        return f"{reads}, {_SEE}"
    if not tasks:
        return f"Give a sentence, watch the model write, token by token, {_SEE}"
    return f"{reads} or watch it write, {_SEE}"


def task_of(bundle: Bundle) -> Task:
    """That of a model; a classifier's where it has none."""
    return TASKS[bundle.task or "classify"]


def makes_sense(bundle: Bundle, analysis: str) -> bool:
    """Whether an analysis is there for a model, by its name."""
    if analysis == "rollout" and not bundle.has_all_maps:
        return False
    if analysis == "smallest_flip" and bundle.problem_type == "regression":
        return False
    return analysis not in task_of(bundle).hidden


def ask(
    model: EncoderModel, reading: Reading, place: object = None, label: object = ""
) -> Answered:
    """Asks a question of a text. Raises RequestError: there is nothing to ask.

    Args:
        place: which word or mask is asked about, from 1; None for the one that comes first.
        label: one that the question is to have, if it can.
    """
    assert model.bundle.task, "see PageModels.check_task"
    named = label if isinstance(label, str) else ""
    question, found = task_of(model.bundle).ask(model, reading, place, named)
    return Answered(model.asked(question), model.asked_of(question, reading), found)
