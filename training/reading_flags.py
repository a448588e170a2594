"""The flags by which a person says how their texts are to be read; several commands share them."""

import argparse
from collections.abc import Callable, Sequence

from training.columns import PAIR, Role
from training.rows import Reading


def add_reading_flags(add: Callable[..., object], roles: Sequence[Role]) -> None:
    """A flag for the column of each role, and one for duplicates where rows have labels."""
    for role in roles:
        called = "text_pair" if role is PAIR else role.name
        add(
            role.flag,
            metavar="NAME",
            help=f"the column that is the {called}, where it is called otherwise",
        )


def add_keep_duplicates(add: Callable[..., object]) -> None:
    """The flag that leaves all rows in."""
    add(
        "--keep-duplicates",
        action="store_true",
        help="leave in what is there twice, or with two labels (default: see README.md)",
    )


def reading_of(arguments: argparse.Namespace, roles: Sequence[Role]) -> Reading:
    """What the flags ask for."""
    columns = {role.name: getattr(arguments, f"{role.name}_column") for role in roles}
    return Reading(
        columns={name: column for name, column in columns.items() if column is not None},
        keep_duplicates=getattr(arguments, "keep_duplicates", False),
    )
