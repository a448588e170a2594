"""What each head of the decoder does for the generated text: panel and endpoint."""

from typing import Any

from explorer.analyses import generated_text as analysis
from explorer.analyses.perturbation import LEAST
from explorer.inference.cost import Cost, Progressive, run_to_end
from explorer.ui.events import while_awaited
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.payloads import DIGITS, about_generation, chip, plain, rounded

LOOK_FOR = (
    "**Which heads the generated text needs.** Every head of the decoder is ablated in turn, and "
    "the text, as it stands, scored again. Heads of cross-attention are the only way from the "
    "source to the text: losing one usually costs more than losing one of self-attention "
    "([Michel et al. 2019](https://arxiv.org/abs/1905.10650)). Choose a cell to see for which "
    "tokens its head mattered."
)


def payload(found: analysis.DecoderHeadEffects) -> dict[str, Any]:
    """What programs are answered and `web/decoder_heads.js` draws."""
    kinds = zip(analysis.KINDS, found.effects, strict=True)
    return {
        "effects": {kind: plain(effects.round(DIGITS)) for kind, effects in kinds},
        "log_probabilities": rounded(found.log_probabilities),
        "not_tried": found.not_tried,
    }


def _cost(asked: Asked) -> Cost:
    return analysis.decoder_head_effects_cost(*asked.written)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    generator, generation = asked.written
    found = yield from analysis.decoder_head_effects(generator, generation)
    return {
        **payload(found),
        "tokens": [chip(token, place) for place, token in enumerate(generation.tokens)],
        "least": LEAST,
    }


DECODER_HEADS = Analysis(
    name="decoder_heads",
    button="Ablate each head",
    look_for=LOOK_FOR,
    widget="decoder_heads",
    cost=_cost,
    run=_run,
)


def decoder_head_effects(models: PageModels, text: str, target: str = "", bundle: str = "") -> dict:
    """Every head of the decoder ablated in turn: by how much the generated text loses.

    Args:
        text: the source, at most 10,000 characters.
        target: the text to follow, as if the decoder had written it; if empty it writes one.
        bundle: the title of the model; the page's first one that writes if empty.

    Returns:
        `effects` (for "cross", heads that attend to the source, and "self", heads that attend
        to the text: a row for each layer, in it for each head a list with a number for each
        token of the target: by how much the natural logarithm of its probability falls without
        the head, below 0 a rise; null for heads not tried), `log_probabilities` (with all
        heads), `not_tried` (how many heads, for want of time), `target_left_out`, and as in
        /generate `text`, `target` and what is said of the source and the models.
    """
    title = bundle or models.first("writes")
    generator = models.generator(title)
    generation, left_out = models.target(title, text, target)
    found = run_to_end(while_awaited(analysis.decoder_head_effects(generator, generation)))
    return {
        **payload(found),
        "target_left_out": left_out,
        **about_generation(models, title, generation),
    }
