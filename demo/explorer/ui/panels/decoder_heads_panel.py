"""The Write tab's panel on what each head of the decoder did for the written text."""

from typing import Any

from explorer.analyses.decoder_heads import (
    KINDS,
    DecoderHeadEffects,
    decoder_head_effects,
    decoder_head_effects_cost,
)
from explorer.analyses.perturbation import LEAST
from explorer.inference.cost import Cost, Progressive
from explorer.inference.generator import Generation
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.plain import plain
from explorer.ui.payloads import chip

LOOK_FOR = (
    "**Which heads the written text needs.** Every head of the decoder is left out in turn, and "
    "the text, as it stands, scored again. Heads of cross-attention are the only way from the "
    "source to the text: losing one usually costs more than losing one that looks back at what was "
    "written ([Michel et al. 2019](https://arxiv.org/abs/1905.10650)). Choose a cell to see for "
    "which tokens its head mattered."
)


def payload(generation: Generation, found: DecoderHeadEffects) -> dict[str, Any]:
    """What `web/decoder_heads.js` draws."""
    return {
        "tokens": [chip(token, place) for place, token in enumerate(generation.tokens)],
        "log_probability": float(found.log_probabilities.sum()),
        "kinds": list(KINDS),
        "effects": plain(found.effects.sum(axis=-1)),
        "by_token": plain(found.effects.round(6)),
        "least": LEAST,
        "not_tried": found.not_tried,
    }


def _cost(asked: Asked) -> Cost:
    return decoder_head_effects_cost(*asked.written)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    generator, generation = asked.written
    found = yield from decoder_head_effects(generator, generation)
    return payload(generation, found)


DECODER_HEADS = Analysis(
    name="decoder_heads",
    button="Leave out each head",
    look_for=LOOK_FOR,
    widget="decoder_heads",
    cost=_cost,
    run=_run,
)
