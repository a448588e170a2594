"""A bundle: the folder that the export writes and the page opens.

Everything that the page says about a model stands in its `bundle.json`. This file checks it
against what lies beside it, so that a broken bundle is refused at start, in one sentence.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.bundle_fields import AGAIN, BundleError, Fields

FORMAT = 1
PROBLEM_TYPES = ("single_label", "multi_label", "regression")
PRECISIONS = ("8bit", "float32")
"""What is preferred comes first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A text, or a pair of texts, that the page offers to a reader."""

    text: str
    text_pair: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """One ONNX file of a bundle, with what its export measured."""

    precision: str
    """`float32` or `8bit`."""
    path: Path
    map_error: Mapping[str, float]
    """How far the 8-bit maps are from float32's, as total variation distance; empty if unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """What `bundle.json` says about a classifier, checked. Layers and heads are counts."""

    folder: Path
    title: str
    licence: str
    problem_type: str
    labels: tuple[str, ...]
    temperature: float
    examples: tuple[Example, ...]
    max_tokens: int
    layers: int
    heads: int
    graph: Graph
    test_metrics: Mapping[str, Any]

    @property
    def tokenizer_file(self) -> Path:
        return self.folder / "tokenizer.json"


def open_bundle(folder: str | Path, precision: str | None = None) -> Bundle:
    """Reads and checks a bundle; the graph of `precision`, or the smallest that there is.

    Raises:
        BundleError: the folder or a file is missing, `bundle.json` does not say what format 1
            says, or a graph's bytes are not those that the export wrote.
    """
    folder = Path(folder)
    content = _read_json(folder)
    fields = Fields(content, folder / "bundle.json")
    if content.get("format") != FORMAT:
        raise BundleError(
            f"{fields.file} has format {content.get('format')!r}; this page reads format {FORMAT}. "
            f"{AGAIN}"
        )
    if "classify" not in fields.get("tasks", list):
        raise BundleError(
            f"{fields.file} lists the tasks {content['tasks']}; expected 'classify' among them. "
            "Export a classifier: python export/to_onnx.py"
        )
    if not (folder / "tokenizer.json").is_file():
        raise BundleError(_missing(folder, "tokenizer.json"))
    sizes = Fields(fields.get("sizes", dict), fields.file, "sizes.")
    return Bundle(
        folder=folder,
        title=fields.get("title", str),
        licence=fields.get("licence", str),
        problem_type=fields.one_of("problem_type", PROBLEM_TYPES),
        labels=_labels(fields),
        temperature=fields.positive("temperature", float),
        examples=_examples(fields),
        max_tokens=fields.positive("max_tokens", int),
        layers=sizes.positive("layers", int),
        heads=sizes.positive("heads", int),
        graph=_graph(fields, folder, precision),
        test_metrics=_mapping(_mapping(content, "metrics"), "test"),
    )


def _read_json(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise BundleError(
            f"{folder} is no folder; expected a bundle, the folder that holds a bundle.json. "
            "Make one: python export/to_onnx.py"
        )
    file = folder / "bundle.json"
    if not file.is_file():
        raise BundleError(_missing(folder, "bundle.json"))
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{file} is not readable as JSON ({error}). {AGAIN}") from error
    if not isinstance(content, dict):
        raise BundleError(
            f"{file} holds a JSON {type(content).__name__}; expected an object. {AGAIN}"
        )
    return content


def _missing(folder: Path, name: str) -> str:
    found = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
    return f"{folder} has no {name} (found: {found}). {AGAIN}"


def _labels(fields: Fields) -> tuple[str, ...]:
    labels = fields.get("labels", list)
    strings = all(isinstance(label, str) for label in labels)
    if not labels or not strings or len(set(labels)) < len(labels):
        raise BundleError(
            f"{fields.file} has {labels!r:.60} as labels; expected at least one, all of them "
            f"strings and different. {AGAIN}"
        )
    return tuple(labels)


def _examples(fields: Fields) -> tuple[Example, ...]:
    examples = fields.get("examples", list)
    for number, example in enumerate(examples):
        known = isinstance(example, dict) and set(example) <= {"text", "text_pair"}
        strings = known and all(isinstance(text, str) for text in example.values())
        if not strings or not example.get("text", "").strip():
            raise BundleError(
                f"{fields.file} has {example!r:.60} as examples[{number}]; expected an object "
                f"with a text and, if wanted, a text_pair. {AGAIN}"
            )
    return tuple(Example(**example) for example in examples)


def _graph(fields: Fields, folder: Path, precision: str | None) -> Graph:
    graphs = _mapping(fields.get("graphs", dict), "classify")
    wanted = [precision] if precision else PRECISIONS
    chosen = next((name for name in wanted if name in graphs), None)
    if chosen is None:
        raise BundleError(
            f"{fields.file} has no graph of precision {' or '.join(wanted)} (found: "
            f"{', '.join(graphs) or 'none'}). Export it, or leave out --precision"
        )
    content = Fields(graphs, fields.file, "graphs.classify.").get(chosen, dict)
    entry = Fields(content, fields.file, f"graphs.classify.{chosen}.")
    path = folder / entry.get("file", str)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(
            f"{fields.file} names the graph {entry.get('file', str)!r}; expected a file inside "
            f"the bundle. {AGAIN}"
        )
    if not path.is_file():
        raise BundleError(f"{folder} has no {entry.get('file', str)}, its {chosen} graph. {AGAIN}")
    _check_bytes(path, entry.get("sha256", str))
    return Graph(precision=chosen, path=path, map_error=_mapping(content, "map_error"))


def _check_bytes(path: Path, expected: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise BundleError(
            f"{path} has {path.stat().st_size} bytes with sha256 {found[:12]}…; bundle.json "
            f"expects {expected[:12]}…. It was cut off, changed, or is a Git LFS pointer. "
            f"Copy it again, or export it: python export/to_onnx.py"
        )


def _mapping(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside `content` that need not be there."""
    value = content.get(name)
    return value if isinstance(value, dict) else {}
