"""The Write tab's panel on what the written text owes to its source."""

from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component

from explorer.analyses.perturbation import LEAST
from explorer.analyses.source_attribution import (
    SOURCE_REMOVALS,
    SourceAttribution,
    SourceRemoval,
    cross_attention_by_word,
    source_attribution,
    source_attribution_cost,
)
from explorer.bundle.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.cost import Cost, Progressive
from explorer.inference.generator import Generation
from explorer.ui.panel import Analysis, Asked
from explorer.ui.payloads import chip

LOOK_FOR = (
    "**Where a written word comes from.** The source is taken away and the written text scored "
    "again: a token that loses much of its probability was read off the source, one that keeps it "
    "follows from the words before it. Choose a token: the source words on which it depends should "
    "be those that cross-attention looks at. Where they are not, believe the effect. (Rolling "
    "attention out through the layers cannot tell: its share of the source is the same for every "
    "text.)"
)


def check_source_removal(way: object) -> SourceRemoval:
    """Raises RequestError: no way to take a word away."""
    for known in SOURCE_REMOVALS:
        if way == known:
            return known
    raise RequestError(f"way is {way!r:.40}; expected {' or '.join(SOURCE_REMOVALS)}.")


def payload(generation: Generation, found: SourceAttribution, way: SourceRemoval) -> dict[str, Any]:
    """What `web/source_words.js` draws."""
    looked = cross_attention_by_word(generation, found.words)
    return {
        "way": way,
        "left_out": found.left_out,
        "tokens": [chip(token, place) for place, token in enumerate(generation.tokens)],
        "with_source": np.exp(found.log_probabilities).tolist(),
        "without_source": np.exp(found.log_probabilities - found.whole).tolist(),
        "whole": found.whole.tolist(),
        "least": LEAST,
        "words": [word.text for word in found.words],
        "effects": found.effects.tolist(),
        "attention": looked.tolist(),
    }


def _options(bundle: Bundle) -> dict[str, Component]:
    return {
        "way": gr.Radio(
            list(SOURCE_REMOVALS),
            value=SOURCE_REMOVALS[0],
            label="A source word is taken away",
            elem_id="source_way",
        )
    }


def _cost(asked: Asked) -> Cost:
    way = check_source_removal(asked.options.get("way"))
    return source_attribution_cost(asked.model, *asked.written, way)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    way = check_source_removal(asked.options.get("way"))
    generator, generation = asked.written
    found = yield from source_attribution(asked.model, generator, generation, way)
    return payload(generation, found, way)


SOURCE_ATTRIBUTION = Analysis(
    name="source_reliance",
    button="Take the source away",
    look_for=LOOK_FOR,
    widget="source_words",
    cost=_cost,
    run=_run,
    lay_out_options=_options,
)
