"""What a reader of texts hands over: rows in parts, before anything is cleaned or split.

Which of a table's columns is which, whoever named them, is asked of files and of the Hub alike.
The flags that name columns are here as well; several commands share them.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from training.cli import listed, one_line, quoted

Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How a person wants texts to be read; a record keeps it, to read them alike again."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Those that are not called as we call them: what for (`text`, `label`, ...) -> name."""
    keep_duplicates: bool = False
    """Nothing is removed before the split."""


def noted_reading(data: Mapping[str, Any]) -> Reading:
    """How the texts were read of which a record's `data` tells; older ones: as they come.

    Raises ValueError: it tells that in another way.
    """
    noted = data.get("reading", {})
    columns = noted.get("columns", {}) if isinstance(noted, dict) else None
    if not isinstance(columns, dict) or not all(isinstance(c, str) for c in columns.values()):
        raise ValueError(
            f"the training's record has {noted!r:.60} as its data.reading; expected how its texts "
            "were read. Train again"
        )
    return Reading(columns=columns, keep_duplicates=bool(noted.get("keep_duplicates", False)))


Answer = str | tuple[str, ...] | float
"""A label by its name, the names of all that hold, or a number."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text."""

    text: str
    label: Answer
    text_pair: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RawTexts(Generic[Made]):
    """All rows of one source of texts, before they are cleaned and split."""

    name: str
    title: str
    licence: str
    parts: dict[str, list[Made]]
    """`{"all": rows}`, or the source's own `train` and, where it has them, `validation`, `test`."""
    labels: tuple[str, ...] | None = None
    """The labels in the source's own order; None lets `corpus` put them in order."""
    examples: tuple[dict[str, str], ...] = field(default=())
    """Texts for the page to offer, `{"text": ..., "text_pair": ...}`."""
    notes: tuple[str, ...] = field(default=())
    """What a person should know of how they were read, in words."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a column is for, and what it is called where nobody says."""

    name: str
    """Ours; `--<name>-column` names another column."""
    others: tuple[str, ...] = ()
    """What tables elsewhere call it, taken if one of them alone is there."""
    required: bool = True
    named: bool = True
    """Whether a command has the flag; else the column must be called as we call it."""

    @property
    def flag(self) -> str:
        """The flag that names its column."""
        return f"--{self.name}-column"


TEXT = Role("text", ("sentence", "sentence1", "premise", "question", "content"))
LABEL = Role("label")
LABELS, SCORE = Role("labels", required=False), Role("score", required=False)
PAIR = Role("pair", ("text_pair",), required=False)
LABELLED = (TEXT, PAIR, LABEL, LABELS, SCORE)
_ANSWERS = (LABEL, LABELS, SCORE)  # one of them is wanted
PAIRED = (Role("source"), Role("target"))
# Second texts that are known by the name of the first one.
_PARTNERS = {"sentence1": "sentence2", "premise": "hypothesis"}


def column_flags(roles: Iterable[str]) -> str:
    """The flags that name the columns of these roles, in words."""
    return " and ".join(Role(role).flag for role in roles)


def choose_columns(
    names: Sequence[str],
    roles: Sequence[Role],
    given: Mapping[str, str],
    where: str,
    advice: str = "",
) -> dict[str, str]:
    """The column of each role that has one: role -> the column's name, as the table writes it.

    Case and white space around a name do not count.

    Args:
        names: the table's columns.
        given: the columns that a person named: role -> name.
        where: the table, for a message.
        advice: what else a person may do where none of the columns is there.

    Raises:
        ValueError: a column is missing, is there twice, or could be several.
    """
    found: dict[str, str] = {}
    missing: list[Role] = []
    for role in roles:
        column = _column(role, names, given.get(role.name), found, where)
        if column is not None:
            found[role.name] = column
        elif role.required or role.name in given:
            missing.append(role)
    if answers := [role for role in _ANSWERS if role.name in found]:
        kept = next((role for role in answers if role.name in given), answers[0])
        missing = [role for role in missing if role not in _ANSWERS or role.name in given]
        found = {name: column for name, column in found.items() if name not in _others(kept)}
    if missing:
        wanted = [given.get(role.name, role.name) for role in missing]
        flags = " and ".join(role.flag for role in missing if role.named)
        way = f"say which it is with {flags}" if flags else "call it that in the file"
        raise ValueError(
            f"{where}: no column {' and no column '.join(wanted)} (found: {_listed(names)}); "
            f"{way}{'' if found else advice}"
        )
    if twice := [name for name in found.values() if list(found.values()).count(name) > 1]:
        raise ValueError(
            f"{where}: the column {one_line(twice[0])} is named for two things; name two columns"
        )
    return found


def _others(kept: Role) -> set[str]:
    return {role.name for role in _ANSWERS if role is not kept}


def other_names(found: Mapping[str, str]) -> str:
    """In words, which columns were taken that are not called as we call them; or nothing."""
    return ", ".join(
        f"{role} from the column {quoted(name)}"
        for role, name in found.items()
        if _plain(name) not in (role, f"text_{role}")
    )


def _column(
    role: Role, names: Sequence[str], given: str | None, found: Mapping[str, str], where: str
) -> str | None:
    if given is not None:
        alike = _alike(names, given)
        exact = [name for name in alike if name == given]
        return _only(exact if len(exact) == 1 else alike, role, names, where)
    if ours := _alike(names, role.name):
        return _only(ours, role, names, where)
    others = role.others
    if role is PAIR:
        others = (*others, *filter(None, [_PARTNERS.get(_plain(found.get(TEXT.name, "")))]))
    return _only([name for other in others for name in _alike(names, other)], role, names, where)


def _only(alike: Sequence[str], role: Role, names: Sequence[str], where: str) -> str | None:
    if len(alike) <= 1:
        return alike[0] if alike else None
    if len({_plain(name) for name in alike}) == 1:
        raise ValueError(
            f"{where}: {len(alike)} columns called {one_line(_plain(alike[0]))} (found: "
            f"{_listed(names)}); leave but one, or rename the others"
        )
    raise ValueError(
        f"{where}: {len(alike)} columns that may be the {role.name}: {listed(alike)}; say "
        f"which it is with {role.flag}"
    )


def _alike(names: Sequence[str], wanted: str) -> list[str]:
    return [name for name in names if _plain(name) == _plain(wanted)]


def _plain(name: str) -> str:
    return name.strip().casefold()


def _listed(names: Sequence[str]) -> str:
    return listed([name or "(without a name)" for name in names]) or "nothing"


def add_reading_flags(add: Callable[..., object], roles: Sequence[Role]) -> None:
    """A flag for the column of each role, and where all rows have labels, one for duplicates."""
    said = {PAIR: "text_pair", LABELS: "labels, several at once", SCORE: "score, a number to give"}
    for role in roles:
        what = f"the column that is the {said.get(role, role.name)}, where it is called otherwise"
        add(role.flag, metavar="NAME", help=what)
    if roles == LABELLED:
        what = "leave in what is there twice, or with two labels (default: see README.md)"
        add("--keep-duplicates", action="store_true", help=what)


def reading_of(arguments: argparse.Namespace, roles: Sequence[Role]) -> Reading:
    """What the flags ask for."""
    columns = {role.name: getattr(arguments, f"{role.name}_column") for role in roles}
    return Reading(
        columns={name: column for name, column in columns.items() if column is not None},
        keep_duplicates=getattr(arguments, "keep_duplicates", False),
    )
