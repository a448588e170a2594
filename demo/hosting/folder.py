"""The folder of a Space on disk: there whole or not at all, and never in place of another's.

Such a folder is known by the first lines of its card, and holds nothing but what was put there.
"""

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import Any

from bundle_format.folder import read_manifest, wrong_files
from bundle_format.schema import FILE
from bundle_format.typed_json import load_object

CARD = "README.md"
OWN = "---\n# Written by build_space.py, which replaces this folder when it builds it again.\n"
"""How the card begins; a Space's settings are YAML, where this is a comment."""
BUNDLES = "bundles"
_PARTS = {
    *(CARD, BUNDLES, "app.py", "on_zerogpu.py", "bundle_format"),
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
    target = target.resolve()
    for one in (path.resolve() for path in inputs):
        if target == one or target in one.parents:
            raise SpaceError(
                f"{one}, of which the Space is made, lies in {target}, which would be replaced; "
                "give another folder for the Space"
            )
    if target.exists() and not target.is_dir():
        raise SpaceError(
            f"{target} is a file; give a folder for the Space, or a name that is not taken"
        )
    if found := _not_ours(target):
        raise SpaceError(
            f"{target} {found}, so it is not replaced; give another folder for the Space"
        )
    return target


def _not_ours(target: Path) -> str | None:
    """What a folder has that is not of a Space of ours; None for nothing, or no folder."""
    names = {path.name for path in target.iterdir()} if target.is_dir() else set()
    if not names - LEFT_BY_RUNNING:
        return None
    card = target / CARD
    if not card.is_file() or not card.read_bytes().startswith(OWN.encode()):
        return f"holds other things and no {CARD} by build_space.py"
    if others := sorted(names - _PARTS - LEFT_BY_RUNNING):
        return f"holds other things as well ({', '.join(others[:3])})"
    return None


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
    try:
        partial.mkdir(parents=True)
        yield partial
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
