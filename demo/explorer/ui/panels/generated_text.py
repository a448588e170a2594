"""What the generated text owes to its source, and what each head of the decoder does for it."""

from typing import Any

import gradio as gr
from gradio.components import Component

from explorer.analyses import generated_text as analysis
from explorer.analyses.perturbation import LEAST
from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.cost import Cost, Progressive, run_to_end
from explorer.ui.events import while_awaited
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.payloads import DIGITS, about_generation, chip, plain, rounded
from explorer.writing.generation import Generation
from explorer.writing.generator import TextGenerator


def check_source_removal(way: object) -> analysis.SourceRemoval:
    """Raises RequestError: no way to take a word of a source away."""
    for known in analysis.SOURCE_REMOVALS:
        if way == known:
            return known
    raise RequestError(f"way is {way!r:.40}; expected {' or '.join(analysis.SOURCE_REMOVALS)}.")


def source_payload(
    generation: Generation, way: analysis.SourceRemoval, found: analysis.SourceAttribution
) -> dict[str, Any]:
    """What programs are answered and `web/source_words.js` draws."""
    attended = analysis.attention_by_word(generation, found.words)
    return {
        "way": way,
        "of": "source" if generation.has_source else "prompt",
        "log_probabilities": rounded(found.log_probabilities),
        "whole": rounded(found.whole),
        "words": [word.text for word in found.words],
        "effects": [rounded(row) for row in found.effects],
        "attention": [rounded(row) for row in attended],
        "words_left_out": found.left_out,
    }


def _options(bundle: Bundle) -> dict[str, Component]:
    return {
        "way": gr.Radio(
            list(analysis.SOURCE_REMOVALS),
            value=analysis.SOURCE_REMOVALS[0],
            label="A source word is removed",
            elem_id="source_way",
        )
    }


def _source_cost(asked: Asked) -> Cost:
    way = check_source_removal(asked.options.get("way"))
    return analysis.source_attribution_cost(asked.of, *asked.written, way)


def _run_source(asked: Asked) -> Progressive[dict[str, Any]]:
    return (yield from _run_without(asked, check_source_removal(asked.options.get("way"))))


def _run_without(asked: Asked, way: analysis.SourceRemoval) -> Progressive[dict[str, Any]]:
    generator, generation = asked.written
    found = yield from analysis.source_attribution(asked.of, generator, generation, way)
    return {
        **source_payload(generation, way, found),
        "tokens": [chip(token, place) for place, token in enumerate(generation.tokens)],
        "least": LEAST,
    }


SOURCE_ATTRIBUTION = Analysis(
    name="source_reliance",
    button="Remove the source",
    look_for=(
        "**Where a generated word comes from.** The source is removed and the generated text "
        "scored again: a token that loses much of its probability was read off the source, one "
        "that keeps it follows from the words before it. Choose a token: the source words on "
        "which it depends should be those that cross-attention attends to. Where they are not, "
        "believe the effect. (Rolling attention out through the layers cannot tell: its share of "
        "the source is the same for every text.)"
    ),
    widget="source_words",
    cost=_source_cost,
    run=_run_source,
    lay_out_options=_options,
    makes_sense=lambda bundle: bundle.does("source"),
)

PROMPT_EFFECTS = Analysis(
    name="prompt_effects",
    button="Remove the prompt",
    look_for=(
        "**Which words of the prompt made the text.** Each word of the prompt is deleted in turn, "
        "then all of them, and the generated text, as it stands, scored again: a token that loses "
        "much of its probability hung on the word, one that keeps it follows from the rest. Choose "
        "a token: the words on which it depends should be those that it attends to. Where they are "
        "not, believe the effect."
    ),
    widget="source_words",
    cost=lambda asked: analysis.source_attribution_cost(
        asked.of, *asked.written, analysis.FROM_PROMPT
    ),
    run=lambda asked: _run_without(asked, analysis.FROM_PROMPT),
    makes_sense=lambda bundle: bundle.continues,
)


def source_reliance(
    models: PageModels,
    text: str,
    target: str = "",
    way: str = analysis.SOURCE_REMOVALS[0],
    bundle: str = "",
    source_language: str = "",
    target_language: str = "",
) -> dict:
    """How much each written token owes to the source, and to each word of it.

    Args:
        text: the source, at most 10,000 characters.
        target: the text to follow, as if the decoder had written it; if empty it writes one.
        way: how a word is removed: "before the encoder" (its tokens become the mask token, or are
            deleted where the tokenizer has none) or "in cross-attention only" (the decoder may not
            attend to it).
        bundle: the title of the model; the page's first one that writes if empty.
        source_language, target_language: as in /generate.

    Returns:
        `log_probabilities` of the target's tokens (natural logarithms), `whole` (by how much
        each falls without any word of the source), `effects` (a row for each token of the
        target, in it a number for each of `words`: by how much it falls without that word),
        `attention` (the same shape: the mean cross-attention on each word), `words`,
        `words_left_out` (not tried, for want of time), `target_left_out`, and as in /generate
        `text`, `target` and what is said of the source and the models.
    """
    checked = check_source_removal(way)
    title = bundle or models.first("source")
    models.check_task(models.model(title), "source")
    said = {"source_language": source_language, "target_language": target_language}
    return _without_words(models, title, text, target, checked, **said)


