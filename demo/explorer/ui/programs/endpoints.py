"""The endpoints for programs. Layers and heads count from 1, as on the page.

Each takes the page's models first, and then what a program sends. What its docstring says is its
manual.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from explorer.bundle import Bundle
from explorer.ui.events import ANALYSIS, READING, WRITING
from explorer.ui.panels.compare import compare
from explorer.ui.panels.generated_text import (
    decoder_head_effects,
    prompt_effects,
    source_reliance,
)
from explorer.ui.panels.heads import head_effects, pruning
from explorer.ui.panels.trust import trust
from explorer.ui.panels.words import occlusion, pairs, smallest_flip
from explorer.ui.programs.health import health
from explorer.ui.programs.maps import attention, head_types, rollout
from explorer.ui.programs.writing import cross_attention, generate, self_attention
from explorer.ui.tasks.answer import answer
from explorer.ui.tasks.classify import classify
from explorer.ui.tasks.embed import embed
from explorer.ui.tasks.fill import fill
from explorer.ui.tasks.known import makes_sense
from explorer.ui.tasks.tag import tag

_ENDPOINTS: tuple[tuple[str, Mapping[str, Any], tuple[Callable[..., Any], ...]], ...] = (
    ("classify", READING, (classify,)),
    ("tag", READING, (tag,)),
    ("answer", READING, (answer,)),
    ("fill", READING, (fill,)),
    ("embed", READING, (embed,)),
    ("read", READING, (attention, head_types, rollout)),
    ("explain", ANALYSIS, (occlusion, pairs, smallest_flip, trust, head_effects, pruning)),
    ("explain", READING, (compare,)),
    ("write", WRITING, (generate, self_attention)),
    ("source", WRITING, (cross_attention,)),
    ("source", ANALYSIS, (source_reliance,)),
    ("prompt", ANALYSIS, (prompt_effects,)),
    ("write", ANALYSIS, (decoder_head_effects,)),
    ("", READING, (health,)),
)
"""What a bundle must do to have them, the line that they wait in, and which they are."""


def endpoints(bundles: Sequence[Bundle]) -> list[tuple[Callable[..., Any], Mapping[str, Any]]]:
    """Those of a page with these bundles, each with the line that it waits in."""
    return [
        (endpoint, line)
        for task, line, those in _ENDPOINTS
        if not task or any(bundle.does(task) for bundle in bundles)
        for endpoint in those
        if any(makes_sense(bundle, endpoint.__name__) for bundle in bundles)
    ]
