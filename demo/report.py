"""Reads a table of texts with a bundle, and reports what the model says of each, and why.

    python demo/report.py texts.csv --out report/
    python demo/report.py texts.csv --out report/ --classes          # no words: much faster
    python demo/report.py texts.parquet --out report/ --heads --faithfulness --figures

The table is a CSV, JSON Lines or Parquet with a column of texts; a second text and a label each are
welcome. `index.html` in the folder sorts and filters what was found; `results.*` holds it as a
table. The same command goes on with a report that was stopped.
"""

import argparse
import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bundle_format.folder import FILE, BundleError, sha256
from explorer.analyses.faithfulness import for_want_of_maps
from explorer.analyses.perturbation import REMOVAL_MODES
from explorer.bundle import PRECISIONS, Bundle, open_bundle
from explorer.environment import safe_streams
from explorer.errors import RequestError
from explorer.report.batches import Asked, ReportError, plan_batches
from explorer.report.journal import Journal, JournalError
from explorer.report.page import ROWS_AT_ONCE, write_page
from explorer.report.summary import Summary
from explorer.report.tables import BadRow, Row, Table, TableError, counted_rows, parquet_library
from explorer.report.workers import read_by_ray, read_here
from explorer.report.written import FORMATS, write_results, write_skipped

DEFAULT_BUNDLE = Path(__file__).parent / "bundles" / "reviews"
_NAMED = 20
"""Bad rows that are told one by one."""


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("table", type=Path, help="the texts: .csv, .tsv, .jsonl, .json or .parquet")
    add("--out", type=Path, required=True, help="the report's folder: new, or one to go on with")
    add("--bundle", type=Path, default=DEFAULT_BUNDLE, help="default: %(default)s")
    add("--precision", choices=PRECISIONS, help="which graph (default: 8bit where there is one)")
    for name, what in (("text", "text"), ("pair", "second text"), ("label", "given label")):
        add(f"--{name}-column", metavar="NAME", help=f"the {what}, where it is called otherwise")
    _add_what_is_asked(parser)
    _add_how_it_runs(parser)
    return parser


