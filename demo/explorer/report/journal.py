"""What was found of each row, kept as it comes: a file to which lines are only ever added.

The first line says of what the report is; each other one is a row's result in JSON, with the row's
number and fingerprint. Whatever ends the program, at most the last line is half written: it is
dropped when the file is opened again, and the report goes on with the rows that are not there.
"""

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from explorer.report.tables import Row

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FILE = "journal.jsonl"
FORMAT = 1


class JournalError(ValueError):
    """A journal that cannot be gone on with, as a sentence."""


class Journal:
    """The results of a report in its folder, which is made if it is not there.

    Raises:
        JournalError: the folder holds something else, a report of something else, one that is
            being written, or a damaged one.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], rows: int) -> None:
        """
        Args:
            about: what the report is of; a report is gone on with only if that is the same.
            rows: how many rows there are at most.
        """
        self.file = folder / FILE
        if folder.is_dir() and any(folder.iterdir()) and not self.file.is_file():
            raise JournalError(f"{folder} is not empty and holds no report; give another --out")
        folder.mkdir(parents=True, exist_ok=True)
        self._offsets = array("Q", bytes(8 * (rows + 1)))
        self._prints = array("Q", bytes(8 * (rows + 1)))
        self.done = 0
        """How many rows are in it."""
        self._open = os.fdopen(
            os.open(self.file, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b"
        )
        try:
            self._lock()
            self._begin(folder, {"format": FORMAT, **about})
        except BaseException:
            self.close()
            raise

    def has(self, row: Row) -> bool:
        """Whether it holds this row. Raises JournalError: its content was another then."""
        if not self._offsets[row.number]:
            return False
        if self._prints[row.number] != int(row.fingerprint, 16):
            raise JournalError(
                f"{self.file} has row {row.number} with another content than the table; give "
                "another --out"
            )
        return True

    def add(self, results: Iterable[Mapping[str, Any]]) -> int:
        """Writes the results of rows that are not there yet, at once; how many that were."""
        new = [one for one in results if not self._offsets[one["row"]]]
        lines = [_line(one) for one in new]
        for one, line in zip(new, lines, strict=True):
            self._note(one, self._end)
            self._end += len(line)
        self._open.seek(0, os.SEEK_END)
        self._open.write(b"".join(lines))
        self._open.flush()
        return len(new)

    def results(self) -> Iterator[dict[str, Any]]:
        """What is in it, in the order of the rows."""
        for offset in self._offsets:
            if offset:
                self._open.seek(offset)
                yield json.loads(self._open.readline())

    def close(self) -> None:
        """Lets another program go on with it."""
        self._open.close()

    def _lock(self) -> None:
        if fcntl is not None:
            try:
                fcntl.flock(self._open, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise JournalError(
                    f"{self.file} is being written by another program; wait for it, or give "
                    "another --out"
                ) from error

    def _begin(self, folder: Path, about: dict[str, Any]) -> None:
        """Reads what is there, and drops the half of a line; writes the first line if none is."""
        first = self._open.readline()
        if not first.endswith(b"\n"):  # new, or killed in the first moment
            self._open.seek(0)
            self._open.truncate()
            self._open.write(_line(about))
            self._open.flush()
            self._end = self._open.tell()
            return
        then = _parsed(self.file, 1, first)
        for name in {**about, **then}:
            if then.get(name) != about.get(name):
                raise JournalError(
                    f"{folder} holds a report with {_NAMES.get(name, f'another {name}')} "
                    f"({_changed(then.get(name), about.get(name))}); give another --out, or remove "
                    "that folder"
                )
        self._end = len(first)
        for number, line in enumerate(self._open, 2):
            if not line.endswith(b"\n"):
                self._open.truncate(self._end)
                break
            self._note(_parsed(self.file, number, line), self._end, number)
            self._end += len(line)

    def _note(self, result: Mapping[str, Any], offset: int, line: int = 0) -> None:
        try:
            row, fingerprint = range(len(self._offsets))[result["row"]], int(result["hash"], 16)
            if not self._offsets[row]:
                self._offsets[row], self._prints[row] = offset, fingerprint
                self.done += 1
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise JournalError(_damaged(self.file, line)) from error


def _line(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f"{text}\n".encode()


def _parsed(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise JournalError(_damaged(file, number)) from error
    if not isinstance(found, dict):
        raise JournalError(_damaged(file, number))
    return found


def _damaged(file: Path, line: int) -> str:
    return f"{file} is damaged in line {line}; remove its folder, or give another --out"


_NAMES = {"settings": "other settings"}


def _changed(then: Any, now: Any) -> str:
    """What a report was of and is to be of now; of settings those alone that are not the same."""
    if not isinstance(then, dict) or not isinstance(now, dict):
        return f"{then}"[:120] + "; now " + f"{now}"[:120]
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    return ", ".join(f"{name}: {then.get(name)}, now {now.get(name)}" for name in names)[:240]
