"""Measures a bundle as the page runs it: how faithful rankings of words are, what it costs, and how
long readers wait for each other.

python demo/benchmark.py                                    # all of it, minutes
python demo/benchmark.py --only times                       # or another of the parts
python demo/benchmark.py --bundle bundles/mine --texts held_out.jsonl

The texts are JSON lines with a "text" and, for pairs, a "text_pair": texts that the model was not
trained on. Without --texts they come from the test part of the reviews that the default bundle was
trained on; that needs the environment of the whole project.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from os import SEEK_END
from pathlib import Path
from typing import IO

import app
from bundle_format.folder import BundleError
from explorer.analyses.faithfulness import for_want_of_maps
from explorer.bundle import PRECISIONS, Bundle, open_bundle
from explorer.environment import safe_streams
from explorer.inference.encoder import EncoderModel
from explorer.inference.tokens import group_words
from explorer.measuring import served
from explorer.measuring.analyses import (
    Text,
    all_analyses,
    measure_texts,
    say_where_order_matters,
    seconds_of,
    show_summaries,
    show_times,
    summarise,
    text_of_length,
)
from explorer.measuring.clicks import ROWS, opened, waits_of
from explorer.measuring.in_a_browser import fetched, first_answers, reading_times, tokens_a_second
from explorer.measuring.load import (
    EACH,
    MIXED_READERS,
    READERS,
    afterwards,
    beside_analyses,
    crowd,
    mixed,
    short_requests,
)
from explorer.writing.generator import TextGenerator
from hosting.build import build_space, find_kind
from hosting.folder import SpaceError
from hosting.static_check import open_browser, serve_files

LENGTHS = (32, 128, 512)
CLICK_LENGTHS = (15, 64, 128, 512)
STARTS = 3


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--bundle", type=Path, default=app.DEFAULT_BUNDLE, help="default: %(default)s")
    add("--precision", choices=PRECISIONS, help="which graph (default: 8bit where there is one)")
    add("--texts", type=Path, help="JSON lines (default: held-out reviews)")
    add("--count", type=int, default=200, help="how many of the texts (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the choice and of random orders (default: 0)")
    add("--seconds", type=float, default=60.0, help="of mixed traffic (default: %(default)s)")
    add("--only", choices=tuple(MEASURE), help="one of the parts (default: all but the last three)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; 2 if the bundle or the texts cannot be had, with a sentence."""
    safe_streams()
    options = build_parser().parse_args(arguments)
    try:
        bundle = open_bundle(options.bundle, options.precision)
        texts = read_texts(options.texts, options.count, options.seed)
        for part in [options.only] if options.only else [*MEASURE][:4]:
            MEASURE[part](bundle, texts, options)
    except (BundleError, SpaceError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def read_texts(file: Path | None, count: int, seed: int) -> list[Text]:
    """The texts to measure with.

    Raises:
        ValueError: there is no text, or a line is none; or the reviews cannot be had.
        OSError: the file cannot be read.
    """
    if count < 1:
        raise ValueError(f"--count is {count}; expected 1 or more.")
    if file is not None:
        lines, source = _lines(file), str(file)
    else:
        command = ["-m", "training.held_out_texts", "--count", str(count), "--seed", str(seed)]
        print(f"Texts: python {' '.join(command)}", flush=True)
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
        if done.returncode:
            raise ValueError(
                f"{done.stderr.strip()}\nThere are no held-out reviews in this environment. "
                "Install requirements.txt of the whole project, or give --texts FILE."
            )
        lines, source = done.stdout.split("\n"), "training.held_out_texts"
    texts = [
        _text(line, f"{source}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not texts:
        raise ValueError(f"{source} holds no text; expected JSON lines with a text each.")
    return texts[:count]


def _lines(file: Path) -> list[str]:
    """Cut at line feeds alone: `splitlines` cuts at U+2028 too, which stands in JSON's texts."""
    try:
        return file.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 ({error.reason}); save it as UTF-8.") from error


def _text(line: str, where: str) -> Text:
    try:
        row = json.loads(line)
        text, text_pair = row["text"], row.get("text_pair") or ""
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{where} is not an object with a "text": {line[:60]!r}') from error
    if not isinstance(text, str) or not isinstance(text_pair, str):
        raise ValueError(f"{where}: text and text_pair must be strings: {line[:60]!r}")
    return text, text_pair


def faithfulness(bundle: Bundle, texts: Sequence[Text], options: argparse.Namespace) -> None:
    """Prints how each method's ranking fares against random orders."""
    if not bundle.classifies:
        raise ValueError(f"{bundle.title} does not classify, so it ranks no words.")
    found = []
    for one in measure_texts(EncoderModel(bundle), texts, options.seed):
        found.append(one)
        if sys.stderr.isatty():
            print(f"\r{len(found)} of {len(texts)} texts", end="\r", file=sys.stderr)
    if not found:
        raise ValueError("No text has two words or more, so there is nothing to rank.")
    print(f"\n{len(found)} texts, {bundle.title}, {bundle.graph.precision}, seed {options.seed}:\n")
    number = bundle.problem_type == "regression"
    print(show_summaries(summarise(found), number=number))
    print(f"\n{say_where_order_matters(found, number=number)}", flush=True)
    if missing := for_want_of_maps(bundle):
        print(missing, flush=True)


def times(bundle: Bundle, texts: Sequence[Text], options: argparse.Namespace) -> None:
    """Prints how long each analysis takes on texts of several lengths."""
    model = EncoderModel(bundle)
    generator = TextGenerator(model) if bundle.writes else None
    lengths = [length for length in LENGTHS if length <= bundle.most_tokens] or [bundle.most_tokens]
    columns = {}
    for tokens in [lengths[0], *lengths]:  # the first of all takes longer, and is not shown
        text = text_of_length(model, texts, tokens)
        columns[tokens] = seconds_of(all_analyses(model, generator, text))
    print(f"\n{bundle.title}, {bundle.graph.precision}:\n")
    print(show_times(columns), flush=True)


def memory(bundle: Bundle, texts: Sequence[Text], options: argparse.Namespace) -> None:
    """Prints what the page's process holds: idle after its first answers, and at its peak."""
    if not served.can_measure():
        print("\nMemory: only Linux tells it.")
        return
    model = EncoderModel(bundle)
    short, long = (text_of_length(model, texts, tokens) for tokens in (32, bundle.most_tokens))
    with _page(options) as page:
        names = page.endpoints()
        first = "/classify" if "/classify" in names else "/attention"
        for _ in range(3):
            page.ask(first, *short)
        idle = served.resident(page.process)
        for name in names:
            page.ask(name, *long)
        print(
            f"\nMemory of the page, {bundle.title}, {bundle.graph.precision}: {idle:.0f} MB after "
            f"its first answers, {served.peak(page.process):.0f} MB at the peak of "
            f"{len(names)} endpoints on {bundle.most_tokens} tokens."
        )


def load(bundle: Bundle, texts: Sequence[Text], options: argparse.Namespace) -> None:
    """Prints how long readers wait beside analyses, in a crowd, and in mixed traffic."""
    long, wrong = text_of_length(EncoderModel(bundle), texts, bundle.most_tokens), 0
    with tempfile.TemporaryFile() as log, _page(options, log) as page:
        requests = short_requests(page, texts)
        traffic = partial(mixed, page, requests, long, seed=options.seed)
        beside = f"{requests[0].endpoint} beside three analyses at {bundle.most_tokens} tokens"
        print(f"\n{bundle.title}, {bundle.graph.precision}, answers as each is alone:\n")
        parts = {
            beside: partial(beside_analyses, page, requests[0], long),
            f"{READERS} readers, {EACH} requests each": partial(crowd, page, requests),
            "mixed traffic, at first": partial(traffic, options.seconds / 4),
            f"{MIXED_READERS} readers for {options.seconds:g} s": partial(traffic, options.seconds),
            "each request afterwards, alone": partial(afterwards, page, requests),
        }
        for name, part in parts.items():
            waits = part()
            wrong += waits.wrong
            print(f"{name}: {waits.describe()}", end="")
            print(_memory_then(page.process), flush=True)
        if log.seek(0, SEEK_END):
            raise ValueError("The page logged a failure.")
    if wrong:
        raise ValueError("Some answers were not those that the page gives alone.")


def _memory_then(process: int) -> str:
    """What the page holds, and the most that it held so far; nothing where that is not told."""
    if not served.can_measure():
        return ""
    return f"; {served.resident(process):.0f} MB then, {served.peak(process):.0f} MB at the peak"


def start(bundle: Bundle, texts: Sequence[Text], options: argparse.Namespace) -> None:
    """Prints how long the page takes to wake, and what its process holds then."""
    print(f"\n{bundle.title}, {bundle.graph.precision}, from the start of the process:\n")
    for _ in range(STARTS):
        begun = time.monotonic()
        with _page(options) as page:
            page.ask("/classify" if bundle.classifies else "/health", *texts[0])
            print(f"first answer after {time.monotonic() - begun:.1f} s", end="")
            if served.can_measure():
                used, held = (
                    of(page.process) for of in (served.processor_seconds, served.resident)
                )
                print(f", {used:.1f} s of processor time; {held:.0f} MB at rest", end="")
            print(flush=True)
    with open_browser() as browser:
        tab, begun = browser.new_page(), time.monotonic()
        with _page(options) as page:
            served_after = time.monotonic() - begun
            tab.goto(page.address)
            tab.locator("#map_view .type").first.wait_for(timeout=120_000)
            shown_after = time.monotonic() - begun
            print(f"served after {served_after:.1f} s, its first map shown after {shown_after:.1f}")


def clicks(bundle: Bundle, texts: Sequence[Text], options: argparse.Namespace) -> None:
    """Prints how long a reader waits for pictures, in a browser."""
    model, columns = EncoderModel(bundle), {}
    with _page(options) as page, opened(page.address) as browser:
        for tokens in [length for length in CLICK_LENGTHS if length <= bundle.most_tokens]:
            text, _ = text_of_length(model, texts, tokens)
            shown = len(group_words(model.read(text).tokens))
            columns[tokens] = waits_of(browser, text, shown).cells()
    print(f"\n{bundle.title}, milliseconds, the middle one of many and the least:\n")
    print(f"| tokens | {' | '.join(map(str, columns))} |")
    print(f"|---|{'---:|' * len(columns)}")
    for place, name in enumerate(ROWS):
        cells = " | ".join(cells[place] for cells in columns.values())
        print(f"| {name} | {cells} |", flush=True)


def static(bundle: Bundle, texts: Sequence[Text], options: argparse.Namespace) -> None:
    """Prints how fast the page is that runs in its visitor's browser."""
    model = EncoderModel(bundle)
    with tempfile.TemporaryDirectory() as place:
        folder = build_space(options.bundle, Path(place) / "space", find_kind("static"))
        with serve_files(folder) as address, open_browser() as browser:
            cold, warm = first_answers(browser, address)
            print(f"\n{bundle.title}: first answer {cold:.1f} s cold, {warm:.1f} s warm")
            decoder = f", {fetched(folder, decoder=True):.1f} MB more to write"
            print(f"{fetched(folder):.1f} MB by gzip to classify{decoder if bundle.writes else ''}")
            page = browser.new_page()
            page.goto(address)
            page.locator("#map_view .type").first.wait_for(state="attached", timeout=120_000)
            for tokens in (15, 64):
                text, _ = text_of_length(model, texts, tokens)
                least, used = reading_times(page, text)
                print(f"{tokens} tokens: {least:.0f} ms at least, {used:.0f} ms of processor time")
            if bundle.writes:
                count, speed, used = tokens_a_second(page, text_of_length(model, texts, 40)[0])
                print(f"writing: {speed:.0f} tokens a second, over {count}", end="")
                print(f"; {used:.0f} ms of processor time each", flush=True)


def _page(
    options: argparse.Namespace, log: IO[bytes] | None = None
) -> AbstractContextManager[served.ServedPage]:
    """The page in a process of its own, with the same bundle."""
    flags = ["--bundle", str(options.bundle)]
    flags += ["--precision", options.precision] if options.precision else []
    return served.served_page(Path(app.__file__), flags, log)


MEASURE = {
    "faithfulness": faithfulness,
    "times": times,
    "memory": memory,
    "load": load,
    "start": start,
    "clicks": clicks,
    "static": static,
}

if __name__ == "__main__":
    sys.exit(main())
