"""A bundle: the folder that the export writes and the page opens.

Everything that the page says about a model stands in its `bundle.json`. This file checks it
against what lies beside it, so that a broken bundle is refused at start, in one sentence.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.bundle_decoder import Decoder, read_decoder
from explorer.bundle_examples import Example, read_examples
from explorer.bundle_fields import AGAIN, BundleError, Fields
from explorer.bundle_graph import Graph, choose_graph

FORMAT = 1
TASKS = ("classify", "generate")
PROBLEM_TYPES = ("single_label", "multi_label", "regression")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """What `bundle.json` says about a model, checked. Layers and heads are the encoder's counts."""

    folder: Path
    title: str
    licence: str
    problem_type: str | None
    """None if the bundle has no classifier; it then has no labels either."""
    labels: tuple[str, ...]
    temperature: float
    examples: tuple[Example, ...]
    max_tokens: int
    layers: int
    heads: int
    graph: Graph
    """The encoder's, with the classifier where there is one."""
    test_metrics: Mapping[str, Any]
    decoder: Decoder | None
    """What writes; None if the bundle only classifies."""

    @property
    def classifies(self) -> bool:
        return self.problem_type is not None

    @property
    def writes(self) -> bool:
        return self.decoder is not None

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
    tasks = [task for task in TASKS if task in fields.get("tasks", list)]
    if not tasks:
        raise BundleError(
            f"{fields.file} lists the tasks {content['tasks']}; expected 'classify' or 'generate' "
            f"among them. {AGAIN}"
        )
    if not (folder / "tokenizer.json").is_file():
        raise BundleError(_missing(folder, "tokenizer.json"))
    sizes = Fields(fields.get("sizes", dict), fields.file, "sizes.")
    classifies = "classify" in tasks
    return Bundle(
        folder=folder,
        title=fields.get("title", str),
        licence=fields.get("licence", str),
        problem_type=fields.one_of("problem_type", PROBLEM_TYPES) if classifies else None,
        labels=_labels(fields) if classifies else (),
        temperature=fields.positive("temperature", float) if classifies else 1.0,
        examples=read_examples(fields),
        max_tokens=fields.positive("max_tokens", int),
        layers=sizes.positive("layers", int),
        heads=sizes.positive("heads", int),
        graph=choose_graph(fields, folder, "classify" if classifies else "encode", precision),
        test_metrics=Fields(fields.mapping("metrics"), fields.file).mapping("test"),
        decoder=read_decoder(fields, folder, precision) if "generate" in tasks else None,
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
