"""The endpoints on what all maps of a text say together: types of heads, and rollout."""

from typing import Any

from explorer.analysis.head_types import HeadType, head_types
from explorer.api import DIGITS, about, rounded, said_words
from explorer.axis import Axis, text_axis
from explorer.edge import answer_or_message
from explorer.maps import Maps
from explorer.reading import Reading
from explorer.request import ATTENTION, check_kind, check_switch
from explorer.rollout_view import QUERY, rollout_view
from explorer.runner import Runner
from explorer.screen import Screen
from explorer.typed_heads import measure_of
from explorer.view import encoder_maps


class ReadingApi:
    """What programs may ask about all maps of a text that was read."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def head_types(
        self,
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
            `heads` (a row for each layer, in it for each head its `type`, the `score` that earned
            it: the share, for a broad head the entropy, for a mixed one its largest share; the
            `entropy` from 0 to 1, and all `shares`), `words` (as in /attention, with the default),
            and as in /classify `tokens`, `tokens_left_out`, `max_tokens`, `bundle`, `precision`.
        """
        runner, reading = self._read(text, text_pair, bundle)
        maps = answer_or_message(_maps, reading, words, kind)
        return {
            "heads": said_types(maps),
            "kind": kind,
            "words": said_words(maps.queries),
            **about(runner, reading),
        }

    def rollout(
        self,
        text: str,
        text_pair: str = "",
        special_tokens: bool = True,
        words: bool = True,
        bundle: str = "",
    ) -> dict:
        """What reaches [CLS] from each word if attention is followed back through all layers.

        Rollout (Abnar & Zuidema 2020): the product of 0.5 A + 0.5 I over the layers, where A is a
        layer's attention, mean over heads. It flattens with depth, so that rows become alike: only
        the row of the first token is given, from which a classifier reads its answer.

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
        runner, reading = self._read(text, text_pair, bundle)
        axis = answer_or_message(_axis, reading, special_tokens, words)
        view = rollout_view(reading, axis)
        rows = [
            {
                "shares": rounded(shares),
                "removed": round(float(removed), DIGITS),
                "entropy": round(float(entropy), DIGITS),
            }
            for shares, removed, entropy in zip(*view[1:], strict=True)
        ]
        return {
            "rollout": rows[0],
            "last_layer": rows[1],
            "query": QUERY,
            "indexes": view.axis.indexes.tolist(),
            "words": said_words(view.axis),
            **about(runner, reading),
        }

    def _read(self, text: object, text_pair: object, bundle: object) -> tuple[Runner, Reading]:
        title = bundle or next(iter(self._screen.runners))
        return answer_or_message(self._screen.read, title, text, text_pair)


def said_types(maps: Maps) -> list[list[dict[str, Any]]]:
    """The type of every head, for programs: a row for each layer."""
    measure = measure_of(maps)
    layers = range(len(maps.weights))
    return [[_said(one) for one in head_types(maps.of_layer(at), measure)] for at in layers]


def _said(found: HeadType) -> dict[str, Any]:
    return {
        "type": found.name,
        "score": round(found.score, DIGITS),
        "entropy": round(found.entropy, DIGITS),
        "shares": {name: round(share, DIGITS) for name, share in found.shares.items()},
    }


def _axis(reading: Reading, special_tokens: object, words: object) -> Axis:
    return text_axis(
        reading.tokens,
        special_tokens=check_switch(special_tokens, "special_tokens"),
        words=check_switch(words, "words"),
    )


def _maps(reading: Reading, words: object, kind: object) -> Maps:
    return encoder_maps(reading, words=check_switch(words, "words"), by_norms=check_kind(kind))
