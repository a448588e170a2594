"""The kinds of Space that run the page itself, on a server: what each has beside the bundle."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hosting.checking import HOST, Start, check_page

_DEMO = Path(__file__).parents[1]
_CODE = ("bundle_format", "decoding", "explorer")
_NOT_THERE = shutil.ignore_patterns("__pycache__", "*.pyc", "*.md", "report", "measuring")
"""What no visitor of the page comes by, in the folders of its code."""
_ON_A_SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "user/name",
    "GRADIO_SERVER_NAME": HOST,
    "GRADIO_SERVER_PORT": "{port}",
}
"""What Hugging Face tells a Space; there the address is 0.0.0.0."""
_DOCKERFILE = Path(__file__).with_name("Dockerfile")
_SPACES = "spaces==0.51.3"
"""The package by which ZeroGPU knows the functions that want its GPU; it needs no torch."""


def gradio_settings() -> Mapping[str, Any]:
    """Of a Space that installs requirements.txt and runs app.py."""
    return {
        "sdk": "gradio",
        "sdk_version": _pinned_gradio(),
        "python_version": "3.12",
        "app_file": "app.py",
        "suggested_hardware": "cpu-basic",
    }


def zerogpu_settings() -> Mapping[str, Any]:
    """The same on ZeroGPU, which has just two versions of Python."""
    return {
        **gradio_settings(),
        "python_version": "3.12.12",
        "app_file": "on_zerogpu.py",
        "suggested_hardware": "zero-a10g",
    }


def docker_settings() -> Mapping[str, Any]:
    """Of a Space that builds an image."""
    return {"sdk": "docker", "app_port": 7860, "suggested_hardware": "cpu-basic"}


def fill_gradio(folder: Path) -> None:
    """The page's code, its web files and its pins."""
    _copy_code(folder)
    shutil.copyfile(_DEMO / "requirements.txt", folder / "requirements.txt")


def fill_zerogpu(folder: Path) -> None:
    """The same, started by a file that has a function for the GPU."""
    fill_gradio(folder)
    shutil.copyfile(_DEMO / "on_zerogpu.py", folder / "on_zerogpu.py")
    with (folder / "requirements.txt").open("a", encoding="utf-8") as pins:
        pins.write(f"{_SPACES}\n")


def fill_docker(folder: Path) -> None:
    """The page's code, and an image in which every package has its version and hashes."""
    _copy_code(folder)
    shutil.copyfile(_DEMO / "requirements.lock", folder / "requirements.lock")
    shutil.copyfile(_DOCKERFILE, folder / "Dockerfile")


def check_gradio(folder: Path) -> dict[str, Any]:
    """What was measured of such a Space; as `check_page`."""
    return check_page(folder, _start_by("app.py"))


def check_zerogpu(folder: Path) -> dict[str, Any]:
    """The same, with something that stands in for ZeroGPU."""
    return check_page(folder, replace(_start_by("on_zerogpu.py"), reports=True))


def _start_by(script: str) -> Start:
    return Start(install=("-r", "requirements.txt"), command=(script,), variables=_ON_A_SPACE)


def check_docker(folder: Path) -> dict[str, Any]:
    """The same by the commands of the Dockerfile, without docker: in a new environment, as the user
    who runs this."""
    said = (folder / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    variables = _instruction(said, "ENV ").replace("0.0.0.0", HOST).replace("7860", "{port}")
    health = _instruction(said, "HEALTHCHECK ").partition("CMD ")[2]
    return check_page(
        folder,
        Start(
            install=tuple(_instruction(said, "RUN pip install ").split()),
            command=tuple(json.loads(_instruction(said, "CMD "))[1:]),
            variables=dict(pair.split("=") for pair in variables.split()),
            health=tuple(json.loads(health.replace("7860", "{port}"))[1:]),
        ),
    )


def _instruction(dockerfile: str, beginning: str) -> str:
    """The rest of the line that begins so."""
    found = re.search(f"^{beginning}(.*)$", dockerfile, re.MULTILINE)
    assert found, "a test holds the Dockerfile"
    return found[1]


def _copy_code(folder: Path) -> None:
    shutil.copyfile(_DEMO / "app.py", folder / "app.py")
    for name in _CODE:
        shutil.copytree(_DEMO / name, folder / name, ignore=_NOT_THERE)


def _pinned_gradio() -> str:
    """A Space's `sdk_version`, which wins over its requirements."""
    pins = (_DEMO / "requirements.txt").read_text("utf-8")
    found = re.search(r"^gradio==(\S+)$", pins, re.MULTILINE)
    assert found, "a test holds the pins"
    return found[1]
