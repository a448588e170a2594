"""The folder of a Space on disk: there whole or not at all, and never in place of another's.

Such a folder is known by the first lines of its card, and holds nothing but what was put there.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import Any

from bundle_format.folder import read_generation, read_manifest, wrong_files
from bundle_format.typed_json import load_object
from bundle_format.values import FILE

if sys.platform != "win32":
    import fcntl

CARD = "README.md"
OWN = "---\n# Written by build_space.py, which replaces this folder when it builds it again.\n"
"""How the card begins; a Space's settings are YAML, where this is a comment."""
BUNDLES = "bundles"
LIST = "files.json"
"""What was written of a Space, by paths in it."""
_SHOWN = 120
_PARTS = {
    *(CARD, LIST, BUNDLES, "app.py", "on_zerogpu.py", "bundle_format"),
    *("decoding", "explorer"),
    *("requirements.txt", "requirements.lock", "Dockerfile"),
    *("index.html", "style.css", "widgets.js", "page.json", "sw.js", "static", "library"),
}
"""What lies in the folder of a Space of one kind or another."""
LEFT_BY_RUNNING = {"__pycache__", ".gradio", ".DS_Store", "Thumbs.db"}


class SpaceError(ValueError):
    """A Space that cannot be made, or that is not what it should be, in a sentence."""


def check_target(target: Path, inputs: Iterable[Path] = ()) -> Path:
    """Whether a Space may be written here, asked before the work that it is for.

    Args:
        inputs: what the Space is made of.

    Returns: the folder's real path.

    Raises:
        SpaceError: something else lies there, or one of the inputs does.
    """
    try:
        target = target.resolve()
        _check_apart(target, inputs)
        if target.exists() and not target.is_dir():
            raise SpaceError(
                f"{target} is a file; give a folder for the Space, or a name that is not taken"
            )
        found = _not_ours(target)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go round
        raise SpaceError(
            f"{str(target)[:_SHOWN]} cannot be written ({getattr(error, 'strerror', error)}); give "
            "--out another folder"
        ) from error
    if found:
        raise SpaceError(
            f"{target} {found}, so it is not replaced; give another folder for the Space"
        )
    return target


def _check_apart(target: Path, inputs: Iterable[Path]) -> None:
    for one in (path.resolve() for path in inputs):
        if target == one or target in one.parents:
            raise SpaceError(
                f"{one}, of which the Space is made, lies in {target}, which would be replaced; "
                "give another folder for the Space"
            )
        if one in target.parents:
            raise SpaceError(
                f"{target} lies in {one}, of which the Space is made; give a folder outside it"
            )


def _not_ours(target: Path) -> str | None:
    """What a folder has that is not of a Space of ours; None for nothing, or no folder. Of a Space
    that lists no files, as older ones do not, only the names in the folder itself are known."""
    names = {path.name for path in target.iterdir()} if target.is_dir() else set()
    if not names - LEFT_BY_RUNNING:
        return None
    card = target / CARD
    if not card.is_file() or not card.read_bytes().startswith(OWN.encode()):
        return f"holds other things and no {CARD} by build_space.py"
    others = names - _PARTS - LEFT_BY_RUNNING
    if written := _listed(target):
        others |= {
            name
            for name in sizes(target)
            if name not in written and not LEFT_BY_RUNNING.intersection(PurePosixPath(name).parts)
        }
    if others:
        return f"holds other things as well ({', '.join(sorted(others)[:3])})"
    return None


def list_files(folder: Path) -> None:
    """Writes down which files a finished Space has, by which others are known in it later."""
    content = json.dumps([*sizes(folder), LIST], indent=0)
    (folder / LIST).write_text(f"{content}\n", encoding="utf-8")


def _listed(folder: Path) -> set[str]:
    try:
        return {str(name) for name in json.loads((folder / LIST).read_bytes())}
    except (OSError, TypeError, ValueError):
        return set()


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of `target` once all of it is there.

    Raises:
        SpaceError: as `check_target`, or it cannot be written.
    """
    target = check_target(target)
    end = token_hex(4)
    partial = target.with_name(f".{target.name}.partial-{end}")
    previous = target.with_name(f".{target.name}.previous-{end}")
    held = ExitStack()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target.parent, wait=True):
            _mend(target)
            partial.mkdir()
            held.enter_context(_lock(partial, wait=False))
        yield partial
        with _lock(target.parent, wait=True):
            check_target(target)  # somebody may have put something there while the block ran
            if target.exists():
                target.rename(previous)
            partial.rename(target)
    except OSError as error:
        raise SpaceError(
            f"{target} cannot be written ({error.strerror or error}); make room, or give --out "
            "another folder"
        ) from error
    finally:
        if previous.exists() and not target.exists():  # stopped between the two
            previous.rename(target)
        for left in (partial, previous):
            shutil.rmtree(left, ignore_errors=True)
        held.close()


def _mend(target: Path) -> None:
    """Brings back or removes what killed builds left: what no process holds any more."""
    for left in target.parent.glob(f".{escape(target.name)}.p*-????????"):
        with _lock(left, wait=False) as nobody_writes:
            if not nobody_writes:
                continue
            if left.name.startswith(f".{target.name}.previous-") and not target.exists():
                left.rename(target)
            else:
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _lock(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Keeps a folder for this process until the block, or the process, ends. Gives whether it did:
    not while another holds it, nor where the system has no such locks."""
    with ExitStack() as after:
        held = False
        if sys.platform != "win32":
            with suppress(OSError):
                opened = os.open(folder, os.O_RDONLY)
                after.callback(os.close, opened)
                fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                held = True
        yield held


def copy_bundle(bundle: Path, folder: Path, *, examples: bool = True) -> Path:
    """Copies what a page needs of a bundle: of each graph the 8-bit one, where there is one.

    Args:
        bundle: the bundle's folder.
        folder: the folder of the Space, in whose `bundles/` the copy gets the bundle's name.
        examples: whether the texts that the bundle offers go along.

    Returns: the copy.

    Raises:
        BundleError, SpaceError: it is no bundle, or not all of it is as its `bundle.json` says.
    """
    manifest = read_manifest(bundle)
    if manifest.decoder:  # what is wrong with it is told of the bundle, not of its copy
        read_generation(bundle, manifest.decoder)
    for sentence in wrong_files(bundle, manifest):
        raise SpaceError(sentence)
    said = load_object((bundle / FILE).read_bytes())
    for name in _leave_float32_out(said):
        said["files"].pop(name, None)
    if not examples:
        for part in (said, said.get("decoder")):
            if part:
                part["examples"] = []
    copy = folder / BUNDLES / bundle.resolve().name
    for name in said["files"]:
        place = copy / PurePosixPath(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle / PurePosixPath(name), place)
    content = json.dumps(said, indent=2, ensure_ascii=False)
    (copy / FILE).write_text(f"{content}\n", encoding="utf-8")
    read_manifest(copy)
    return copy


def _leave_float32_out(said: dict[str, Any]) -> list[str]:
    """Takes float32 out of a `bundle.json` where there is 8 bit; gives the files of it."""
    files = []
    for task, graphs in said["graphs"].items():
        if {"8bit", "float32"} <= graphs.keys():
            files.append(graphs.pop("float32")["file"])
            proven = (said.get("proof") or {}).get("graphs", {}).get(task, {})
            proven.pop("float32", None)
    return files


def most_memory(process: int) -> int | None:
    """Bytes that a process had at its most; None where the system does not say."""
    try:
        said = Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s+(\d+) kB$", said, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file of a folder, by its path in it with `/`."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in found}
