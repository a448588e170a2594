"""Reads texts through `datasets`: from the Hub by name, or from a folder in its format.

A dataset's own train, validation and test parts are kept, and so are the names of its labels.
`owner/name:configuration` chooses one of several configurations. CSV and JSON files are read as
files given by themselves are, wherever they lie. Those of a folder here we find ourselves:
`datasets` also takes settings below it for texts.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from datasets import (
    ClassLabel,
    Dataset,
    DatasetBuilder,
    DownloadManager,
    load_dataset,
    load_dataset_builder,
    load_from_disk,
)

from training.cli import listed
from training.file_names import SUFFIXES, public_name, real_name
from training.readers.rows import TEXT, Made, RawTexts, Role, choose_columns, other_names
from training.readers.strict_tables import Parsed
from training.readers.table_file import list_problems, make_rows, read_rows, title_of

# What datasets on the Hub call our parts; the first name that is there counts.
_PARTS = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}
_UNLABELLED = -1  # what a ClassLabel column holds where the labels are kept secret
_SAVED = ("dataset_dict.json", "state.json")
# Beside a dataset's texts, and none of them.
_ABOUT = ("dataset_info.json", "dataset_infos.json", "config.json", "package.json")
_SHOWN = 200  # characters of what `datasets` says


def read_parts(
    name: str,
    make: Callable[[Mapping[str, Any]], Made | str],
    *,
    roles: Sequence[Role],
    given: Mapping[str, str],
) -> RawTexts[Made]:
    """What `make` makes of every row of a dataset; it answers a bad row with a sentence.

    Arguments are as `read_rows` takes them of a file.

    Raises:
        FileNotFoundError: neither a folder here nor a dataset that the Hub gave.
        ValueError: it has no train part, lacks a column, or has bad rows.
    """
    found = _open(name)
    parts: dict[str, list[Made]] = {}
    notes: dict[str, None] = {}
    labels: tuple[str, ...] | None = None
    for part, theirs in _PARTS.items():
        key = next((key for key in theirs if key in found), None)
        if key is None:
            continue
        rows, told, named = _rows(found[key], f"{name}, part {key}", make, roles, given)
        notes |= dict.fromkeys(filter(None, told))
        labels = labels or named
        if rows:
            parts[part] = rows
    if "train" not in parts:
        raise ValueError(
            f"{name} has no part called train with rows to learn from (found: "
            f"{listed([str(part) for part in found])}); give a dataset with one, or a CSV or JSON "
            "Lines file"
        )
    return RawTexts(
        name=public_name(name),
        title=title_of(Path(_called(name))),
        licence=_licence(name, found),
        # A train part by itself is all that there is.
        parts={"all": parts["train"]} if list(parts) == ["train"] else parts,
        labels=labels,
        notes=tuple(notes),
    )


def stream_texts(name: str) -> tuple[Callable[[], Iterator[str]], str]:
    """What reads the texts of a dataset's train part anew at each call, and their licence.

    Rows come as they are asked for, over the network where it is on the Hub; none is kept.

    Raises:
        FileNotFoundError: neither a folder here nor a dataset that the Hub gave.
        ValueError: it has no train part, or no column of texts.
    """
    repository, _, configuration = (name, "", "") if Path(name).is_dir() else name.partition(":")
    _check_no_file(Path(name), (".txt", *SUFFIXES))
    try:
        if any((Path(name) / file).is_file() for file in _SAVED):
            saved = load_from_disk(name)
            parts = {"train": saved} if isinstance(saved, Dataset) else saved
            rows = parts["train"].to_iterable_dataset()
        else:
            rows = load_dataset(repository, configuration or None, split="train", streaming=True)
        columns = rows.column_names or list(next(iter(rows)))
    except Exception as error:  # as in `_open`
        said = " ".join(f"{type(error).__name__}: {error}".split())[:_SHOWN]
        raise FileNotFoundError(
            f"{name} is no file here, and no dataset with a part called train that can be read "
            f"({said}). Give a .txt, CSV or JSON file, a folder of such, or a dataset on the Hub"
        ) from error
    chosen = choose_columns(columns, (TEXT,), {}, name)[TEXT.name]

    def read() -> Iterator[str]:
        for row in rows.select_columns([chosen]):
            if isinstance(row[chosen], str) and row[chosen].strip():
                yield row[chosen].strip()

    said = getattr(rows.info, "license", "")
    return read, _licence_of(_called(name), said)


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of a part that we read ourselves."""

    paths: tuple[Path, ...]
    separated: bool | None
    """Whether they are CSV; None: by their names."""
    licence: str
    note: str = ""


def _check_no_file(path: Path, suffixes: Sequence[str]) -> None:
    if path.is_file():
        raise ValueError(f"{path} is a file of no known kind; expected {', '.join(suffixes)}")


