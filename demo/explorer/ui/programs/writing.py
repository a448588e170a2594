"""Texts that a decoder writes, and what they look at, for programs."""

from collections.abc import Iterator
from contextlib import closing

from explorer.errors import RequestError
from explorer.maps.maps import MEAN
from explorer.maps.view import MapView, generation_map
from explorer.ui.checks import (
    ATTENTION,
    check_head,
    check_kind,
    check_layer,
    check_switches,
)
from explorer.ui.models import PageModels
from explorer.ui.payloads import about_generation, token_data, words_data
from explorer.ui.programs.maps import map_data
from explorer.ui.wording import NO_NORMS
from explorer.writing.generation import SOURCE, WRITTEN, Generation


def generate(
    models: PageModels,
    text: str,
    strategy: str | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    beams: int | None = None,
    repetition_penalty: float | None = None,
    no_repeat_ngram: int | None = None,
    max_tokens: int | None = None,
    seed: int = 0,
    bundle: str = "",
    chat: bool = True,
    source_language: str = "",
    target_language: str = "",
) -> Iterator[dict]:
    """Writes a text for a source, or goes on from a prompt, and gives what is there after every
    token. What is null is as the model's `generation_config.json` has it, or else greedy, with 64
    tokens at most.

    Args:
        text: the source, or the prompt of a model that goes on from one, at most 10,000 characters.
        strategy: "greedy", "beam" or "sample".
        temperature: sampling; the scores are divided by it, 0.05 to 5.
        top_k: sampling; draw from so many words, 0 for all, at most 1000.
        top_p: sampling; draw from the words that make up this share, 0.01 to 1.
        beams: beam search; how many beginnings are kept, 2 to 6.
        repetition_penalty: above 1, words that were written score less; 0.5 to 5.
        no_repeat_ngram: runs of so many words never come twice; 0 allows it, at most 10.
        max_tokens: with the end token, 1 to 128.
        seed: of the sampling.
        bundle: the title of the model; the page's first one that writes if empty.
        chat: whether a prompt is put into the model's chat template, where it has one.
        source_language, target_language: of a model that translates, such as "eng_Latn"; those of
            its tokenizer and its settings if empty.

    Returns:
        `text` so far, `target` (the written tokens, each with its `probability`, the `entropy`
        in bits and the ten likeliest `candidates`; `piece` is an entry of the vocabulary, `text`
        what it writes: the bytes, such as ⟨f0 9f⟩, of a part of a character), `finished` (true
        once the end token was written), `stopped_at` (null, or the limit of tokens that it was
        stopped at), `chat_template_error` (null, or why the model's chat template could not take
        the prompt in, which the model then goes on from as it is), and as in /classify `tokens` (of
        the source, or the prompt), `tokens_left_out`, `max_tokens`, `bundle`. A beam search gives
        its best text so far, which may change.
    """
    title = bundle or models.first("write")
    settings = models.settings(
        title, strategy=strategy, temperature=temperature, top_k=top_k, top_p=top_p, beams=beams,
        repetition_penalty=repetition_penalty, no_repeat_ngram=no_repeat_ngram,
        max_tokens=max_tokens, seed=seed, chat=chat, source_language=source_language,
        target_language=target_language,
    )  # fmt: skip
    with closing(models.write(title, text, settings)) as generations:
        for generation in generations:
            yield about_generation(models, title, generation, settings)


