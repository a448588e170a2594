"""The endpoints for programs. Layers and heads count from 1, as on the page.

Each takes the page's models first, and then what a program sends. What its docstring says is its
manual.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from explorer.bundle import Bundle
from explorer.inference.encoder import EncoderModel
from explorer.inference.generator import SOURCE
from explorer.inference.reading import Reading
from explorer.maps.head_types import head_types as types_of
from explorer.maps.maps import MEAN, Maps, one_based, text_axis
from explorer.maps.view import (
    MapView,
    attention_map,
    encoder_maps,
    generation_map,
    rollout_view,
)
from explorer.ui.checks import (
    ATTENTION,
    check_head,
    check_kind,
    check_layer,
    check_settings,
    check_switches,
)
from explorer.ui.events import ANALYSIS, READING, WRITING
from explorer.ui.health import health
from explorer.ui.models import PageModels
from explorer.ui.panels.compare import compare
from explorer.ui.panels.generated_text import decoder_head_effects, source_reliance
from explorer.ui.panels.heads import head_effects, pruning
from explorer.ui.panels.trust import trust
from explorer.ui.panels.words import occlusion, pairs, smallest_flip
from explorer.ui.payloads import about, about_generation, rounded, rounded_numbers, words_data
from explorer.ui.tasks.answer import answer
from explorer.ui.tasks.classify import classify
from explorer.ui.tasks.embed import embed
from explorer.ui.tasks.fill import fill
from explorer.ui.tasks.known import makes_sense
from explorer.ui.tasks.tag import tag


def attention(
    models: PageModels,
    text: str,
    text_pair: str = "",
    layer: int | str | None = None,
    head: int | str = MEAN,
    special_tokens: bool = True,
    bundle: str = "",
    words: bool = False,
    kind: str = ATTENTION,
    without: list | None = None,
) -> dict:
    """The attention map of one head, or the mean or maximum of several, as numbers.

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        layer: 1 is the first; the last one that has maps if null; "mean" or "max" over all
            layers, where all have.
        head: 1 is the first; the mean if null; "mean" or "max" over the layer's heads, before those
            over layers.
        special_tokens: false hides [CLS], [SEP] and their like; what is left of each row is
            scaled back to 1.
        bundle: the title of the model; the page's first one if empty.
        words: true for a map between words, as the page shows it: what a word receives is the
            sum over its tokens, what it gives is their mean. By default between tokens.
        kind: "attention", or "norm_weighted": each weight times the norm of what the token
            passes on through that head, rows scaled back to 1 (Kobayashi et al. 2020).
        without: heads to ablate, as in /classify; their own maps are there all the same.

    Returns:
        `weights` (a row for each token that attends, in it a number for each one attended to;
        rows sum to 1, or to more in a maximum, which is not scaled; six decimals, so at most
        2.7 MB for 512 tokens), `indexes` (which of the
        `tokens`, or of the `words`, the rows and columns are), `words` (null, or each word with
        its `text` as typed and the indexes of its `tokens`), `removed` (the share of each row
        that went to hidden tokens), `layer`, `head`, and as in /classify `tokens`,
        `tokens_left_out`, `max_tokens`, `bundle`, `precision`.
    """
    model, reading = _read(models, bundle, text, text_pair, without)
    view = attention_map(
        reading,
        check_layer(model.bundle.map_layers[-1] + 1 if layer is None else layer, model.bundle),
        check_head(head, model.bundle),
        **check_switches(special_tokens=special_tokens, words=words),
        by_norms=check_kind(kind),
    )
    return {
        **_map_data(view, kind),
        "indexes": view.queries.indexes.tolist(),
        "words": words_data(view.queries),
        **about(model, reading),
    }


def head_types(
    models: PageModels,
    text: str,
    text_pair: str = "",
    words: bool = True,
    kind: str = ATTENTION,
    bundle: str = "",
) -> dict:
    """What kind of head each head is on a text, by where its attention goes.

    The kinds follow Clark et al. 2019, "What Does BERT Look At?". Each has a share, the mean
    over the text's own words i of the attention a[i, j] that goes to certain words j: "itself"
    (j is i), "previous word" and "next word" (of the same text), "[CLS]" and "[SEP]" or
    whatever the model calls them, "punctuation", "same word" (another place where the same
    letters stand) and "other text" (of two). A head is of the kind with the largest share, if
    that is at least 0.5 and twice what even attention would put there; else "broad", if the
    entropy of its rows is at least 0.8 of the largest possible; else "mixed".

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        words: false to measure between tokens, where words may have several.
        kind: "attention", or "norm_weighted": see /attention.
        bundle: the title of the model; the page's first one if empty.

    Returns:
        `heads` (a row for each of `layers`, in it for each head its `type`, the `score` that earned
        it: the share, for a broad head the entropy, for a mixed one its largest share; the
        `entropy` from 0 to 1, and all `shares`), `words` (as in /attention, with the default),
        and as in /classify `tokens`, `tokens_left_out`, `max_tokens`, `bundle`, `precision`.
    """
    model, reading = _read(models, bundle, text, text_pair)
    maps = encoder_maps(reading, **check_switches(words=words), by_norms=check_kind(kind))
    return {
        "layers": [layer + 1 for layer in maps.layers],
        "heads": types_data(maps),
        "kind": kind,
        "words": words_data(maps.queries),
        **about(model, reading),
    }


def rollout(
    models: PageModels,
    text: str,
    text_pair: str = "",
    special_tokens: bool = True,
    words: bool = True,
    bundle: str = "",
) -> dict:
    """What reaches [CLS] from each word if attention is followed back through all layers.

    Rollout (Abnar & Zuidema 2020): the product of 0.5 A + 0.5 I over the layers, where A is a
    layer's attention, mean over heads. It flattens with depth, so that rows become alike: only
    the row of the token is given from which a classifier reads its answer, the first of most.

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        special_tokens: false hides [CLS], [SEP] and their like; what is left is scaled back
            to 1.
        words: false for shares of tokens, where words may have several.
        bundle: the title of the model; the page's first one if empty.

    Returns:
        `rollout` and `last_layer` (the attention of the same token in the last layer, mean
        over heads), each with its `shares` (they sum to 1), `removed` (the share of hidden
        tokens) and `entropy` (of the text's own words alone, from 0, one of them, to 1, all
        alike); `indexes` (which of the `words`, or `tokens`, the shares are of), `query` (the
        index of the token that they reach), and as in /classify `tokens`, `tokens_left_out`,
        `max_tokens`, `bundle`, `precision`.
    """
    model, reading = _read(models, bundle, text, text_pair)
    model.check_has_all_maps("rollout")
    shown = check_switches(special_tokens=special_tokens, words=words)
    view = rollout_view(reading, text_axis(reading.tokens, **shown))
    names = ("shares", "removed", "entropy")
    numbers = zip(*(part.tolist() for part in view[1:]), strict=True)
    of_rollout, of_last = (rounded_numbers(dict(zip(names, row, strict=True))) for row in numbers)
    return {
        "rollout": of_rollout,
        "last_layer": of_last,
        "query": reading.cls,
        "indexes": view.axis.indexes.tolist(),
        "words": words_data(view.axis),
        **about(model, reading),
    }


def _read(
    models: PageModels, title: object, text: object, text_pair: object, without: object = None
) -> tuple[EncoderModel, Reading]:
    """Reads with the page's first model if none is named; it need not classify."""
    return models.read(title or next(iter(models.by_title)), text, text_pair, without)


