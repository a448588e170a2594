"""A bundle's folder on disk: its JSON files are read and checked, all files listed by their sha256.

`schema.py` says what may stand in them. Whatever is wrong with a bundle is told as a `BundleError`.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TypeVar

from bundle_format.generation import Generation
from bundle_format.schema import DecoderDescription, Manifest
from bundle_format.typed_json import WrongJson, load_object, read_object
from bundle_format.values import FILE, GENERATION

_Kind = TypeVar("_Kind")

AGAIN = "Export it again: python export/to_onnx.py"
_LARGEST = 16 * 2**20
"""Bytes of a JSON of the bundle; 100,000 labels take a few million."""


class BundleError(ValueError):
    """A bundle that cannot be opened: what was found, what was expected, what to do."""


def read_manifest(folder: Path) -> Manifest:
    """What a bundle says of itself, checked as far as it can be without its other files.

    Raises:
        BundleError: there is no bundle, or its `bundle.json` is not as this schema says.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
        there = (folder / FILE).is_file()
    except OSError as error:
        raise BundleError(
            f"{folder} is no folder that can be read ({error.strerror}); expected a bundle, the "
            f"folder that holds a {FILE}. Make one: python export/to_onnx.py"
        ) from error
    if not there:
        shown = [name if name.isprintable() else repr(name) for name in names[:5]]
        more = [f"{len(names) - 5} more"] if len(names) > 5 else []
        found = ", ".join(f"{name:.30}" for name in [*shown, *more]) or "nothing"
        raise BundleError(
            f"{folder} has no {FILE} (found: {found}). Expected a bundle. Make one: python "
            "export/to_onnx.py"
        )
    return _read(folder / FILE, Manifest)


def read_generation(folder: Path, decoder: DecoderDescription) -> Generation:
    """How a bundle writes: which tokens begin and end a text, and what else its settings ask for.

    Raises:
        BundleError: the file is not as this schema says, has a token outside the vocabulary, or
            does not say what begins a text that is written for a source.
    """
    file = folder / decoder.folder / GENERATION
    found = _read(file, Generation)
    try:
        begins = [] if decoder.alone else [("start", found.start)]
    except WrongJson as error:
        raise BundleError(f"{file} {error}. {AGAIN}") from error
    for name, index in (*begins, *(("end", end) for end in found.ends)):
        if index >= decoder.vocabulary:
            raise BundleError(
                f"{file} has {index} as its {name} token; expected 0 to {decoder.vocabulary - 1}, "
                f"an id of the decoder's vocabulary. {AGAIN}"
            )
    return found


def wrong_files(folder: Path, manifest: Manifest) -> Iterator[str]:
    """What is missing of the files that a bundle lists, or has other bytes: a sentence each."""
    for name, expected in manifest.files.items():
        path = folder / PurePosixPath(name)
        try:
            if not path.resolve().is_relative_to(folder.resolve()):
                yield f"{path} is a link out of the bundle; expected a file inside. Copy it in"
            elif not path.is_file():
                yield f"{folder} has no {name}, which its {FILE} lists. Copy the whole folder"
            elif (found := sha256(path)) != expected:
                yield (
                    f"{path} has {path.stat().st_size} bytes with sha256 {found[:12]}…; {FILE} "
                    f"expects {expected[:12]}…. It was cut off, changed, or is a Git LFS pointer. "
                    "Copy it again, or export it: python export/to_onnx.py"
                )
        except (OSError, RuntimeError) as error:  # RuntimeError: a link to itself
            yield f"{path} cannot be read ({str(error)[:120]}). Copy the bundle again"


def list_files(folder: Path) -> dict[str, str]:
    """Every file of a bundle but `bundle.json`, with its sha256: what `Manifest.files` is to be."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    return {name: sha256(folder / name) for name in names if name != FILE}


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(file: Path, kind: type[_Kind]) -> _Kind:
    """A JSON file of a bundle. Everything that may go wrong with one becomes a BundleError here."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise WrongJson(f"has more than {_LARGEST:,} bytes; expected a description")
        return read_object(kind, load_object(content))
    except (OSError, RecursionError, ValueError) as error:
        raise BundleError(f"{file} {str(error)[:330]}. {AGAIN}") from error
