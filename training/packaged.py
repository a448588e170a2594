"""Finds a file inside an installed package, without importing it, and checks that it is the one.

Importing would run the package's own code, and may pull in libraries that we do not need.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path


def packaged_file(package: str, relative_path: str, *, sha256: str, distribution: str) -> Path:
    """The path of a file that an installed package carries.

    Raises:
        FileNotFoundError: the package, or the file in it, is not installed.
        ValueError: the file is not the one whose `sha256` is expected.
    """
    spec = find_spec(package)
    places = (spec.submodule_search_locations or []) if spec else []
    paths = [Path(place) / relative_path for place in places]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(
            f"{relative_path} of the package {distribution} is not installed. "
            f"Install it: pip install -r requirements.txt (or: pip install {distribution})"
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} has the sha256 {found}, expected {sha256}: it is another version or was "
            f"changed. Install the pinned one: pip install --force-reinstall -r requirements.txt"
        )
    return path