def prompt_effects(
    models: PageModels, text: str, target: str = "", bundle: str = "", chat: bool = True
) -> dict:
    """How much each written token owes to the prompt, and to each word of it.

    Args:
        text: the prompt, at most 10,000 characters.
        target: the text to follow, as if the decoder had written it; if empty it writes one.
        bundle: the title of the model; the page's first one that goes on from prompts if empty.
        chat: as in /generate.

    Returns:
        As /source_reliance: `whole` and `effects` are by how much the natural logarithm of a
        token's probability falls when all words of the prompt, or one of them, are deleted, and
        `attention` is the mean self-attention on each word.
    """
    title = bundle or models.first("prompt")
    models.check_task(models.model(title), "prompt")
    return _without_words(models, title, text, target, analysis.FROM_PROMPT, chat=chat)


def _without_words(
    models: PageModels,
    title: str,
    text: str,
    target: str,
    way: analysis.SourceRemoval,
    **said: object,
) -> dict:
    model, generator = models.model(title), models.generator(title)
    generation, left_out, written = models.target(title, text, target, **said)
    found = run_to_end(
        while_awaited(analysis.source_attribution(model, generator, generation, way))
    )
    return {
        **source_payload(generation, way, found),
        "target_left_out": left_out,
        **about_generation(models, title, generation, written),
    }


def heads_payload(generator: TextGenerator, found: analysis.DecoderHeadEffects) -> dict[str, Any]:
    """What programs are answered and `web/decoder_heads.js` draws."""
    kinds = zip(analysis.kinds_of(generator), found.effects, strict=True)
    return {
        "effects": {kind: plain(effects.round(DIGITS)) for kind, effects in kinds},
        "log_probabilities": rounded(found.log_probabilities),
        "not_tried": found.not_tried,
    }


def _run_heads(asked: Asked) -> Progressive[dict[str, Any]]:
    generator, generation = asked.written
    found = yield from analysis.decoder_head_effects(generator, generation)
    return {
        **heads_payload(generator, found),
        "tokens": [chip(token, place) for place, token in enumerate(generation.tokens)],
        "least": LEAST,
    }


DECODER_HEADS = Analysis(
    name="decoder_heads",
    button="Ablate each head",
    look_for=(
        "**Which heads the generated text needs.** Every head of the decoder is ablated in turn, "
        "and the text, as it stands, scored again. Where there is a source, heads of "
        "cross-attention are the only way from it to the text: losing one usually costs more than "
        "losing one of self-attention ([Michel et al. 2019](https://arxiv.org/abs/1905.10650)). "
        "Choose a cell to see for which tokens its head mattered."
    ),
    widget="decoder_heads",
    cost=lambda asked: analysis.decoder_head_effects_cost(*asked.written),
    run=_run_heads,
)


def decoder_head_effects(
    models: PageModels,
    text: str,
    target: str = "",
    bundle: str = "",
    chat: bool = True,
    source_language: str = "",
    target_language: str = "",
) -> dict:
    """Every head of the decoder ablated in turn: by how much the generated text loses.

    Args:
        text: the source, or the prompt of a model that goes on from one, at most 10,000 characters.
        target: the text to follow, as if the decoder had written it; if empty it writes one.
        bundle: the title of the model; the page's first one that writes if empty.
        chat, source_language, target_language: as in /generate.

    Returns:
        `effects` (for "cross", heads that attend to the source, if there is one, and "self", heads
        that attend to the text: a row for each layer, in it for each head a list with a number for
        each token of the target: by how much the natural logarithm of its probability falls without
        the head, below 0 a rise; null for heads not tried), `log_probabilities` (with all
        heads), `not_tried` (how many heads, for want of time), `target_left_out`, and as in
        /generate `text`, `target` and what is said of the source and the models.
    """
    title = bundle or models.first("write")
    generator = models.generator(title)
    said = {"source_language": source_language, "target_language": target_language}
    generation, left_out, written = models.target(title, text, target, chat=chat, **said)
    found = run_to_end(while_awaited(analysis.decoder_head_effects(generator, generation)))
    return {
        **heads_payload(generator, found),
        "target_left_out": left_out,
        **about_generation(models, title, generation, written),
    }
