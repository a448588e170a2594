"""The maps of a text that was read, for programs. Layers and heads count from 1, as on the page."""

from typing import Any

from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Reading
from explorer.maps.head_types import head_types as types_of
from explorer.maps.maps import MEAN, Maps, one_based, text_axis
from explorer.maps.view import MapView, attention_map, encoder_maps, rollout_view
from explorer.ui.checks import ATTENTION, check_head, check_kind, check_layer, check_switches
from explorer.ui.models import PageModels
from explorer.ui.payloads import about, rounded, rounded_numbers, words_data


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
        **map_data(view, kind),
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
    entropy of its rows is at least 0.8 of the largest possible, or "focused", if it is at most
    0.2; else "mixed".

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        words: false to measure between tokens, where words may have several.
        kind: "attention", or "norm_weighted": see /attention.
        bundle: the title of the model; the page's first one if empty.

    Returns:
        `heads` (a row for each of `layers`, in it for each head its `type`, the `score` that earned
        it: the share, for a broad or focused head the entropy, for a mixed one its largest share;
        the `entropy` from 0 to 1, and all `shares`), `words` (as in /attention, with the default),
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
    """Reads with the page's first model that reads if none is named; it need not classify."""
    return models.read(title or models.first("read"), text, text_pair, without)


def map_data(view: MapView, kind: str) -> dict[str, Any]:
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