def cross_attention(
    models: PageModels,
    text: str,
    target: str = "",
    layer: int | str | None = None,
    head: int | str = MEAN,
    special_tokens: bool = True,
    bundle: str = "",
    words: bool = False,
    kind: str = ATTENTION,
    source_language: str = "",
    target_language: str = "",
) -> dict:
    """What each generated token attends to in the source, as numbers.

    Args:
        text: the source, at most 10,000 characters.
        target: the text to follow, as if the decoder had written it; if empty it writes one, as
            /generate does by default. Of more than 128 tokens, or than have room, the rest is cut:
            `target_left_out` is how many.
        layer: 1 is the decoder's first; the last one if null; "mean" or "max" over all layers.
        head: 1 is the first; "mean" or "max" over the layer's heads, before those over layers.
        special_tokens: false hides start, end and their like, in both texts; what is left of
            each row is scaled back to 1.
        bundle: the title of the model; the page's first one that writes for a source if empty.
        words: true for a map between words: what a word receives is the sum over its tokens,
            what it gives is their mean. By default between tokens.
        kind: "attention", or "norm_weighted": each weight times the norm of what the source's
            token passes on through that head, rows scaled back to 1 (Kobayashi et al. 2020).
        source_language, target_language: as in /generate.

    Returns:
        `weights` (a row for each shown token of the `target`, in it a number for each shown
        one of `tokens`; rows sum to 1, but not those of a maximum), `target_indexes` and
        `source_indexes` (which tokens, or words, those are), `target_words` and `words` (null,
        or each word with its `text` and the indexes of its `tokens`), `removed`, `layer`,
        `head`, `kind`, `target_left_out`, and all that /generate gives.
    """
    title = bundle or models.first("source")
    models.check_task(models.model(title), "source")
    said = {"source_language": source_language, "target_language": target_language}
    generation, left_out, written = models.target(title, text, target, **said)
    switches = check_switches(special_tokens=special_tokens, words=words)
    view = _map_of(models, title, generation, SOURCE, (layer, head), switches, kind)
    return {
        **map_data(view, kind),
        "target_indexes": view.queries.indexes.tolist(),
        "source_indexes": view.keys.indexes.tolist(),
        "target_words": words_data(view.queries),
        "words": words_data(view.keys),
        "target_left_out": left_out,
        **about_generation(models, title, generation, written),
    }


def self_attention(
    models: PageModels,
    text: str,
    target: str = "",
    layer: int | str | None = None,
    head: int | str = MEAN,
    special_tokens: bool = True,
    bundle: str = "",
    words: bool = False,
    kind: str = ATTENTION,
    chat: bool = True,
    source_language: str = "",
    target_language: str = "",
) -> dict:
    """What each generated token attends to in what came before it, as numbers.

    Args:
        text: the source, or the prompt of a model that goes on from one, at most 10,000 characters.
        target: as in /cross_attention, as `layer`, `head`, `special_tokens` and `words`.
        bundle: the title of the model; the page's first one that writes if empty.
        kind: "attention", or, of a model that goes on from a prompt, "norm_weighted".
        chat, source_language, target_language: as in /generate.

    Returns:
        `weights` (a row for each shown token of the `target`, in it a number for each shown one of
        `before`: the start token or the prompt, and the target but for its last token),
        `target_indexes` and `before_indexes`, `target_words` and `before_words`, `before`, and as
        in /cross_attention `removed`, `layer`, `head`, `kind`, `target_left_out`, and all that
        /generate gives.
    """
    title = bundle or models.first("write")
    said = {"source_language": source_language, "target_language": target_language}
    generation, left_out, written = models.target(title, text, target, chat=chat, **said)
    switches = check_switches(special_tokens=special_tokens, words=words)
    view = _map_of(models, title, generation, WRITTEN, (layer, head), switches, kind)
    return {
        **map_data(view, kind),
        "target_indexes": view.queries.indexes.tolist(),
        "before_indexes": view.keys.indexes.tolist(),
        "target_words": words_data(view.queries),
        "before_words": words_data(view.keys),
        "before": [token_data(token) for token in generation.before],
        "target_left_out": left_out,
        **about_generation(models, title, generation, written),
    }


def _map_of(
    models: PageModels,
    title: str,
    generation: Generation,
    looks_at: str,
    which: tuple[object, object],
    switches: dict[str, bool],
    kind: object,
) -> MapView:
    """One map of a written text. Raises RequestError: there is no such."""
    decoder, (layer, head) = models.generator(title).decoder, which
    by_norms = check_kind(kind)
    if by_norms and generation.value_norms(looks_at) is None:
        raise RequestError(NO_NORMS)
    last = decoder.map_layers[-1] + 1
    chosen = check_layer(last if layer is None else layer, decoder), check_head(head, decoder)
    return generation_map(generation, looks_at, *chosen, **switches, by_norms=by_norms)