def _map_data(view: MapView, kind: str) -> dict[str, Any]:
    """The numbers of a map for programs."""
    return {
        "layer": one_based(view.layer),
        "head": one_based(view.head),
        "kind": kind,
        "weights": [rounded(row) for row in view.weights],
        "removed": rounded(view.removed),
    }


def types_data(maps: Maps) -> list[list[dict[str, Any]]]:
    """The type of every head, for programs: a row for each layer."""
    return [
        [_type_data(*one) for one in types_of(maps.of_layer(layer), maps.measure)]
        for layer in maps.layers
    ]


def _type_data(name: str, score: float, entropy: float, shares: dict[str, float]) -> dict[str, Any]:
    return rounded_numbers({"type": name, "score": score, "entropy": entropy, "shares": shares})


def generate(
    models: PageModels,
    text: str,
    strategy: str = "greedy",
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    beams: int = 4,
    repetition_penalty: float = 1.0,
    no_repeat_ngram: int = 0,
    max_tokens: int = 64,
    seed: int = 0,
    bundle: str = "",
) -> Iterator[dict]:
    """Writes a text for a source, and gives what is there after every token.

    Args:
        text: the source, at most 10,000 characters.
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

    Returns:
        `text` so far, `target` (the written tokens, each with its `probability`, the `entropy`
        in bits and the ten likeliest `candidates`), `finished` (true once the end token was
        written), and as in /classify `tokens` (of the source), `tokens_left_out`,
        `max_tokens`, `bundle`. A beam search gives its best text so far, which may change.
    """
    title = bundle or models.first("write")
    values = {
        "strategy": strategy, "temperature": temperature, "top_k": top_k, "top_p": top_p,
        "beams": beams, "repetition_penalty": repetition_penalty,
        "no_repeat_ngram": no_repeat_ngram, "max_tokens": max_tokens, "seed": seed,
    }  # fmt: skip
    with closing(models.write(title, text, check_settings(values))) as generations:
        for generation in generations:
            yield about_generation(models, title, generation)


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
) -> dict:
    """What each generated token attends to in the source, as numbers.

    Args:
        text: the source, at most 10,000 characters.
        target: the text to follow, as if the decoder had written it; if empty it writes one,
            the likeliest word each time.
        layer: 1 is the decoder's first; the last one if null; "mean" or "max" over all layers.
        head: 1 is the first; "mean" or "max" over the layer's heads, before those over layers.
        special_tokens: false hides start, end and their like, in both texts; what is left of
            each row is scaled back to 1.
        bundle: the title of the model; the page's first one that writes if empty.
        words: true for a map between words: what a word receives is the sum over its tokens,
            what it gives is their mean. By default between tokens.
        kind: "attention", or "norm_weighted": each weight times the norm of what the source's
            token passes on through that head, rows scaled back to 1 (Kobayashi et al. 2020).

    Returns:
        `weights` (a row for each shown token of the `target`, in it a number for each shown
        one of `tokens`; rows sum to 1, but not those of a maximum), `target_indexes` and
        `source_indexes` (which tokens, or words, those are), `target_words` and `words` (null,
        or each word with its `text` and the indexes of its `tokens`), `removed`, `layer`,
        `head`, `kind`, `target_left_out`, and all that /generate gives.
    """
    title = bundle or models.first("write")
    generator = models.generator(title)
    chosen = check_layer(generator.decoder.layers if layer is None else layer, generator.decoder)
    generation, left_out = models.target(title, text, target)
    view = generation_map(
        generation,
        SOURCE,
        chosen,
        check_head(head, generator.decoder),
        **check_switches(special_tokens=special_tokens, words=words),
        by_norms=check_kind(kind),
    )
    return {
        **_map_data(view, kind),
        "target_indexes": view.queries.indexes.tolist(),
        "source_indexes": view.keys.indexes.tolist(),
        "target_words": words_data(view.queries),
        "words": words_data(view.keys),
        "target_left_out": left_out,
        **about_generation(models, title, generation),
    }


_ENDPOINTS: tuple[tuple[str, Mapping[str, Any], tuple[Callable[..., Any], ...]], ...] = (
    ("classify", READING, (classify,)),
    ("tag", READING, (tag,)),
    ("answer", READING, (answer,)),
    ("fill", READING, (fill,)),
    ("embed", READING, (embed,)),
    ("", READING, (attention, head_types, rollout)),
    ("explain", ANALYSIS, (occlusion, pairs, smallest_flip, trust, head_effects, pruning)),
    ("explain", READING, (compare,)),
    ("write", WRITING, (generate, cross_attention)),
    ("write", ANALYSIS, (source_reliance, decoder_head_effects)),
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
