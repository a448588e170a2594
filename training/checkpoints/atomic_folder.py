"""Writes a folder so that it is there whole or not at all.

A killed run leaves the old folder, the new one, or none; never half of one. Two runs that write to
one place do not disturb each other: the one that ends last stays. Checkpoints and bundles are
written this way. Nothing is removed but what such a run wrote: see `Kind`. Why something could not
be written is told in a sentence, whoever says so.
"""

import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from secrets import token_hex

from torch import nn

if sys.platform != "win32":
    import fcntl


_DESKTOP = (".DS_Store", "Thumbs.db")  # written into any folder that somebody looks at
_MOST = 3  # names in a message


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What folders of one kind hold: an old one is replaced only if it holds nothing else."""

    marker: str
    """The file by which such a folder is known."""
    written: Callable[[Path], Collection[str]]
    """Folder -> the files in it that are written with the marker, as patterns of relative paths
    with `/`. Raises ValueError if the marker is another program's file of that name."""


@contextmanager
def atomic_folder(target: Path, *, kind: Kind) -> Iterator[Path]:
    """Gives an empty folder to fill, which becomes `target` when the block ends without an error.

    The folder stands beside `target` under a hidden name of its own; two renames put it in place of
    the old one. What a killed run left behind, the next call removes (on Windows it cannot tell,
    and leaves it); a run killed between the two renames leaves the old folder under its hidden
    name, from where the next call brings it back. An old folder that somebody put files into while
    the block ran is kept whole beside the new one, as `<name>.before-...`.

    Args:
        target: the folder to write or to replace.
        kind: what it holds; a folder with other things in it is not replaced.

    Raises:
        OSError, ValueError: as `check_target`, or the disk is full.
    """
    target = check_target(target, kind=kind)
    with ExitStack() as undo, ExitStack() as held:
        for parent in reversed([one for one in target.parents if not one.exists()]):
            parent.mkdir(exist_ok=True)
            undo.callback(_remove_if_empty, parent)
        with _lock(target.parent, wait=True):
            _mend(target)
            partial = _name_beside(target, target.parent)
            partial.mkdir()
            undo.callback(shutil.rmtree, partial, ignore_errors=True)
            held.enter_context(_lock(partial, wait=False))
        yield partial
        _write_down(partial)
        with _lock(target.parent, wait=True):
            _put_in_place(partial, target, kind)
        undo.pop_all()


def check_target(
    target: Path, *, kind: Kind, needs: int = 0, inputs: Iterable[str | Path | None] = ()
) -> Path:
    """Whether a folder can be written or replaced, asked before the work whose result it is for.

    Args:
        target, kind: as `atomic_folder` takes them.
        needs: about how many bytes it will hold.
        inputs: what the work reads; what is no path here is passed over.

    Returns: the folder's real path.

    Raises:
        FileExistsError: it is a file, or a folder with something else in it.
        ValueError: it has no name of its own, or one of the inputs lies in it.
        OSError: its place cannot be written to, or has too little room.
    """
    try:
        target = target.resolve()
        _check_replaceable(target, kind, inputs)
        place = next(parent for parent in target.parents if parent.exists())
        probe = _name_beside(target, place)
        probe.mkdir()
        probe.rmdir()
        free = shutil.disk_usage(place).free
    except FileExistsError:
        raise
    except (OSError, RuntimeError) as error:  # RuntimeError: symbolic links that go round
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"{target} cannot be written ({reason}); give another folder") from error
    if needs > free:
        raise OSError(
            f"{place} has {free / 1e6:,.0f} MB free, and {target.name} needs about "
            f"{needs / 1e6:,.0f} MB; make room, or give a folder on another disk"
        )
    return target


def _check_replaceable(target: Path, kind: Kind, inputs: Iterable[str | Path | None]) -> None:
    if not target.name or os.path.ismount(target):
        raise ValueError(
            f"{target} is the root of a file system, which cannot be replaced; give a folder "
            "inside it"
        )
    if target.is_file():
        raise FileExistsError(f"{target} is a file; expected a folder to write or no such path")
    for given in inputs:
        if given is not None and os.path.exists(given):
            real = Path(given).resolve()
            if real == target or target in real.parents:
                where = "is" if real == target else "lies in"
                raise ValueError(
                    f"{given}, which is to be read, {where} {target}, which is to be written and "
                    "would replace it; give another folder with --out"
                )
    if other := _why_not_replaced(target, kind):
        raise FileExistsError(f"{target} {other}, so it is not replaced; give another folder")


