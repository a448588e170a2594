"""Makes a Space's folder from a bundle, and says what is in it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bundle_format.folder import read_manifest
from hosting.card import make_card, short
from hosting.folder import (
    BUNDLES,
    CARD,
    SpaceError,
    check_target,
    copy_bundle,
    list_files,
    new_folder,
    sizes,
)
from hosting.kinds import KINDS, Kind
from hosting.static_check import Runner


def find_kind(name: str) -> Kind:
    """A kind of Space by its name. Raises SpaceError: there is none."""
    if name not in KINDS:
        raise SpaceError(f"--sdk {name} is no kind of Space; expected one of {', '.join(KINDS)}")
    return KINDS[name]


def build_space(
    bundle: Path,
    target: Path,
    kind: Kind,
    *,
    models: Iterable[str] = (),
    purpose: str | None = None,
    examples: bool = True,
) -> Path:
    """Writes the folder of a Space: whole, or not at all.

    Args:
        bundle: the folder of the bundle that it shows.
        target: the folder to write; one of ours is replaced.
        models, purpose: as `make_card`.
        examples: whether the texts that the bundle offers become public with it.

    Returns: the folder's real path.

    Raises:
        BundleError, SpaceError: the bundle is none, or something else lies at `target`.
    """
    target = check_target(target, [bundle])
    with new_folder(target) as folder:
        copy = copy_bundle(bundle, folder, examples=examples)
        kind.fill(folder)
        card = make_card(
            read_manifest(copy), kind.settings(), runs=kind.runs, models=models, purpose=purpose
        )
        (folder / CARD).write_text(card, encoding="utf-8")
        list_files(folder)
    return target


def check_space(folder: Path, kind: Kind, runner: Runner) -> Mapping[str, Any]:
    """What was measured of a Space that was tried as its host would; kept in a file beside it.

    Args:
        runner: the served page's.

    Raises:
        SpaceError: it does not run as it should, or that file cannot be written.
    """
    found = kind.check(folder, runner)
    record = folder.with_name(f"{folder.name}.check.json")
    try:
        record.write_text(f"{json.dumps(found, indent=2)}\n", encoding="utf-8")
    except OSError as error:
        raise SpaceError(f"{record} cannot be written ({error.strerror})") from error
    return found


def show_check(found: Mapping[str, Any]) -> str:
    """What was measured, a line each."""
    lines = []
    for name, value in found.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{part} {of}" for part, of in value.items())
        lines.append(f"  {name}: {'not known' if value is None else value}")
    return "\n".join(lines)


def show_space(folder: Path, name: str) -> str:
    """What was written, and which texts of the bundle become public with it."""
    found = sizes(folder)
    (copy,) = (folder / BUNDLES).iterdir()
    manifest = read_manifest(copy)
    texts = [*manifest.examples, *(manifest.decoder.examples if manifest.decoder else ())]
    size = sum(found.values()) / 1e6
    lines = [f"{folder}: a Space of the kind {name}, {len(found)} files, {size:.1f} MB"]
    if texts:
        lines.append(
            f"  public with it: {len(texts)} examples, the first {short(texts[0].text)!r}; "
            "--no-examples leaves them out"
        )
    return "\n".join(lines)
