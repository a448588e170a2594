"""Runs a bundle's encoder with onnxruntime: texts in, readings out, in numpy.

A reading holds tokens, answer and attention. Heads may be ablated: they are pairs of layer and
head, which become the factors that a graph takes.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from bundle_format.folder import AGAIN, BundleError
from explorer.bundle import Bundle
from explorer.errors import RequestError
from explorer.inference.apart import joined, parted, parts_of
from explorer.inference.cost import Throughput
from explorer.inference.logits import probabilities_of
from explorer.inference.question import Outputs, Question, which_class
from explorer.inference.reading import (
    Heads,
    Reading,
    ablation_mask,
    numbered_layers,
    read_apart,
)
from explorer.inference.session import (
    THREADS,
    TURNS,
    check_names,
    check_outputs,
    open_session,
    run_into,
    trying,
)
from explorer.inference.tokenizing import Encoded, TextEncoder, spoken

_NOTHING = np.zeros(0, np.float32)

MOST_MASKS = 16
"""Of a text of which words are asked."""

_OUTPUTS: dict[str | None, tuple[str, ...]] = {
    "classify": ("logits",),
    "tag": ("logits",),
    "answer": ("start_logits", "end_logits"),
    "fill": ("logits",),
}
"""What a graph gives by the task of its bundle, besides its hidden states."""
_FIRST = "A first run."


class EncoderModel:
    """A bundle ready to read texts. Opening it runs the graph on all kinds of texts that a reader
    may send, which checks its shapes.

    Raises:
        BundleError: onnxruntime or the tokenizer refuses its file, an output is missing, the
            graph's sizes are not those of `bundle.json`, or it fails on one of those texts.
    """

    def __init__(self, bundle: Bundle, threads: int = THREADS) -> None:
        self.bundle = bundle
        self.chats = False
        """What reads is not asked as in a chat: see `PromptModel`."""
        self.throughput = Throughput()
        """How long its texts take, learnt as it reads."""
        self._encoder = TextEncoder(
            bundle.tokenizer_file, bundle.most_tokens, bundle.mask, bundle.cls
        )
        if self._encoder.size > bundle.vocabulary:
            raise BundleError(
                f"{bundle.tokenizer_file} has {self._encoder.size} ids; bundle.json has "
                f"{bundle.vocabulary} as sizes.vocabulary. {AGAIN}"
            )
        self.mask, self.mask_id = self._encoder.mask, self._encoder.mask_id
        if bundle.task == "fill" and self.mask_id is None:
            raise BundleError(
                f"{bundle.tokenizer_file} has no mask token, and bundle.json has the task fill. "
                f"{AGAIN}"
            )
        self._session = open_session(bundle.graph, threads)
        self._inputs = {given.name for given in self._session.get_inputs()}
        overridable = self._session.get_overridable_initializers()
        self.can_ablate = "head_mask" in {*self._inputs, *(given.name for given in overridable)}
        """Whether its heads can be ablated."""
        self._question: Question | None = None
        self._answers = _OUTPUTS.get(bundle.task, ())
        self._weight_names = [f"encoder_attentions.{layer}" for layer in bundle.map_layers]
        self._norm_names = [f"encoder_value_norms.{layer}" for layer in bundle.map_layers]
        self._names = [*self._answers, "last_hidden_state", *self._weight_names, *self._norm_names]
        check_names(
            self._session,
            bundle.graph,
            bundle.layers,
            bundle.map_layers,
            inputs=("input_ids", "attention_mask"),
            outputs=self._names,
            maps="encoder_attentions",
        )
        self._warm_up()
        self.first_reading = self.read(_FIRST)
        """Of a text of ours, which is read again to see whether the model is still well."""
        if bundle.task:  # so that what an analysis will take can be told before there was one
            self._gather([self.encode("A first run of eight equal texts in one batch.")] * 8, None)

    @property
    def question(self) -> Question | None:
        """What `answer` answers; None where there is nothing to ask, or nothing is asked yet."""
        return which_class(self.bundle) if self.bundle.classifies else self._question

    def asked(self, question: Question) -> "EncoderModel":
        """The same model, as one that is asked this."""
        other = copy(self)
        other.bundle, other._question = question.of(self.bundle), question
        return other

    def is_same(self, other: "EncoderModel") -> bool:
        """Whether it is the same graph, whatever it is asked."""
        return self._session is other._session

    def asked_of(self, question: Question, reading: Reading) -> Reading:
        """A reading with the answer to a question."""
        outputs = {**reading.outputs, "last_hidden_state": reading.hidden}
        logits = question.scores(outputs, reading.encoded)
        encoded = replace(reading.encoded, held=question.held)
        return replace(
            reading,
            encoded=encoded,
            logits=logits,
            probabilities=probabilities_of(logits, question.of(self.bundle)),
            read_from=question.read_from or (encoded.cls,),
        )

    def encode(
        self, text: str, text_pair: str = "", *, language: str = "", named: bool = True
    ) -> Encoded:
        """Cuts a text, or a pair of texts, into tokens; the graph is not run.

        Args:
            language: of what is to be translated, by its code; if empty as the tokenizer has it.
            named: as for `TextEncoder.encode`.
        """
        if self.bundle.task == "embed" and text_pair:
            return joined(self._encoder.encode(text), self._encoder.encode(text_pair))
        encoded = self._encoder.encode(text, text_pair, named=named)
        languages = self.bundle.decoder.languages if self.bundle.decoder else None
        if languages and language:
            return spoken(encoded, languages.tokens, language)
        if self.bundle.task != "fill":
            return encoded
        masks = [place for place, one in enumerate(encoded.ids) if one == self.mask_id]
        return replace(encoded, held=tuple(masks[:MOST_MASKS]))

    def word_of(self, token_id: int) -> str:
        """See `TextEncoder`."""
        return self._encoder.word_of(token_id)

    def id_of(self, word: str) -> int | None:
        """See `TextEncoder`."""
        return self._encoder.id_of(word)

    def read(self, text: str, text_pair: str = "", ablated: Heads = ()) -> Reading:
        """Reads one text, or one pair of texts, with these heads ablated."""
        return self.read_encoded(self.encode(text, text_pair), ablated)

    def read_encoded(self, encoded: Encoded, ablated: Heads = ()) -> Reading:
        """As `read`, of a text that was cut into tokens. Raises RequestError: there are none."""
        parts = parted(encoded)
        if not all(part.ids for part in parts):
            which = "one of the texts" if len(parts) > 1 else "this text"
            raise RequestError(
                f"The tokenizer of {self.bundle.title} makes no token of {which}. Write words that "
                "it knows."
            )
        mask = ablation_mask(ablated, self.bundle.layers, self.bundle.heads) if ablated else None
        readings = self.run(parts, mask)
        return read_apart(encoded, readings) if encoded.apart else readings[0]

    def reading_bytes(self, tokens: int) -> int:
        """The memory that a reading of so many tokens holds: see `Reading.bytes`."""
        shapes = self._shapes(1, tokens)
        if self.bundle.task == "fill":
            shapes["logits"] = (MOST_MASKS, self.bundle.vocabulary)
        return 4 * sum(map(prod, shapes.values()))

    def run(
        self, batch: Sequence[Encoded], head_mask: NDArray[np.float32] | None = None
    ) -> list[Reading]:
        """Reads several texts in one run of the graph.

        Args:
            head_mask: factors for each head's output, shape (1 or batch, layers, heads); ones if
                not given. The attention weights come back as they are before it.
        """
        feed = self._feed(batch, head_mask)
        rows, length = feed["input_ids"].shape
        # The graph writes its maps into these arrays: a copy would double what a long text takes,
        # 75 MB for 512 tokens under 6 layers and 12 heads.
        shapes = self._shapes(rows, length)
        given = {name: np.empty(shapes[name], np.float32) for name in self._answers}
        hidden = np.empty(shapes["last_hidden_state"], np.float32)
        weights, norms = (
            np.empty((len(names), *shapes[names[0]]), np.float32)
            for names in (self._weight_names, self._norm_names)
        )
        arrays = [*given.values(), hidden, *weights, *norms]
        with TURNS.take(first=True):
            run_into(self._session, feed, dict(zip(self._names, arrays, strict=True)))
        masks = None if head_mask is None else head_mask.copy()
        for array in (*given.values(), hidden, weights, norms, masks):
            if array is not None:
                array.setflags(write=False)  # a reading is shared between readers of the page
        return [
            self._answered(
                Reading(
                    encoded=encoded,
                    logits=_NOTHING,
                    probabilities=_NOTHING,
                    outputs=self._of_text(given, row, used, encoded),
                    hidden=hidden[row, used],
                    weights=weights[:, row, :, used, used],
                    value_norms=norms[:, row, :, used],
                    head_mask=None if masks is None else masks[row % len(masks)][None],
                    map_layers=self.bundle.map_layers,
                )
            )
            for row, (encoded, used) in enumerate(self._places(batch, length))
        ]

    def _answered(self, reading: Reading) -> Reading:
        question = self.question
        return self.asked_of(question, reading) if question else reading

    def answer(
        self, batch: Sequence[Encoded], head_mask: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The scores of several texts, shape (batch, labels), without any maps: the answers to the
        model's question.

        Args:
            head_mask: as for `run`.
        """
        question, outputs = self.question, self._gather(batch, head_mask)
        assert question, "see `asked`"
        pairs = zip(outputs, batch, strict=True)
        return np.stack([question.scores(one, encoded) for one, encoded in pairs])

    def hidden(self, batch: Sequence[Encoded]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """What a decoder reads of texts, shape (batch, sequence, hidden), and 0 where that is
        padding, else 1, shape (batch, sequence)."""
        feed = self._feed(batch, None)
        return self._outputs(("last_hidden_state",), feed)[0], feed["attention_mask"]

    def _gather(
        self, batch: Sequence[Encoded], head_mask: NDArray[np.float32] | None
    ) -> list[Outputs]:
        """What the graph gives for the model's task, of each text."""
        names = self._answers or ("last_hidden_state",)
        parts, rows, head_mask = parts_of(batch, head_mask)
        feed = self._feed(parts, head_mask)
        found = dict(zip(names, self._outputs(names, feed), strict=True))
        places = self._places(parts, feed["input_ids"].shape[1])
        outputs = [self._of_text(found, row, used, part) for row, (part, used) in enumerate(places)]
        return [
            {name: np.concatenate([outputs[row][name] for row in those]) for name in names}
            if len(those) > 1
            else outputs[those[0]]
            for those in rows
        ]

    def _of_text(self, given: Outputs, row: int, used: slice, encoded: Encoded) -> Outputs:
        """What is one text's of a batch."""
        if self.bundle.task == "classify":
            return {name: array[row] for name, array in given.items()}
        of_tokens = {name: array[row, used] for name, array in given.items()}
        if self.bundle.task == "fill":  # of other places nobody asks, and all are much to keep
            masks = [encoded.place_of(place) for place in encoded.held]
            of_tokens["logits"] = of_tokens["logits"][masks]
        return of_tokens

    def _outputs(self, names: Sequence[str], feed: dict[str, NDArray]) -> list[NDArray[np.float32]]:
        """Some outputs of one run among many, in its turn; how long it takes is learnt."""
        with TURNS.take(), self.throughput.measuring(feed["input_ids"].size):
            return self._session.run(list(names), feed)

    def _feed(
        self, batch: Sequence[Encoded], head_mask: NDArray[np.float32] | None
    ) -> dict[str, NDArray]:
        length = max(1, *(len(encoded.ids) for encoded in batch))
        columns = ("input_ids", "attention_mask", "token_type_ids")
        feed: dict[str, NDArray] = {
            name: np.zeros((len(batch), length), np.int64) for name in columns
        }
        for row, (encoded, used) in enumerate(self._places(batch, length)):
            feed["input_ids"][row, used] = encoded.ids
            feed["attention_mask"][row, used] = 1
            feed["token_type_ids"][row, used] = encoded.segment_ids
        # Families without segments, such as DistilBERT, have no token_type_ids.
        feed = {name: array for name, array in feed.items() if name in self._inputs}
        if head_mask is not None:
            feed["head_mask"] = head_mask
        return feed

    def _places(self, batch: Sequence[Encoded], length: int) -> Iterator[tuple[Encoded, slice]]:
        """Each text, with where it stands among so many tokens; the rest is padding."""
        for encoded in batch:
            start = length - len(encoded.ids) if self.bundle.pads_left else 0
            yield encoded, slice(start, start + len(encoded.ids))

    def check_can_ablate(self) -> None:
        """Raises RequestError: the graph takes no head mask."""
        if not self.can_ablate:
            raise RequestError(
                f"The graph of {self.bundle.title} has no input head_mask, so no head can be "
                "ablated. Export the model with export/to_onnx.py."
            )

    def check_has_all_maps(self, what: str) -> None:
        """Raises RequestError: some layers have no maps, and so it has no such thing."""
        if not self.bundle.has_all_maps:
            raise RequestError(
                f"{self.bundle.title} has no {what}: that takes the maps of all its "
                f"{self.bundle.layers} layers, and it was exported with those of "
                f"{numbered_layers(self.bundle.map_layers)} alone."
            )

    def _shapes(self, rows: int, tokens: int) -> dict[str, tuple[int, ...]]:
        """Those of all outputs, by their names."""
        bundle = self.bundle
        answers = {
            "classify": (rows, len(bundle.labels)),
            "tag": (rows, tokens, len(bundle.labels)),
            "fill": (rows, tokens, bundle.vocabulary),
        }
        return {
            **dict.fromkeys(self._answers, answers.get(bundle.task or "", (rows, tokens))),
            "last_hidden_state": (rows, tokens, bundle.width),
            **dict.fromkeys(self._weight_names, (rows, bundle.heads, tokens, tokens)),
            **dict.fromkeys(self._norm_names, (rows, bundle.heads, tokens)),
        }

    def _warm_up(self) -> None:
        """The first runs are slow, and show whether all that a reader may ask for can be done."""
        bundle, graph = self.bundle, self.bundle.graph
        texts = {"a text": self.encode(_FIRST), "a pair": self.encode("A first", "run.")}
        ones = [ablation_mask((), bundle.layers, bundle.heads)] if self.can_ablate else []
        for what, encoded in texts.items():
            tokens = len(encoded.ids)
            if not tokens:
                raise BundleError(f"{bundle.tokenizer_file} makes no token of {what}. {AGAIN}")
            shapes = self._shapes(1, tokens)
            for mask in (None, *ones):
                with trying(graph, f"{what} of {tokens} tokens"):
                    found = self._session.run(self._names, self._feed([encoded], mask))
                check_outputs(graph, dict(zip(self._names, found, strict=True)), shapes)
        self._try_longest(texts["a text"])
        for example in (*bundle.examples, *(bundle.decoder.examples if bundle.decoder else ())):
            self.encode(example.text, example.text_pair)

    def _try_longest(self, encoded: Encoded) -> None:
        """A text of as many tokens as are ever read, with the largest id that the tokenizer knows:
        the graph has a row for each position and for each id, and does not say how many."""
        tokens, ids = self.bundle.most_tokens, encoded.ids
        filled = [ids[place % len(ids)] for place in range(tokens - 1)]
        longest = replace(
            encoded, ids=[*filled, self._encoder.size - 1], segment_ids=[0] * tokens, tokens=()
        )
        what = f"{tokens} tokens with ids up to {self._encoder.size - 1}, as bundle.json allows it"
        with trying(self.bundle.graph, what):
            self._session.run(["last_hidden_state"], self._feed([longest], None))
