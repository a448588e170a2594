"""The endpoints for programs. Layers and heads count from 1, as on the page."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.axis import Axis
from explorer.edge import answer_or_message
from explorer.map_choice import MEAN, said
from explorer.reading import Reading, Token
from explorer.request import ATTENTION, check_head, check_kind, check_layer, check_switch
from explorer.runner import Runner
from explorer.screen import Screen
from explorer.view import MapView, attention_map

DIGITS = 6


class Api:
    """What programs may ask of the page's models."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def classify(
        self, text: str, text_pair: str = "", bundle: str = "", without: list | None = None
    ) -> dict:
        """The class of a text, or of a pair of texts.

        Args:
            text: what to read, at most 10,000 characters.
            text_pair: a second text, for models that compare two.
            bundle: the title of the model; the page's first one if empty.
            without: heads to leave out, as pairs of layer and head from 1, such as [[1, 2]].

        Returns:
            `label` (the likeliest; for a multi-label model a list of those above one half; null
            for a regression), `probabilities` by label (empty for a regression), `logits` by
            label, `tokens` in reading order, `tokens_left_out` (cut off because no more than
            `max_tokens` are read: what the model can, or what the page has memory and time for),
            `max_tokens`, `bundle` and `precision` (which graph answered).
        """
        title = bundle or self._screen.first("classifies")
        asked = (title, text, text_pair, without)
        runner, reading = answer_or_message(self._screen.answer, *asked)
        labels, kind = runner.bundle.labels, runner.bundle.problem_type
        shares = dict(zip(labels, rounded(reading.probabilities), strict=True))
        likely = [label for label, share in shares.items() if share > 0.5]
        label = likely if kind == "multi_label" else max(shares, key=lambda name: shares[name])
        return {
            "label": None if kind == "regression" else label,
            "probabilities": {} if kind == "regression" else shares,
            "logits": dict(zip(labels, rounded(reading.logits), strict=True)),
            **about(runner, reading),
        }

    def attention(
        self,
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
            layer: 1 is the first; the last one if null; "mean" or "max" over all layers.
            head: 1 is the first; "mean" or "max" over the layer's heads, before those over layers.
            special_tokens: false hides [CLS], [SEP] and their like; what is left of each row is
                scaled back to 1.
            bundle: the title of the model; the page's first one if empty.
            words: true for a map between words, as the page shows it: what a word receives is the
                sum over its tokens, what it gives is their mean. By default between tokens.
            kind: "attention", or "norm_weighted": each weight times the norm of what the token
                passes on through that head, rows scaled back to 1 (Kobayashi et al. 2020).
            without: heads to leave out, as in /classify; their own maps are there all the same.

        Returns:
            `weights` (a row for each token that looks, in it a number for each token looked at;
            rows sum to 1, or to more in a maximum, which is not scaled; six decimals, so at most
            2.7 MB for 512 tokens), `indexes` (which of the
            `tokens`, or of the `words`, the rows and columns are), `words` (null, or each word with
            its `text` as typed and the indexes of its `tokens`), `removed` (the share of each row
            that went to hidden tokens), `layer`, `head`, and as in /classify `tokens`,
            `tokens_left_out`, `max_tokens`, `bundle`, `precision`.
        """
        runner, reading = self._read(text, text_pair, bundle, without)
        chosen = runner.bundle.layers if layer is None else layer
        view = answer_or_message(_view, runner, reading, chosen, head, special_tokens, words, kind)
        return {
            "layer": said(view.layer),
            "head": said(view.head),
            "kind": kind,
            "indexes": view.queries.indexes.tolist(),
            "weights": [rounded(row) for row in view.weights],
            "removed": rounded(view.removed),
            "words": said_words(view.queries),
            **about(runner, reading),
        }

    def _read(
        self, text: object, text_pair: object, bundle: object, without: object
    ) -> tuple[Runner, Reading]:
        title = bundle or next(iter(self._screen.runners))
        return answer_or_message(self._screen.read, title, text, text_pair, without)


def _view(
    runner: Runner,
    reading: Reading,
    layer: object,
    head: object,
    special_tokens: object,
    words: object,
    kind: object,
) -> MapView:
    return attention_map(
        reading,
        check_layer(layer, runner.bundle),
        check_head(head, runner.bundle),
        special_tokens=check_switch(special_tokens, "special_tokens"),
        words=check_switch(words, "words"),
        by_norms=check_kind(kind),
    )


def about(runner: Runner, reading: Reading) -> dict[str, Any]:
    """What every endpoint says about a reading."""
    return {
        "tokens": [said_token(token) for token in reading.tokens],
        "tokens_left_out": reading.tokens_left_out,
        "max_tokens": runner.bundle.most_tokens,
        "bundle": runner.bundle.title,
        "precision": runner.bundle.graph.precision,
    }


def said_token(token: Token) -> dict[str, Any]:
    """A token for programs."""
    return {
        "piece": token.piece,
        "text": token.text,
        "special": token.special,
        "segment": token.segment,
    }


def said_words(axis: Axis) -> list[dict[str, Any]] | None:
    """The words along an axis for programs; None where it has tokens."""
    if axis.words is None:
        return None
    return [
        {"text": word.text, "special": word.special, "segment": word.segment, "tokens": word.places}
        for word in axis.words
    ]


def rounded(values: NDArray[np.float32]) -> list[float]:
    return [round(float(value), DIGITS) for value in values]
