"""What a graph's answer chooses, for each task: what 8 bit and float32 may agree on or not.

| task | chosen |
|---|---|
| `classify` | one label of each text; of several that may hold at once, which do |
| `tag` | one label of each token but the special ones |
| `answer` | the span of the second text whose start and end have the highest sum |
| `fill` | one word at each mask; a text without one has its middle token masked, its right label |
| `embed` | nothing: the cosine of the two vectors of a text is stated |

A regression and an encoder that feeds a decoder choose nothing either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bundle_format.schema import Pooling
from export.loading.checkpoint import LoadedEncoder
from training.data.batches import EncodedText
from training.model.config import NUMBER, SEVERAL_LABELS

_UNKNOWN = -1
_SEPARATORS = ("cls_token_id", "sep_token_id", "bos_token_id", "eos_token_id", "pad_token_id")


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How the answers of a model are read."""

    task: str = "classify"
    mask: int | None = None
    """The id of its tokenizer's mask."""
    separators: frozenset[int] = frozenset()
    """The ids that stand around texts."""
    pooling: Pooling | None = None
    problem_type: str | None = None
    """What the logits mean, of what classifies texts."""

    def prepare(self, texts: Sequence[EncodedText]) -> list[EncodedText]:
        """The texts, in which there is something to choose. The label of one whose word was masked
        is that word's id; of others that are filled it is -1, for nobody says it."""
        return [self._with_mask(text) for text in texts] if self.task == "fill" else list(texts)

    def knows_labels(self, texts: Sequence[EncodedText], labelled: bool) -> bool:
        """Whether the right choice is known for each of the prepared texts.

        Args:
            labelled: whether they came with labels.
        """
        if self.task == "fill":
            return all(text.label != _UNKNOWN for text in texts)
        return labelled and all(isinstance(text.label, int) for text in texts)

    def choose(
        self, answers: Mapping[str, np.ndarray], ids: np.ndarray, real: np.ndarray
    ) -> np.ndarray:
        """What is chosen in a batch, one row for each choice.

        Args:
            answers: the graph's outputs in front of the maps.
            ids, real: the batch's token ids, and where it is no padding; (batch, sequence).
        """
        if self.task == "answer":
            texts = range(len(ids))
            return np.array([self._span(answers, row, ids[row], real[row]) for row in texts])
        logits = answers.get("logits", np.empty((len(ids), 1)))
        if self.problem_type == SEVERAL_LABELS:
            return np.asarray(logits > 0)
        chooses_nothing = logits.shape[-1] == 1 and self.task in ("classify", "encode", "embed")
        if chooses_nothing or self.problem_type == NUMBER:
            return np.empty((0,), int)
        if self.task == "tag":
            asked = real & ~np.isin(ids, list(self.separators))
        elif self.task == "fill":
            asked = real & (ids == self.mask)
        else:
            return np.asarray(logits.argmax(axis=-1))
        return np.asarray(logits[asked].argmax(axis=-1))

    def _with_mask(self, text: EncodedText) -> EncodedText:
        words = [i for i, one in enumerate(text.token_ids) if one not in self.separators]
        if self.mask is None or self.mask in text.token_ids or not words:
            return replace(text, label=_UNKNOWN)
        masked, place = list(text.token_ids), words[len(words) // 2]
        masked[place] = self.mask
        return replace(text, token_ids=tuple(masked), label=text.token_ids[place])

    def _span(
        self, answers: Mapping[str, np.ndarray], row: int, ids: np.ndarray, real: np.ndarray
    ) -> tuple[int, int]:
        """The first and the last token of the answer, which lies in the last of the texts."""
        inside = np.flatnonzero(real & ~np.isin(ids, list(self.separators)))
        if not len(inside):
            return (0, 0)
        first = inside[-1]
        while first - 1 in inside:
            first -= 1
        at = slice(first, inside[-1] + 1)
        start, end = answers["start_logits"][row, at], answers["end_logits"][row, at]
        sums = np.where(np.tri(len(end), dtype=bool).T, start[:, None] + end, -np.inf)
        best = np.unravel_index(sums.argmax(), sums.shape)
        return int(best[0]), int(best[1])


def choices_of(part: LoadedEncoder) -> Choices:
    """How a loaded model's answers are read."""
    tokenizer = part.tokenizer
    separators = (getattr(tokenizer, name, None) for name in _SEPARATORS)
    return Choices(
        task=part.task,
        mask=tokenizer.mask_token_id,
        separators=frozenset(one for one in separators if one is not None),
        pooling=part.pooling,
        problem_type=part.problem_type,
    )


def pool(hidden: np.ndarray, real: np.ndarray, pooling: Pooling) -> np.ndarray:
    """The vector of each text: (batch, hidden) of hidden states (batch, sequence, hidden)."""
    rows = np.arange(len(hidden))
    if pooling.mode == "cls":
        found = hidden[rows, real.argmax(axis=1)]
    elif pooling.mode == "last":
        found = hidden[rows, real.shape[1] - 1 - real[:, ::-1].argmax(axis=1)]
    elif pooling.mode == "max":
        found = np.where(real[..., None], hidden, -np.inf).max(axis=1)
    else:
        found = (hidden * real[..., None]).sum(axis=1) / real.sum(axis=1, keepdims=True)
    length = np.linalg.norm(found, axis=1, keepdims=True) if pooling.normalize else 1.0
    return np.asarray(found / np.maximum(length, 1e-12))


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of each pair of rows."""
    sizes = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / np.maximum(sizes, 1e-12))
