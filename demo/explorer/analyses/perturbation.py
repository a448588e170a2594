"""The model's answers to changed texts and changed heads, and what an answer loses by a change.

A model that is sure of its answer keeps its probability near 1 whatever is removed; its log-odds
show what was taken. So everything that is put in order here goes by log-odds, and both are told.

A word goes with all its pieces. Deleted, it leaves a shorter text in which its neighbours meet;
masked, its pieces become the tokenizer's mask token and all others keep their places. Neither text
is quite of the kind that a model was trained on, and the two can disagree.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from explorer.bundle import Bundle, operations
from explorer.errors import RequestError
from explorer.inference.cost import Progress, Progressive
from explorer.inference.encoder import EncoderModel
from explorer.inference.logits import (
    fall_of_probability,
    log_odds_between,
    log_odds_of,
    probabilities_of,
    sigmoid,
)
from explorer.inference.reading import Reading
from explorer.inference.tokenizing import Encoded, deleted, masked
from explorer.inference.tokens import Word

LEAST = 0.1
"""What moves the log-odds of an answer less is next to nothing: its odds change by a tenth at most.
Of the log-probability of a written token as well."""
LEAST_POINT = 0.01
"""Of probability. A sure answer may move by less however far its log-odds go."""
LEAST_OF_NUMBER = 0.01
"""The same for a regression, whose units nobody knows here: a hundredth of its number."""


class Contrast(NamedTuple):
    """Two labels, one asked about rather than the other, by their places (Jacovi et al. 2021,
    "Contrastive Explanations for Model Interpretability").

    What counts is the log-odds between the two: the difference of their logits over the
    temperature. As a probability it is that of the first, given that it is one of the two and not
    both. Whatever raises or lowers both alike has no effect. Of two labels under one softmax it is
    what the first label's own log-odds say.
    """

    label: int
    rather_than: int


Target = int | Contrast
"""What an effect is on: a label, or a regression's number, by its place; or one label rather than
another."""


def label_of(target: Target) -> int:
    """The label that is asked about, whatever it is set against."""
    return target.label if isinstance(target, Contrast) else target


Places = int | slice | Sequence[int] | NDArray[np.intp] | tuple


@dataclass(frozen=True, slots=True)
class Answers:
    """A model's answers to one text, or to many."""

    bundle: Bundle
    logits: NDArray[np.float32]
    """Shape (..., labels); NaN where nothing was asked."""

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Shape (..., labels); of a regression its numbers."""
        return probabilities_of(self.logits, self.bundle)

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """Shape (..., labels); of a regression its numbers."""
        return log_odds_of(self.logits, self.bundle)

    def __getitem__(self, places: Places) -> "Answers":
        return Answers(self.bundle, self.logits[places])

    def target_log_odds(self, target: Target) -> NDArray[np.float64]:
        """Those of a label, or between two, shape (...); a regression's number."""
        if isinstance(target, Contrast):
            return log_odds_between(self.logits, *target, self.bundle)
        return self.log_odds[..., target]

    def target_probability(self, target: Target) -> NDArray[np.floating]:
        """That of a label, or of the first of two, shape (...); a regression's number."""
        if isinstance(target, Contrast):
            return sigmoid(self.target_log_odds(target))
        return self.probabilities[..., target]

    def least(self, target: Target) -> float:
        """The size from which an effect on one answer's log-odds, or on its number, is more than
        next to nothing."""
        if self.bundle.problem_type == "regression":
            size = LEAST_OF_NUMBER * abs(float(self.target_log_odds(target)))
            return max(size, float(np.finfo(np.float64).tiny))
        return LEAST

    def falls(self, changed: "Answers", target: Target) -> NDArray[np.float64]:
        """By how much the target's probability falls, or a regression's number, shape (...) as of
        the changed answers; below 0 where it rises."""
        if self.bundle.problem_type == "regression":
            return self.log_odds_falls(changed, target)
        return fall_of_probability(self.target_log_odds(target), changed.target_log_odds(target))

    def log_odds_falls(self, changed: "Answers", target: Target) -> NDArray[np.float64]:
        """The same for its log-odds."""
        return self.target_log_odds(target) - changed.target_log_odds(target)


def matter(effects: NDArray[np.float64], least: float) -> bool:
    """Whether any of these effects is at least so large; NaN is none."""
    return bool((np.abs(np.nan_to_num(effects)) >= least).any())


_ROWS = 32
_OPERATIONS = 5e10
"""Of one run, a quarter of a second on two cores: so long a reader waits who came during it. Not
measured but counted, since 8-bit graphs answer a text otherwise beside other texts."""
_MAP_BYTES = 32 * 2**20
"""Of all maps of one run. The graph computes them though nobody asks for them here, and it is they
that fill the memory: 75 MB for one text of 512 tokens under 6 layers and 12 heads."""


def answers(
    model: EncoderModel, texts: Sequence[Encoded], head_masks: NDArray[np.float32] | None = None
) -> Progressive[Answers]:
    """The answer to every text, shape (texts, labels), in the order of the texts.

    Texts of about one length are read together. One run holds at most as many as fit into
    `_MAP_BYTES` and `_OPERATIONS`, or one.

    Args:
        head_masks: factors for each head's output, shape (1 or texts, layers, heads); ones if not
            given.
    """
    logits = np.zeros((len(texts), len(model.bundle.labels)), np.float32)
    done = 0
    for rows in _batches(model, texts):
        masks = head_masks if head_masks is None or len(head_masks) == 1 else head_masks[rows]
        logits[rows] = model.answer([texts[row] for row in rows], masks)
        done += len(rows)
        yield Progress(done, len(texts))
    return Answers(model.bundle, logits)