def _open(name: str) -> Mapping[Any, Dataset | _Files]:
    """A dataset's parts; one without parts is all `train`. Raises as `read_parts`."""
    if not name.strip():
        raise ValueError("the texts have no name; give a file, a folder, or a dataset on the Hub")
    folder = Path(name)
    _check_no_file(folder, SUFFIXES)
    try:
        if folder.is_dir() and any((folder / file).is_file() for file in _SAVED):
            found = load_from_disk(name)
        elif folder.is_dir() and (tables := _tables(folder)):
            return tables
        else:
            repository, _, configuration = (
                (name, "", "") if folder.is_dir() else name.partition(":")
            )
            builder = load_dataset_builder(repository, configuration or None)
            if files := _files(builder):
                return files
            found = load_dataset(repository, configuration or None)
    except Exception as error:  # whatever it meets: its parts read Parquet, YAML, archives, the Hub
        said = " ".join(f"{type(error).__name__}: {error}".split())[:_SHOWN]
        if folder.is_dir():
            raise ValueError(
                f"{name} is a folder that `datasets` cannot read ({said}); expected one that it "
                "saved, or with train.csv, train.jsonl or the like"
            ) from error
        raise FileNotFoundError(
            f"{name} is no file or folder here, and the Hub did not give a dataset of that name "
            f"({said}). Give a CSV or JSON Lines file, a folder, or a dataset's name on the Hub "
            "with a network"
        ) from error
    return {"train": found} if isinstance(found, Dataset) else dict(found)


def _tables(folder: Path) -> dict[Any, _Files]:
    """The tables of a folder by their parts: a name says it, or the name of the folder they are in.

    Where none does, all that lie in the folder itself are one part; a `.json` beside others is
    taken for settings. A folder with more in it is left to `datasets`.
    """
    if any(folder.glob("*.md")) or any(folder.rglob("*.parquet")) or any(folder.rglob("*.arrow")):
        return {}
    found = [
        path
        for path in sorted((*folder.glob("*"), *folder.glob("*/*")))
        if path.is_file() and path.suffix.lower() in SUFFIXES and path.name not in _ABOUT
    ]
    named = {path: part for path in found if (part := _part_of(path, folder))}
    here = [path for path in found if path.parent == folder]
    texts = [path for path in here if path.suffix.lower() != ".json"] or here
    taken = named or dict.fromkeys(texts, "train")
    left = [path.relative_to(folder).as_posix() for path in found if path not in taken]
    note = f"read {listed([path.relative_to(folder).as_posix() for path in taken])}"
    note += f"; not {listed(left)}" if left else ""
    return {
        part: _Files(tuple(path for path in taken if taken[path] == part), None, "", note)
        for part in dict.fromkeys(taken.values())
    }


def _part_of(path: Path, folder: Path) -> str | None:
    """The part that a file's name has for a word, or its folder's name is."""
    words = re.split(r"[^a-z]+", path.stem.lower())
    words += [path.parent.name.lower()] if path.parent != folder else []
    return next((part for part, theirs in _PARTS.items() if {*theirs} & {*words}), None)


def _files(builder: DatasetBuilder) -> dict[Any, _Files]:
    """A part's files, where they are CSV or JSON as we read them; else nothing."""
    config, separated = builder.config, builder.name == "csv"
    own_form = getattr(config, "field", None) or getattr(config, "names", None)
    if builder.name not in ("csv", "json") or own_form or getattr(config, "column_names", None):
        return {}
    here = DownloadManager().download_and_extract(config.data_files)
    licence = builder.info.license or ""
    return {
        str(part): _Files(tuple(map(Path, paths)), separated, licence)
        for part, paths in here.items()
    }


def _rows(
    part: Dataset | _Files,
    where: str,
    make: Callable[[Mapping[str, Any]], Made | str],
    roles: Sequence[Role],
    given: Mapping[str, str],
) -> tuple[list[Made], list[str], tuple[str, ...] | None]:
    """A part's rows, what a person should know of them, and its labels where it lists them."""
    if isinstance(part, _Files):
        read = partial(read_rows, make=make, roles=roles, given=given, of=None)
        files = [read(path, separated=part.separated) for path in part.paths]
        rows = [row for made, _ in files for row in made]
        return rows, [part.note, *(note for _, notes in files for note in notes)], None
    chosen = choose_columns(part.column_names, roles, given, where)
    label = chosen.get("label") or chosen.get("labels")
    named = _names(part, label)
    names = tuple(map(str.strip, named)) if named else None
    numbered = _numbered(part.select_columns(list(chosen.values())), label)
    rows, problems = make_rows(numbered, chosen, make, lambda number: f"{where}, row {number}")
    if problems:
        raise ValueError(list_problems(where, problems, len(rows) + len(problems)))
    return rows, [other_names(chosen)], names


def _numbered(dataset: Dataset, label: str | None) -> Iterator[Parsed]:
    """Every row with its number, from 0; a label by its name, and none whose label is secret."""
    names = _names(dataset, label)
    for number, values in enumerate(dataset):
        found = values[label] if names else None
        if found == _UNLABELLED:
            continue
        if isinstance(found, list):
            values = {**values, label: [names[one] for one in found]}
        elif found is not None:
            values = {**values, label: names[found]}
        yield number, values


def _names(dataset: Dataset, label: str | None) -> list[str]:
    """Of the labels in a column that holds their numbers, one or a list of them."""
    feature = dataset.features[label] if label else None
    feature = getattr(feature, "feature", feature)
    return feature.names if isinstance(feature, ClassLabel) else []


def _called(name: str) -> str:
    """A dataset's own name, without where it lies, its owner and its configuration."""
    return real_name(name if Path(name).is_dir() else name.partition(":")[0])


def _licence(name: str, found: Mapping[Any, Dataset | _Files]) -> str:
    """What a dataset says of its licence."""
    said = (
        part.licence if isinstance(part, _Files) else part.info.license for part in found.values()
    )
    return _licence_of(_called(name), next(filter(None, said), ""))


def _licence_of(called: str, stated: str | None) -> str:
    of = f"licence: {stated}" if stated else "for their licence see where they come from"
    return f"Texts: {called}; {of}."
