"""One process of a benchmark: it times one thing and prints `{number: milliseconds}` as JSON.

    python -m export.benchmark_worker KIND FILE NUMBER...

Two sessions in one process disturb each other, so each measurement has a process of its own.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

Timed = Callable[[Path, Sequence[int]], Mapping[int, float]]
"""Takes a graph's file or a checkpoint's folder, and what its times are asked for: tokens of a
text, of many texts, of a text that is written."""


def worker_command(kind: str, timed: Path, numbers: Sequence[int]) -> list[str]:
    """The command that times `timed` in the way `kind`, one of `_kinds`."""
    return [sys.executable, "-m", "export.benchmark_worker", kind, str(timed), *map(str, numbers)]


def _kinds() -> dict[str, Timed]:
    # Imported here: whoever only makes a command needs none of them, and they make commands.
    from export.arithmetic_floor import time_products
    from export.benchmark_batches import time_batches
    from export.benchmark_decoder import time_generate, time_writing
    from export.benchmark_openvino import time_openvino
    from export.benchmark_transformers import time_torch

    return {
        "batches": time_batches,
        "products": time_products,
        "torch": time_torch,
        "openvino-f32": partial(time_openvino, precision="f32"),
        "openvino-bf16": partial(time_openvino, precision="bf16"),
        "writing": time_writing,
        "generate": partial(time_generate, maps=False),
        "generate-with-maps": partial(time_generate, maps=True),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the times as the last line."""
    kind, timed, *numbers = sys.argv[1:] if argv is None else argv
    times = _kinds()[kind](Path(timed), [int(number) for number in numbers])
    print(json.dumps(dict(times)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
