"""One class of a text, or of a pair of texts; several that fit; a number."""

from typing import Any

from explorer.inference.encoder import EncoderModel
from explorer.inference.question import Question, which_class
from explorer.inference.reading import Reading
from explorer.ui import payloads
from explorer.ui.models import PageModels
from explorer.ui.payloads import about, rounded
from explorer.ui.tasks.task import Answered, Task, check_whole


def _ask(model: EncoderModel, reading: Reading, place: object, label: str) -> tuple[Question, None]:
    check_whole(place, model.bundle)
    return which_class(model.bundle), None


def _show(model: EncoderModel, reading: Reading, asked: Answered) -> dict[str, Any]:
    return payloads.answer(asked.reading, asked.model.bundle)


CLASSIFY = Task(
    title="Classify",
    promise="Write a sentence, get the model's answer",
    ask=_ask,
    show=_show,
)


def classify(
    models: PageModels,
    text: str,
    text_pair: str = "",
    bundle: str = "",
    without: list | None = None,
) -> dict:
    """The class of a text, or of a pair of texts.

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        bundle: the title of the model; the page's first one if empty.
        without: heads to ablate, as pairs of layer and head from 1, such as [[1, 2]].

    Returns:
        `label` (the likeliest; for a multi-label model a list of those above one half; null
        for a regression), `probabilities` by label (empty for a regression), `logits` by
        label, `tokens` in reading order, `tokens_left_out` (cut off because no more than
        `max_tokens` are read: what the model can, or what the page has memory and time for),
        `max_tokens`, `bundle` and `precision` (which graph answered).
    """
    asked = models.model(bundle or models.first("classify"))
    models.check_task(asked, "classify")
    model, reading = models.read(asked.bundle.title, text, text_pair, without)
    labels, kind = model.bundle.labels, model.bundle.problem_type
    shares = dict(zip(labels, rounded(reading.probabilities), strict=True))
    likely = [label for label, share in shares.items() if share > 0.5]
    label = likely if kind == "multi_label" else max(shares, key=lambda name: shares[name])
    return {
        "label": None if kind == "regression" else label,
        "probabilities": {} if kind == "regression" else shares,
        "logits": dict(zip(labels, rounded(reading.logits), strict=True)),
        **about(model, reading),
    }
