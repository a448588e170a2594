"""Reads labelled texts through `datasets`: from the Hub by name, or from a folder in its format.

A dataset's own train, validation and test parts are kept, and so are the names of its labels.
`owner/name:configuration` chooses one of several configurations.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import ClassLabel, Dataset, DatasetDict, load_dataset, load_from_disk

from training.rows import RawTexts, Row
from training.table_file import make_row

# What datasets on the Hub call our columns and parts; the first name that is there counts.
_TEXT = ("text", "sentence", "sentence1", "premise", "question", "content")
_PAIR = ("text_pair", "sentence2", "hypothesis")
_LABEL = ("label", "labels")
PARTS_ON_THE_HUB = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}
_LISTED = 20
_UNLABELLED = -1  # what a ClassLabel column holds where the labels are kept secret


def read_dataset(name: str) -> RawTexts:
    """All labelled rows of a dataset.

    Raises:
        FileNotFoundError: neither a folder here nor a dataset that the Hub gave.
        ValueError: it has no train part, lacks a column, or has bad rows.
    """
    found = open_dataset(name)
    parts, problems = {}, []
    for part, names in PARTS_ON_THE_HUB.items():
        if key := next((key for key in names if key in found), None):
            rows, bad = _rows(found[key], key, name)
            problems += bad
            if rows:
                parts[part] = rows
    if problems:
        rest = len(problems) - _LISTED
        listed = "\n".join(problems[:_LISTED]) + (f"\n... and {rest} more" if rest > 0 else "")
        raise ValueError(f"{len(problems)} rows of {name} cannot be used:\n{listed}")
    if "train" not in parts:
        raise ValueError(
            f"{name} has no labelled part called train (found: {', '.join(found)}); give a "
            "dataset with one, or a CSV or JSON Lines file"
        )
    feature = _label_feature(found["train"] if "train" in found else next(iter(found.values())))
    stem = Path(name.partition(":")[0]).name
    return RawTexts(
        name=name,
        title=stem.replace("_", " ").replace("-", " ").capitalize(),
        licence=f"Texts: {stem}; {licence_of_dataset(found)}.",
        parts={"all": parts["train"]} if len(parts) == 1 else parts,
        labels=tuple(feature.names) if isinstance(feature, ClassLabel) else None,
    )


def open_dataset(name: str) -> DatasetDict:
    """A dataset with its parts, from the Hub or from a folder; one without parts is all `train`.

    Raises:
        FileNotFoundError: neither a folder here nor a dataset that the Hub gave.
    """
    folder = Path(name)
    if folder.is_dir():
        if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
            found = load_from_disk(name)
        else:
            found = load_dataset(name)
    else:
        repository, _, configuration = name.partition(":")
        try:
            found = load_dataset(repository, configuration or None)
        except (OSError, ValueError) as error:
            raise FileNotFoundError(
                f"{name} is no file or folder here, and the Hub did not give a dataset of that "
                f"name ({type(error).__name__}: {error}). Give a CSV or JSON Lines file, a "
                "folder, or a dataset's name on the Hub with a network"
            ) from error
    return DatasetDict({"train": found}) if isinstance(found, Dataset) else found


def _column(dataset: Dataset, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in dataset.column_names), None)


def _label_feature(dataset: Dataset) -> object:
    label = _column(dataset, _LABEL)
    return dataset.features[label] if label else None


def _rows(dataset: Dataset, part: str, name: str) -> tuple[list[Row], list[str]]:
    text, pair, label = (_column(dataset, names) for names in (_TEXT, _PAIR, _LABEL))
    if text is None or label is None:
        raise ValueError(
            f"the part {part} of {name} has the columns {', '.join(dataset.column_names)}; "
            "expected text and label (and text_pair where two texts are judged together)"
        )
    feature = _label_feature(dataset)
    names = feature.names if isinstance(feature, ClassLabel) else None
    rows, problems = [], []
    for number, values in enumerate(dataset):
        if values[label] == _UNLABELLED and names:
            continue
        row = make_row(_named(values, text, pair, label, names))
        if isinstance(row, Row):
            rows.append(row)
        else:
            problems.append(f"{name}, part {part}, row {number}: {row}")
    return rows, problems


def _named(
    values: Mapping[str, Any], text: str, pair: str | None, label: str, names: list[str] | None
) -> dict[str, Any]:
    named = values[label]
    if names and named is not None:
        named = names[named]
    return {"text": values[text], "label": named, "text_pair": values[pair] if pair else None}


def licence_of_dataset(found: DatasetDict) -> str:
    """What a dataset says of its licence."""
    stated = next((part.info.license for part in found.values() if part.info.license), "")
    return f"licence: {stated}" if stated else "for their licence see where they come from"
