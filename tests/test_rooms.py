"""How the packages are built: rooms on floors, imports that go down, doors that have names.

A *room* is a sub-package, or a file that lies beside them. A room may import from rooms on the
floors below it, never from its own floor or from above, and no file imports itself by way of
others.

A room's door is its `__init__`: the docstring says what the room is for, and then `Public:` and, in
backticks, the files that other rooms may import from. It imports nothing, so that whoever needs one
file does not load its neighbours. What is named there is used by somebody outside.
"""

import ast
import re
import subprocess
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS: dict[str, tuple[str, list[str]]] = {
    # package: (its folder, its floors from the ground up; each the rooms on it)
    "export": (
        "export",
        [
            "command graphs",
            "loading",
            "bundle",
            "eval_texts",
            "clients runtime",
            "quantize verification",
            "any_model",
            "generators",
            "benchmarks report verify zoo",
            "benchmark pipeline",
            "to_onnx",
            "trials",
        ],
    ),
    "training": (
        "training",
        [
            "file_names model recipes",
            "cli",
            "readers",
            "data",
            "checkpoints evaluation held_out_texts",
            "hybrid",
            "fit",
            "runs",
            "pretrain evaluate train_classifier train_hybrid benchmark_hybrid benchmark_trainer",
            "benchmark",
        ],
    ),
    "explorer": (
        "demo/explorer",
        [
            "environment errors offline_page",
            "bundle fonts tokenizer_file",
            "inference",
            "writing",
            "maps",
            "analyses drawing",
            "measuring server ui",
            "report",
        ],
    ),
    "hosting": (
        "demo/hosting",
        [
            *("folder", "card checking static_check static_kind", "page_kinds", "kinds"),
            "build pushing",
        ],
    ),
}


@cache
def files(package: str) -> dict[str, Path]:
    """The modules of a package by their dotted names."""
    folder = FLOORS[package][0]
    found = _tracked(f"{folder}/*.py")
    return {_module(package, path): path for path in found}


@cache
def imports(package: str) -> dict[str, set[str]]:
    """Which modules of the package each of its modules imports."""
    return {name: _imported(path, package) - {name} for name, path in files(package).items()}


@pytest.mark.parametrize("package", FLOORS)
def test_every_room_has_a_floor_and_every_floor_its_rooms(package: str) -> None:
    there = {_room(name) for name in files(package) if name != package}

    assert there == set(_floor_of(package))


@pytest.mark.parametrize("package", FLOORS)
def test_imports_between_rooms_go_down(package: str) -> None:
    floor = _floor_of(package)

    upwards = [
        f"{name} imports {other}"
        for name, others in imports(package).items()
        for other in others
        if name != package and other != package and _room(name) != _room(other)
        if floor[_room(other)] >= floor[_room(name)]
    ]

    assert upwards == []


@pytest.mark.parametrize("package", FLOORS)
def test_no_file_imports_itself_by_way_of_others(package: str) -> None:
    try:
        TopologicalSorter(imports(package)).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("package", FLOORS)
def test_other_rooms_use_what_stands_at_the_door_and_all_of_it(package: str) -> None:
    used = {
        _door(package, name, other)
        for name, others in {**imports(package), **_from_outside(package)}.items()
        for other in others
    }
    named = {
        f"{init}.{file}"
        for init, path in files(package).items()
        if path.name == "__init__.py" and init != package
        for file in _public(init, path)
    }

    assert used - {None} == named


@pytest.mark.parametrize("package", FLOORS)
def test_a_door_loads_nothing(package: str) -> None:
    doors = [
        name
        for name, path in files(package).items()
        if path.name == "__init__.py" and name != package
        if len(ast.parse(path.read_text("utf-8")).body) > 1
    ]

    assert doors == []


def _door(package: str, name: str, other: str) -> str | None:
    """The outermost door that an import goes through, and what is behind it; None: no door."""
    inside = name.split(".")
    parts = other.split(".")
    for depth in range(2, len(parts)):
        if inside[:depth] != parts[:depth]:
            return ".".join(parts[: depth + 1])
    return None


def _public(init: str, path: Path) -> list[str]:
    said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    _, colon, named = said.partition("Public:")
    assert colon, f"{path} does not say what is public"
    return re.findall(r"`(\w+)`", named)


def _from_outside(package: str) -> dict[str, set[str]]:
    """What files beside the package import of it, such as the page's command; no tests."""
    folder = Path(FLOORS[package][0])
    inside = set(files(package).values())
    return {
        str(path): _imported(path, package)
        for path in _tracked("training/*.py", "export/*.py", "demo/*.py")
        if path not in inside and folder not in path.parents
    }


def _imported(path: Path, package: str) -> set[str]:
    known = files(package)
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in known}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found |= {whole if whole in known else node.module} & known.keys()
    return found


def _floor_of(package: str) -> dict[str, int]:
    floors = FLOORS[package][1]
    return {room: place for place, rooms in enumerate(floors) for room in rooms.split()}


def _room(module: str) -> str:
    return module.split(".")[1]


def _module(package: str, path: Path) -> str:
    parts = path.relative_to(FLOORS[package][0]).with_suffix("").parts
    return ".".join((package, *(part for part in parts if part != "__init__")))


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).is_file()]
