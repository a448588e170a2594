"""What a checkpoint leaves unsaid and the exporter had to assume, in a sentence each.

What is assumed wrongly gives no error, only other answers: so it is printed, and stands in
`bundle.json`.
"""

from collections.abc import Mapping
from typing import Any

from training.checkpoints.hf_classes import class_of
from training.checkpoints.hf_config import unread
from training.checkpoints.hf_names import FAMILIES
from training.model.config import ClassifierConfig

_MEANINGS = {
    "single_label_classification": "one label of them holds (softmax)",
    "multi_label_classification": "each label holds or not (sigmoid)",
    "regression": "its output is a number as it is",
}
_OF_SEVERAL = {"single_label_classification"}
_MOST = 8


def assumed_of_classifier(written: Mapping[str, Any], read: ClassifierConfig) -> list[str]:
    """What `config.json` does not say of a classifier, beside what it was taken for."""
    found = []
    named = FAMILIES[read.encoder.model_type].architecture
    if class_of(written) is None:
        found.append(
            f"config.json names no class: taken for a {named}, since the weights have what "
            "it has on its encoder"
        )
    if not written.get("id2label") and not set(read.labels) <= set(written.get("label2id") or ()):
        found.append(f"config.json names no labels: they are {_list(read.labels)}")
    if not written.get("problem_type"):
        count = len(read.labels)
        others = {*_MEANINGS} - {read.problem_type, *(_OF_SEVERAL if count == 1 else ())}
        found.append(
            f"config.json has no problem_type: with {count} label{'s' if count > 1 else ''} "
            f"{_MEANINGS[read.problem_type]}; if not, write {' or '.join(sorted(others))} there"
        )
    if names := unread(written):
        found.append(
            f"config.json has settings that a {named} does not read: "
            f"{_list([repr(name) for name in names])}"
        )
    return found


def assumed_tokenizer(words: int) -> str:
    """That a decoder writes with the encoder's tokenizer, since both have as many words."""
    return (
        "the decoder has no tokenizer of its own in the folder: taken for the encoder's, since "
        f"both have {words} words; if it writes noise, give its own with --decoder-tokenizer"
    )


def assumed_ends(generation: Mapping[str, Any]) -> list[str]:
    """That a text ends at one token where several are named."""
    ends = generation.get("eos_token_id")
    if not isinstance(ends, list) or len(ends) < 2:
        return []
    return [
        f"several tokens may end a text: here the first does, {ends[0]}, and not "
        f"{_list([str(end) for end in ends[1:]])}"
    ]


def _list(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(name[:60] for name in names[:_MOST]) + more