def check_given(given: object, what: str) -> None:
    """Raises ValueError: a name that was given is empty, as an unset variable in a shell is."""
    if given is not None and not str(given).strip():
        raise ValueError(f"{what} is empty; expected a name (is a variable of the shell not set?)")


def _why_not_replaced(target: Path, kind: Kind) -> str | None:
    """What a folder holds that is not of its kind; None for one of its kind, or an empty one."""
    if not target.is_dir() or not any(target.iterdir()):
        return None
    if not (target / kind.marker).is_file():
        return f"holds other things and no {kind.marker}"
    try:
        patterns = (kind.marker, *kind.written(target))
    except (OSError, ValueError) as error:
        return f"holds a {kind.marker} that is not of this program ({str(error)[:200]})"
    # Links to folders are looked at, and not what lies behind them.
    files = (path for path in target.rglob("*") if path.is_symlink() or not path.is_dir())
    names = [path.relative_to(target).as_posix() for path in files if path.name not in _DESKTOP]
    others = sorted(name for name in names if not any(fnmatchcase(name, one) for one in patterns))
    more = f" and {len(others) - _MOST} more" if len(others) > _MOST else ""
    return f"holds other files as well ({', '.join(others[:_MOST])}{more})" if others else None


def _name_beside(target: Path, place: Path) -> Path:
    return place / f".{target.name}.partial-{token_hex(4)}"


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.previous")


def _mend(target: Path) -> None:
    """Brings back or removes what killed runs left."""
    if _previous(target).exists() and not target.exists():
        _previous(target).rename(target)
    shutil.rmtree(_previous(target), ignore_errors=True)
    for left in target.parent.glob(f".{escape(target.name)}.partial*"):
        with _lock(left, wait=False) as nobody_writes:
            if nobody_writes:
                shutil.rmtree(left, ignore_errors=True)


def _put_in_place(partial: Path, target: Path, kind: Kind) -> None:
    if _why_not_replaced(target, kind):
        target.rename(target.with_name(f"{target.name}.before-{token_hex(4)}"))
    if target.exists():
        shutil.rmtree(_previous(target), ignore_errors=True)
        target.rename(_previous(target))
    try:
        partial.rename(target)
    except BaseException:  # Ctrl-C as well
        with suppress(OSError):
            _previous(target).rename(target)
        raise
    with suppress(OSError):  # not every file system does this for folders
        _sync(target.parent)
    shutil.rmtree(_previous(target), ignore_errors=True)


def _write_down(folder: Path) -> None:
    """Has everything on the disk before it is renamed: a lost current must not leave half of it."""
    for path in folder.rglob("*"):
        if path.is_file():
            _sync(path)
    for path in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        with suppress(OSError):
            _sync(path)


def _sync(path: Path) -> None:
    # Windows syncs what is open for writing alone, and no folders.
    opened = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def _lock(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Keeps a folder for this process until the block, or the process, ends.

    Gives whether it did: not while another holds it, nor where the system has no such locks.
    """
    held = False
    with ExitStack() as after:
        if sys.platform != "win32":
            with suppress(OSError):
                opened = os.open(folder, os.O_RDONLY)
                after.callback(os.close, opened)
                fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                held = True
        yield held


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


_BESIDE_WEIGHTS = 8 * 2**20  # bytes: tokenizers and JSON


@contextmanager
def by_a_library() -> Iterator[None]:
    """Around a call of safetensors or tokenizers: their own errors, of a full disk, as OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Around all that is written for a folder, or beside it: says an OSError in a sentence."""
    try:
        yield
    except OSError as error:
        raise OSError(
            f"{target} cannot be written ({error.strerror or error}); make room, or give another "
            "folder with --out"
        ) from error


def room_for(model: nn.Module) -> int:
    """About how many bytes a checkpoint of this model takes."""
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    return weights + _BESIDE_WEIGHTS
