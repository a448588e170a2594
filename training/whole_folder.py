"""Writes a folder so that it is there whole or not at all.

A killed run leaves the old folder, the new one, or none; never half of one. Checkpoints and
bundles are written this way.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(target: Path, *, marker: str) -> Iterator[Path]:
    """Gives an empty folder to fill, which becomes `target` when the block ends without an error.

    The folder stands beside `target` under a hidden name; two renames put it in place of the old
    one. A run killed between the two leaves the old folder under its hidden name, from where the
    next call brings it back.

    Args:
        target: the folder to write or to replace.
        marker: the file by which a folder of this kind is known; another one is not replaced.

    Raises:
        FileExistsError: `target` is a file, or a folder with something else in it.
    """
    target = target.resolve()
    if target.is_file():
        raise FileExistsError(f"{target} is a file; expected a folder to write or no such path")
    if target.is_dir() and any(target.iterdir()) and not (target / marker).is_file():
        raise FileExistsError(
            f"{target} holds other things and no {marker}, so it is not replaced; give another "
            "folder with --out"
        )
    partial = target.with_name(f".{target.name}.partial")
    previous = target.with_name(f".{target.name}.previous")
    if previous.exists() and not target.exists():
        previous.rename(target)
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(previous, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if target.exists():
        target.rename(previous)
    partial.rename(target)
    shutil.rmtree(previous, ignore_errors=True)
