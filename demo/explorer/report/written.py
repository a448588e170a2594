"""Results written as CSV, JSON Lines or Parquet, row after row, in the order of the table.

A file is there whole or not at all: it is written under another name and then renamed.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

from explorer.report.batches import Asked, Result
from explorer.report.tables import BadRow, parquet_library

FORMATS = ("csv", "jsonl", "parquet")
SKIPPED = "skipped.jsonl"
_GROUP = 1000
"""Rows of a Parquet file that are written at once."""


def columns_of(asked: Asked) -> list[str]:
    """What results have, in their order."""
    first = ["row", "text", "text_pair", "label", "predicted", "confidence", "number", "error"]
    words = ["disagreement", "words"] if asked.words else []
    heads = ["heads"] if asked.heads else []
    trust = ["faithfulness"] if asked.faithfulness else []
    return [*first, "probabilities", "tokens", "tokens_left_out", *words, *heads, *trust]


def write_results(folder: Path, kind: str, results: Iterable[Result], asked: Asked) -> Path:
    """Writes `results.csv`, `.jsonl` or `.parquet`. Where a cell of a CSV holds more than one
    value, it is in JSON.

    Raises:
        TableError: Parquet is wanted and pyarrow is not installed.
    """
    file, columns = folder / f"results.{kind}", columns_of(asked)
    writers = {"csv": _write_csv, "jsonl": _write_jsonl, "parquet": _write_parquet}
    with replacing(file) as opened:
        writers[kind](
            opened, columns, ({name: one.get(name) for name in columns} for one in results)
        )
    return file


def write_skipped(folder: Path, bad: Iterable[BadRow]) -> None:
    """Writes the rows that were left out, and why, as JSON Lines."""
    with replacing(folder / SKIPPED) as opened:
        _write_jsonl(opened, [], (one._asdict() for one in bad))


@contextmanager
def replacing(file: Path) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `file` once all of it is there."""
    half = file.with_name(f"{file.name}.part")
    with half.open("wb") as opened:
        yield opened
    os.replace(half, file)


def _write_csv(opened: IO[bytes], columns: list[str], results: Iterable[Result]) -> None:
    text = io.TextIOWrapper(opened, "utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for one in results:
        writer.writerow([_cell(value) for value in one.values()])
    text.detach()  # writes the rest; the file stays open


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else value


def _write_jsonl(opened: IO[bytes], columns: list[str], results: Iterable[Result]) -> None:
    for one in results:
        opened.write(f"{json.dumps(one, ensure_ascii=False)}\n".encode())


def _write_parquet(opened: IO[bytes], columns: list[str], results: Iterable[Result]) -> None:
    parquet, rows = parquet_library(), iter(results)
    import pyarrow

    schema = _schema(pyarrow, columns)
    with parquet.ParquetWriter(opened, schema) as writer:
        while group := list(islice(rows, _GROUP)):
            for one in group:
                one["error"] = None if one["error"] is None else float(one["error"])
                one["probabilities"] = list((one["probabilities"] or {}).items())
            writer.write_table(pyarrow.Table.from_pylist(group, schema))


def _schema(pyarrow: Any, columns: list[str]) -> Any:
    """`error` is 0 or 1 for classes, so that one type serves regressions too."""
    text, number, whole = pyarrow.string(), pyarrow.float64(), pyarrow.int64()
    grid = pyarrow.list_(pyarrow.list_(number))
    struct = pyarrow.struct
    types = {
        **dict.fromkeys(("text", "text_pair", "label", "predicted"), text),
        **dict.fromkeys(("confidence", "number", "error"), number),
        **dict.fromkeys(("row", "tokens", "tokens_left_out", "disagreement"), whole),
        "probabilities": pyarrow.map_(text, number),
        "words": pyarrow.list_(
            struct(
                {
                    "text": text,
                    "segment": whole,
                    **dict.fromkeys(("effect", "log_odds", "attention"), number),
                    "disagreement": text,
                }
            )
        ),
        "heads": struct({"effect": grid, "log_odds": grid}),
        "faithfulness": pyarrow.list_(
            struct(
                {
                    "method": text,
                    "comprehensiveness": number,
                    "comprehensiveness_percentile": number,
                    "sufficiency": number,
                    "sufficiency_percentile": number,
                }
            )
        ),
    }
    return pyarrow.schema([(name, types[name]) for name in columns])