def texts_per_run(bundle: Bundle, tokens: int) -> int:
    """How many texts of so many tokens are read in one run; at least one."""
    tokens, layers = max(tokens, 1), bundle.layers
    scores = bundle.vocabulary if bundle.task == "fill" else 0
    in_memory = _MAP_BYTES // (4 * tokens * (layers * bundle.heads * tokens + scores))
    in_time = int(_OPERATIONS // operations(tokens, layers, bundle.width))
    return max(1, min(_ROWS, in_memory, in_time))


def _batches(model: EncoderModel, texts: Sequence[Encoded]) -> Iterator[list[int]]:
    """The texts by their places, short ones first, in groups that fit into one run."""
    batch: list[int] = []
    for row in sorted(range(len(texts)), key=lambda place: len(texts[place].ids)):
        if len(batch) >= texts_per_run(model.bundle, len(texts[row].ids)):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


RemovalMode = Literal["deleted", "masked"]
REMOVAL_MODES: tuple[RemovalMode, ...] = ("deleted", "masked")


def check_removal_mode(mode: object, model: EncoderModel) -> RemovalMode:
    """Raises RequestError: no such way, or the tokenizer knows no mask token."""
    known = next((known for known in REMOVAL_MODES if mode == known), None)
    if known is None:
        raise RequestError(f"way is {mode!r:.40}; expected {' or '.join(REMOVAL_MODES)}.")
    if known == "masked" and model.mask_id is None:
        raise RequestError(
            f"The tokenizer of {model.bundle.title} has no mask token, so its words cannot be "
            "masked. Have them deleted."
        )
    return known


def remove(
    model: EncoderModel, encoded: Encoded, words: Iterable[Word], mode: RemovalMode
) -> Encoded:
    """A text without some of its words. A token that is asked about is masked where others are
    deleted, since without it there is nothing to ask; where there is no mask token it stays."""
    places = {place for word in words for place in word.places}
    held = places.intersection(encoded.held) if mode == "deleted" else places
    if held and model.mask_id is not None:
        encoded = masked(encoded, held, model.mask_id)
    return deleted(encoded, places - held) if mode == "deleted" else encoded


def stays(model: EncoderModel, encoded: Encoded, word: Word, mode: RemovalMode) -> bool:
    """Whether a word cannot be removed: it is asked about, and there is no mask token."""
    return mode == "deleted" and model.mask_id is None and bool({*word.places} & {*encoded.held})


def answers_without(
    model: EncoderModel, reading: Reading, removals: Iterable[Iterable[Word]], mode: RemovalMode
) -> Progressive[Answers]:
    """The answers without each set of words, shape (removals, labels), read with the same
    heads as the reading. Texts that come out equal are read once."""
    texts = [remove(model, reading.encoded, words, mode) for words in removals]
    keys = [text.key for text in texts]
    different = dict(zip(keys, texts, strict=True))
    rows = {key: row for row, key in enumerate(different)}
    found = yield from answers(model, list(different.values()), reading.head_mask)
    return found[[rows[key] for key in keys]]


_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
_CLOSERS = frozenset("\"'”’»)]}」』")
_LONGEST = 40
"""Words: a longer run without a full stop is cut here, so that its words can still be tried."""


def sentence_spans(words: Sequence[Word], most: int) -> list[range]:
    """The sentences of a text, or of both texts of a pair, as ranges of the places of its words.

    A sentence ends after a word that ends with a full stop or its like, and the quotes and brackets
    that close behind it: no more than what punctuation tells. Where that gives more than `most`
    pieces, the words are cut into runs of equal length instead, `most` at the most.
    """
    spans = []
    start = 0
    for place in range(1, len(words) + 1):
        if place == len(words) or _ends_before(words, start, place):
            spans.append(range(start, place))
            start = place
    if len(spans) <= most:
        return spans
    length = -(-len(words) // max(most, 1))
    return [range(start, min(start + length, len(words))) for start in range(0, len(words), length)]


def _ends_before(words: Sequence[Word], start: int, place: int) -> bool:
    following = words[place]
    if following.segment != words[place - 1].segment or place - start >= _LONGEST:
        return True
    if following.text in _CLOSERS or following.text in _ENDS:
        return False  # the sentence's own quote or full stop
    last = place - 1
    while last > start and words[last].text in _CLOSERS:
        last -= 1
    return words[last].text.endswith(_ENDS)


def flips(whole: Answers, changed: Answers, target: Target) -> NDArray[np.bool_]:
    """Which changed answers say something else.

    A single-label model says its likeliest label; a multi-label model says of the target that it
    fits or not, at one half; a regression says a number, which has no other side. Asked about one
    label rather than another, a model says which of the two is likelier.

    Args:
        whole: before the change, shape (labels,).
        changed: after changes, shape (..., labels). A row of NaN does not flip.

    Returns:
        Shape (...).
    """
    measured = ~np.isnan(changed.target_log_odds(target))
    if isinstance(target, Contrast):
        was, now = whole.target_log_odds(target) > 0, changed.target_log_odds(target) > 0
        return measured & (was != now)
    kind, before, after = whole.bundle.problem_type, whole.probabilities, changed.probabilities
    if kind == "regression":
        return np.zeros(measured.shape, np.bool_)
    if kind == "multi_label":
        return measured & ((after[..., target] > 0.5) != (before[target] > 0.5))
    return measured & (np.nan_to_num(after, nan=-1).argmax(axis=-1) != before.argmax())
