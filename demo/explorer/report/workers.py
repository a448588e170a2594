"""Who reads a report's batches: processes of this machine, or Ray's workers, all by one function.

Every process reads on one thread: one on each core reads more texts a second than one process on
all of them, and a text's answer does not hang on how many there are.
"""

import json
import logging
import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

from bundle_format.folder import BundleError
from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.report.batches import Asked, Batch, BatchReader, ReportError, Result
from explorer.report.tables import INSTALL, Row

_reader: BatchReader | Exception
"""That of a process beside others, or why there is none."""


def read_here(
    batches: Iterable[Batch], bundle: Bundle, asked: Asked, out: Path, processes: int
) -> Iterator[list[Result]]:
    """The batches' results as they come, from so many processes of this machine.

    Raises:
        ReportError: a process ended.
    """
    if processes == 1:
        yield from map(BatchReader(bundle, asked, out), batches)
        return
    # Not by fork: onnxruntime's threads would not be there after it.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _open_here, (bundle, asked, out))
    waiting: set[Future[list[Result]]] = set()
    try:
        for batch in batches:
            waiting.add(pool.submit(_read_here, batch))
            if len(waiting) >= 4 * processes:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in done)
    except BrokenProcessPool as error:
        raise ReportError(
            "A process that reads texts ended, perhaps for want of memory. What was found is "
            "kept: give the same command again, with less --processes."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _open_here(bundle: Bundle, asked: Asked, out: Path) -> None:
    global _reader
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        _reader = BatchReader(bundle, asked, out)
    except (BundleError, RequestError) as error:  # raised here, it would only be printed
        _reader = error


def _read_here(batch: Batch) -> list[Result]:
    if isinstance(_reader, Exception):
        raise _reader
    return _reader(batch)


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for its next batch forever."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


class RayReader:
    """A `BatchReader` as Ray Data wants it: it takes and gives columns, here of JSON."""

    def __init__(self, bundle: Bundle, asked: Mapping[str, Any], out: Path) -> None:
        self._read = BatchReader(bundle, Asked(**asked), out)

    def __call__(self, columns: Mapping[str, Any]) -> dict[str, list[str]]:
        batches = [[Row(*row) for row in json.loads(text)] for text in columns["batch"]]
        return {"results": [json.dumps(self._read(batch)) for batch in batches]}


def read_by_ray(
    batches: Iterable[Batch], bundle: Bundle, asked: Asked, out: Path, workers: int
) -> Iterator[list[Result]]:
    """The same from so many of Ray's workers, which find the bundle and `out` under the same paths.

    Raises:
        ReportError: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ReportError(f"--ray needs Ray, which is not installed: {INSTALL}") from error
    demo = str(Path(__file__).parents[2])
    ray.init(
        ignore_reinit_error=True,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.WARNING,
        runtime_env={"env_vars": {"PYTHONPATH": demo}},
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    items = [{"batch": json.dumps(batch)} for batch in batches]
    if not items:
        return
    found = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        RayReader,
        fn_constructor_args=(bundle, asdict(asked), out),
        batch_size=1,
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(size=workers),
    )
    for row in found.iter_rows():
        yield json.loads(row["results"])
