"""One process of a benchmark: it times one thing and prints `{number: milliseconds}` as JSON.

    python -m export.benchmarks.worker MODULE:FUNCTION FILE NUMBER... [OPTION=VALUE...]

Two sessions in one process disturb each other, so each measurement has a process of its own.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

Timed = Callable[..., Mapping[int, float]]
"""Takes a graph's file or a checkpoint's folder, and the numbers that its milliseconds are asked
for: tokens of a text, of many texts, of a text that is written. Its options are words."""


def worker_command(timed: Timed, file: Path, numbers: Sequence[int], **options: str) -> list[str]:
    """The command that calls `timed` in a process of its own."""
    name = f"{timed.__module__}:{timed.__name__}"
    words = [str(file), *map(str, numbers), *(f"{key}={value}" for key, value in options.items())]
    return [sys.executable, "-m", "export.benchmarks.worker", name, *words]


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the times as the last line."""
    name, file, *words = sys.argv[1:] if argv is None else argv
    module, function = name.split(":")
    numbers = [int(word) for word in words if "=" not in word]
    options = dict(word.split("=") for word in words if "=" in word)
    times = getattr(import_module(module), function)(Path(file), numbers, **options)
    print(json.dumps(times))
    return 0


if __name__ == "__main__":
    sys.exit(main())
