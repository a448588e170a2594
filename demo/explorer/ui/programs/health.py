"""Whether a page is well, for whoever runs it: what it runs on, and a text that is read again."""

import platform
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from explorer.ui.models import Model, PageModels
from explorer.writing.generator import TextGenerator
from explorer.writing.prompt import PromptModel

_PACKAGES = ("gradio", "numpy", "onnxruntime", "tokenizers")
_MOST = 1e-4
"""A sum of float32 weights over 512 tokens is off by less, and so is one text read twice."""


def health(models: PageModels) -> dict:
    """Whether the page is well: each of its models reads a text again, and tells what came out.

    Returns:
        `well` (whether every model is), `versions` (of Python and of packages, by name), and
        `bundles`: of each the `title`, the `sha256` of its bundle.json (in which that of every
        other file stands), the `precision` of its graph, `rows` (how far a row of its maps is
        from summing to 1 at most), `drift` (how far the text's hidden states, or the logarithms of
        the probabilities of a decoder alone, are at most from those of the same text when the page
        started), and whether it is `well`: neither is
        above 0.0001.
    """
    bundles = [_state_of(models, model) for model in models.by_title.values()]
    return {
        "well": all(one["well"] for one in bundles),
        "versions": dict(_versions()),
        "bundles": bundles,
    }


def _state_of(models: PageModels, model: Model) -> dict[str, Any]:
    bundle = model.bundle
    if isinstance(model, PromptModel):
        rows, drift = _written_again(models.generator(bundle.title))
    else:
        before = model.first_reading
        now = model.read(before.text)
        rows = float(np.abs(now.weights.sum(axis=-1) - 1).max())
        drift = float(np.abs(now.hidden - before.hidden).max())
    return {
        "title": bundle.title,
        "sha256": bundle.sha256,
        "precision": bundle.graph.precision,
        "rows": rows if np.isfinite(rows) else None,
        "drift": drift if np.isfinite(drift) else None,
        "well": rows <= _MOST and drift <= _MOST,
    }


def _written_again(generator: TextGenerator) -> tuple[float, float]:
    """How far the rows of a decoder's maps are from summing to 1, and its first text's logarithms
    of probabilities from what they were."""
    maps, logs = generator.read_first()
    drift = np.abs(logs - generator.first_logs).max()
    return float(np.abs(maps.sum(axis=-1) - 1).max()), float(drift)


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = [(name, version(name)) for name in _PACKAGES]
    return ("python", platform.python_version()), *found
