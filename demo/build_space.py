"""Makes a Space from a bundle: the folder that Hugging Face, or any other host, serves as a page.

    python demo/build_space.py bundles/reviews --out space --sdk gradio

The folder holds what runs (the 8-bit graphs, where there are any), the pins, and a card filled from
the bundle. It is written whole or not at all, and replaces nothing but a folder of its own.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bundle_format.folder import BundleError
from explorer.environment import safe_streams
from hosting.build import build_space, check_space, find_kind, show_check, show_space
from hosting.card import check_hub_name
from hosting.folder import SpaceError, check_target
from hosting.kinds import KINDS, Kind
from hosting.static_check import Answered


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("bundle", type=Path, help="a folder made by export/to_onnx.py")
    add("--out", type=Path, required=True, metavar="FOLDER", help="the Space's folder")
    add("--sdk", choices=tuple(KINDS), default="gradio", help="default: %(default)s")
    add(
        "--model",
        action="append",
        default=[],
        metavar="USER/NAME",
        help="the model's name on the Hub, for the card (default: what the bundle says)",
    )
    add("--purpose", help="what the model is for, for the card (default: what its tasks say)")
    add("--no-examples", action="store_true", help="leave the bundle's example texts out")
    add(
        "--check",
        action="store_true",
        help="then try it as its host would: a new environment from its pins, its start, every "
        "endpoint; what was measured is kept beside it, in FOLDER.check.json",
    )
    add(
        "--push",
        metavar="USER/NAME",
        help="then put it on the Hub under this name, and wait until it runs",
    )
    add(
        "--dry-run",
        action="store_true",
        help="with --push: make the folder, and tell the calls, files and sizes of a push",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the Space; 2 if it cannot be made, with a sentence that says why; 130 or 143 if it was
    stopped."""
    safe_streams()
    given = build_parser().parse_args(arguments)
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        kind = find_kind(given.sdk)
        _check_given(given, kind)
        folder = build_space(
            *(given.bundle, given.out, kind),
            models=given.model,
            purpose=given.purpose,
            examples=not given.no_examples,
        )
        print(show_space(folder, given.sdk), flush=True)
        if given.check:
            print(show_check(check_space(folder, kind, _answered)), flush=True)
        if given.push:
            _push(folder, given.push, kind, dry=given.dry_run)
    except (BundleError, SpaceError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt as stopped:
        print("stopped", file=sys.stderr)
        return 128 + (stopped.args[0] if stopped.args else signal.SIGINT)
    finally:
        signal.signal(signal.SIGTERM, previous)
    return 0


def _stop(number: int, _: object) -> None:
    """A polite kill ends the program as Ctrl-C does, so that nothing half stays; a second one does
    not disturb what is put away."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _check_given(given: argparse.Namespace, kind: Kind) -> None:
    """What can be refused before anything is made. Raises BundleError, SpaceError."""
    for name in (*given.model, *([] if given.push is None else [given.push])):
        check_hub_name(name)
    if given.dry_run and given.push is None:
        raise SpaceError(
            "--dry-run tells what --push would do, and there is no --push; give --push user/name, "
            "or leave --dry-run out"
        )
    if given.push and not given.dry_run:
        from hosting.pushing import check_token

        check_token()
    check_target(given.out, [given.bundle])
    if given.check:
        kind.find_tools()
    _open(given.bundle)


def _open(folder: Path) -> None:
    """Opens a bundle as the page does when it starts. Raises BundleError: the page refuses it."""
    from explorer.bundle import open_bundle
    from explorer.inference.encoder import EncoderModel
    from explorer.writing.generator import TextGenerator
    from explorer.writing.prompt import PromptModel

    bundle = open_bundle(folder)
    model = PromptModel(bundle) if bundle.continues else EncoderModel(bundle)
    if bundle.writes:
        TextGenerator(model)


def _answered(bundle: Path, text: str, text_pair: str) -> Answered:
    """What the served page's runner says."""
    from explorer.bundle import open_bundle
    from explorer.inference.encoder import EncoderModel

    reading = EncoderModel(open_bundle(bundle)).read(text, text_pair)
    weights = reading.weights.ravel().tolist()
    return Answered(reading.encoded.ids, reading.logits.tolist(), weights)


def _push(folder: Path, name: str, kind: Kind, *, dry: bool) -> None:
    """Says who can host it before anything is made."""
    from hosting.pushing import push_space, show_plan

    print(f"{name} needs {kind.accounts}.", flush=True)
    if dry:
        print("\n".join(show_plan(folder, name, kind)))
    else:
        print(f"It runs: {push_space(folder, name, kind, log=partial(print, flush=True))}")


if __name__ == "__main__":
    sys.exit(main())