def _add_what_is_asked(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is asked of each text").add_argument
    add("--classes", action="store_true", help="its class alone, without the effect of its words")
    add("--heads", action="store_true", help="also the effect of each head")
    add(
        "--faithfulness",
        action="store_true",
        help="also how each ranking of its words fares against 20 random orders",
    )
    add("--figures", action="store_true", help="also a map, as a picture of its own")
    add("--way", choices=REMOVAL_MODES, default="deleted", help="how words go (default: deleted)")
    add(
        "--most",
        type=int,
        metavar="N",
        help="changed texts that an analysis of one text may read; longer texts then get coarser "
        "plans (default: as many as there are words, or heads)",
    )
    add("--seed", type=int, default=0, help="of the random orders (default: 0)")


def _add_how_it_runs(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how it runs").add_argument
    add(
        "--format",
        choices=FORMATS,
        nargs="+",
        help="of the results (default: that of the table that is read)",
    )
    add(
        "--processes",
        type=int,
        default=_cores(),
        metavar="N",
        help="each on one core, with the model in its memory (default: %(default)s)",
    )
    add("--ray", action="store_true", help="by as many workers of Ray Data instead")


def _cores() -> int:
    """Those that this process may use."""
    known = getattr(os, "sched_getaffinity", None)
    return len(known(0)) if known else os.cpu_count() or 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the report; 2 if it cannot be written, with a sentence; 130 if it was stopped."""
    safe_streams()
    options = build_parser().parse_args(arguments)
    # What stops a container or a batch job stops a report as Ctrl-C does.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _report(options)
    except (BundleError, RequestError, TableError, JournalError, ReportError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        words = [sys.executable, __file__, *(sys.argv[1:] if arguments is None else arguments)]
        print(
            f"\nStopped. What was found so far is kept in {options.out}, and the same command goes "
            f"on with it:\n{shlex.join(words)}",
            file=sys.stderr,
        )
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)


def _report(options: argparse.Namespace) -> int:
    if options.processes < 1 or (options.most is not None and options.most < 1):
        raise ReportError("--processes and --most must be 1 or more.")
    asked = _asked(options)
    bundle = open_bundle(options.bundle, options.precision)
    if not bundle.classifies:
        raise ReportError(f"{bundle.title} does not classify, so there is nothing to report.")
    flags = {"text": "text", "text_pair": "pair", "label": "label"}
    named = {role: getattr(options, f"{flag}_column") for role, flag in flags.items()}
    table = Table(options.table, {role: name for role, name in named.items() if name is not None})
    formats = options.format or [table.format]
    if "parquet" in formats:
        parquet_library()  # its want is told now, not in the end
    total, bad = counted_rows(table.rows())
    if total == len(bad):
        told = "\n".join(f"{table.file}, {one.describe()}" for one in bad[:_NAMED])
        raise TableError(f"{table.file} has no row that can be read.\n{told}".strip())
    journal = Journal(options.out, _identity(table, bundle, asked), total)
    try:
        started, before = time.perf_counter(), journal.done
        bad += _read(options, table, bundle, asked, journal, total - len(bad))
        seconds, read = time.perf_counter() - started, journal.done - before
        _write(options, formats, journal, table, bundle, asked, sorted(bad))
    finally:
        journal.close()
    for one in sorted(bad)[:_NAMED]:
        print(f"{table.file}, {one.describe()}", file=sys.stderr)
    if len(bad) > _NAMED:
        print(f"... and {len(bad) - _NAMED} more", file=sys.stderr)
    pace = f"{read} read in {seconds:.1f} s, {read / seconds:.1f} a second" if read else "none new"
    print(f"{options.out / 'index.html'}: {journal.done} texts ({pace}), {len(bad)} left out")
    return 0


def _asked(options: argparse.Namespace) -> Asked:
    if options.classes and (options.heads or options.faithfulness or options.figures):
        raise ReportError("--classes asks for classes alone; leave it out, or the other flags.")
    return Asked(
        words=not options.classes,
        heads=options.heads,
        faithfulness=options.faithfulness,
        figures=options.figures,
        way=options.way,
        most=options.most,
        seed=options.seed,
    )


def _identity(table: Table, bundle: Bundle, asked: Asked) -> dict[str, Any]:
    """What a report is of; how many processes read it, and where files lie, is no part of it."""
    return {
        "input": {"name": table.file.name, "sha256": sha256(table.file), **table.columns},
        "bundle": {
            "title": bundle.title,
            "sha256": sha256(bundle.folder / FILE),
            "precision": bundle.graph.precision,
        },
        "settings": dict(sorted(vars(asked).items())),
    }


def _read(
    options: argparse.Namespace,
    table: Table,
    bundle: Bundle,
    asked: Asked,
    journal: Journal,
    total: int,
) -> list[BadRow]:
    """Reads the rows that are not in the journal; what turns out bad on the way."""
    bad: list[BadRow] = []
    rows = (one for one in table.rows() if isinstance(one, Row))
    plan = plan_batches(rows, bundle, asked, bad.append)
    # A batch of which some rows are missing is read whole again: see `batches`.
    batches = (batch for batch in plan if not all(map(journal.has, batch)))
    first = next(batches, None)
    if first is None:  # then no process need start
        return bad
    reader = read_by_ray if options.ray else read_here
    with tqdm(total=total, initial=journal.done, unit=" texts", disable=None) as bar:
        rest = chain([first], batches)
        for results in reader(rest, bundle, asked, options.out, options.processes):
            bar.update(journal.add(results))
    return bad


def _write(
    options: argparse.Namespace,
    formats: Sequence[str],
    journal: Journal,
    table: Table,
    bundle: Bundle,
    asked: Asked,
    bad: Sequence[BadRow],
) -> None:
    summary = Summary(bundle)
    for one in journal.results():
        summary.add(one)
    for kind in dict.fromkeys(formats):
        write_results(options.out, kind, journal.results(), asked)
    write_skipped(options.out, bad)
    words = f"words {asked.way}" if asked.words else "classes alone"
    about = {
        "title": bundle.title,
        "input": table.file.name,
        "labels": bundle.labels,
        "problem_type": bundle.problem_type,
        "how": f"{bundle.graph.precision} weights, {words}. {bundle.licence}",
        "asked": vars(asked),
        "summary": summary.describe(),
        "for_want_of_maps": for_want_of_maps(bundle),
        "skipped": {"count": len(bad), "first": [one.describe() for one in bad[:1000]]},
        "group": ROWS_AT_ONCE,
    }
    write_page(options.out, about, journal.results())


if __name__ == "__main__":
    sys.exit(main())
