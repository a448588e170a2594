"""The READMEs are true: their commands exist, their flags are known, their trees are the tree."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
READMES = (
    *("README.md", "training/README.md", "export/README.md", "export/benchmarks/README.md"),
    "demo/README.md",
)
# In a Space, and so in its card, the folder demo is the root.
HOME = {"demo/README.md": ROOT / "demo"}


def text(readme: str) -> str:
    return (ROOT / readme).read_text(encoding="utf-8")


def blocks(readme: str) -> list[tuple[str, list[str]]]:
    """The fenced blocks: the word after the fence, and the lines inside."""
    found: list[tuple[str, list[str]]] = []
    inside = False
    for line in text(readme).splitlines():
        if line.startswith("```"):
            inside = not inside
            if inside:
                found.append((line[3:], []))
        elif inside:
            found[-1][1].append(line)
    return found


def commands(readme: str) -> list[list[str]]:
    """The words of each python command in the blocks for a shell, up to a comment."""
    found = []
    for kind, lines in blocks(readme):
        parts = [part for line in lines for part in re.split(r"&&|;", line)]
        for part in parts if kind in ("", "sh", "powershell") else []:
            words = part.split("#")[0].split()
            if words and re.fullmatch(r"(\S*[/\\])?python3?(\.exe)?", words[0]):
                found.append(shlex.split(part.replace("\\", "/"), comments=True)[1:])
    return found


def cases() -> list[tuple[str, list[str]]]:
    return [
        (readme, words)
        for readme in READMES
        for words in commands(readme)
        if words and words[0].endswith(".py")
    ]


def load(script: Path):
    """The module of a script, as python would find its neighbours when it runs it."""
    name = f"readme_{script.parent.name}_{script.stem}"
    spec = importlib.util.spec_from_file_location(name, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("readme", "words"), cases(), ids=[f"{r}: {' '.join(w)[:60]}" for r, w in cases()]
)
def test_every_command_exists_and_takes_its_flags(readme: str, words: list[str]) -> None:
    script = HOME.get(readme, ROOT) / words[0]
    assert script.is_file(), f"{readme} names {words[0]}"
    if hasattr(module := load(script), "build_parser"):
        module.build_parser().parse_args(words[1:])
    else:
        assert words[1:] == [], f"{words[0]} has no parser, {readme} gives it flags"


def test_the_two_commands_of_the_front_page_are_there_word_for_word() -> None:
    install = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && "

    assert f"\n{install}.venv/bin/python demo/app.py" in text("README.md")
    assert f"\n{install}.venv/bin/pytest -n 3 --dist loadfile\n" in text("README.md")


@pytest.mark.parametrize("readme", READMES)
def test_every_file_of_a_tree_is_there(readme: str) -> None:
    missing = [path for path in tree(readme) if not (ROOT / path).exists()]

    assert missing == []


@pytest.mark.parametrize("folder", ["training", "export"])
def test_every_room_of_a_folder_stands_in_its_readme(folder: str) -> None:
    """Rooms by their name; what lies in the folder itself, file by file."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", f"{folder}/*.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [line.split("/") for line in listed.stdout.splitlines() if (ROOT / line).is_file()]
    rooms = {f"{path[0]}/{path[1]}{'/' if len(path) > 2 else ''}" for path in paths}

    readme = f"{folder}/README.md"
    named = {f"{folder}/{match}" for match in re.findall(r"`([\w/]+\.py)`", text(readme))}
    named |= set(tree(readme))

    assert rooms - named - {f"{folder}/__init__.py"} == set()


def test_every_link_to_a_file_leads_somewhere() -> None:
    broken = [
        f"{readme}: {target}"
        for readme in READMES
        for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text(readme))
        if not (ROOT / readme).parent.joinpath(target).exists()
    ]

    assert broken == []


def test_the_front_page_is_short() -> None:
    assert len(text("README.md").splitlines()) <= 150


def test_the_numbers_of_the_committed_bundle_are_those_that_stand_in_it() -> None:
    bundle = json.loads((ROOT / "demo/bundles/reviews/bundle.json").read_text("utf-8"))
    metrics, decoder = bundle["metrics"], bundle["decoder"]
    front = " ".join(text("README.md").split())

    accuracy, baseline = (m["test"]["accuracy"] for m in (metrics, metrics["baseline"]))
    assert f"({accuracy:.3f} once the encoder serves the decoder)" in front
    assert f"TF-IDF + logistic regression {baseline:.3f}" in front
    assert f"accuracy on {metrics['test']['texts']} unseen sentences" in front
    rates = [decoder["metrics"][of]["word_error_rate"] for of in ("test", "copied")]
    assert "word error rate {:.3f}; of the source: {:.3f}".format(*rates) in front
    assert f"sentences of up to {decoder['checkpoint']['recipe']['longest']} words" in front
    mended = decoder["metrics"]["test"]["exactly"]
    assert min(mended["swapped"], mended["mistyped"]) > 0.5, "more often than not"
    assert max(mended["masked"], mended["dropped"]) < 0.5, "mostly guesses"


def tree(readme: str) -> list[str]:
    """The paths of the tree drawings, from the repository's root; two spaces are one level."""
    paths = []
    for kind, lines in blocks(readme):
        parents: list[str] = []
        for line in lines if kind == "text" else []:
            match = re.match(r"( *)([\w.\-]+/?)(?:  +\S|$)", line)
            if not match:
                break  # a drawing of something else
            depth = len(match[1]) // 2
            parents = [*parents[:depth], match[2]]
            paths.append("".join(parents))
    return paths


def test_the_card_names_no_graph_that_its_bundle_has_not() -> None:
    found = json.loads((ROOT / "demo/bundles/reviews/bundle.json").read_text("utf-8"))["graphs"]
    parser = load(ROOT / "demo/app.py").build_parser()
    pages = [
        parser.parse_args(words[1:]) for words in commands("demo/README.md") if words[0] == "app.py"
    ]

    wanted = {page.precision for page in pages if page.precision and not page.bundle}
    assert len(pages) > 3
    assert all(wanted <= precisions.keys() for precisions in found.values())


def test_every_test_that_the_card_names_is_there() -> None:
    named = re.findall(r"`(test_\w+)`", text("demo/README.md"))
    written = "".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py")
    )
    assert len(named) > 9
    assert not [name for name in named if f"def {name}(" not in written]
