"""Sentence embeddings: one vector for each text, and how alike two of them are."""

import numpy as np
from numpy.typing import NDArray

from bundle_format.schema import Pooling
from explorer.inference.question import Outputs, Question
from explorer.inference.reading import Reading
from explorer.inference.tokenizing import Encoded

COSINE = "cosine"


def vectors(reading: Reading, pooling: Pooling) -> list[NDArray[np.float64]]:
    """The vector of each text of a reading, shape (hidden,); of length 1 where the model's are."""
    found = _pooled({"last_hidden_state": reading.hidden}, reading.encoded, pooling)
    return [one / _length(one) if pooling.normalize else one for one in found]


def how_alike(reading: Reading, pooling: Pooling) -> Question:
    """The cosine of the angle between the vectors of two texts."""

    def scores(outputs: Outputs, encoded: Encoded) -> NDArray[np.float32]:
        one, other = _pooled(outputs, encoded, pooling)
        return np.array([one @ other / (_length(one) * _length(other))], np.float32)

    return Question(
        labels=(COSINE,),
        problem_type="regression",
        scores=scores,
        about="of the two texts",
        read_from=tuple(
            place for places in _texts(reading.encoded) for place in _read(places, pooling)
        ),
    )


def _pooled(outputs: Outputs, encoded: Encoded, pooling: Pooling) -> list[NDArray[np.float64]]:
    hidden = outputs["last_hidden_state"].astype(np.float64)
    rows = [hidden[_read(places, pooling)] for places in _texts(encoded)]
    return [one.max(axis=0) if pooling.mode == "max" else one.mean(axis=0) for one in rows]


def _texts(encoded: Encoded) -> list[list[int]]:
    """The tokens of each text by their places."""
    found: list[list[int]] = [[], []]
    for place, token in enumerate(encoded.tokens):
        found[token.segment].append(place)
    return [places for places in found if places]


def _read(places: list[int], pooling: Pooling) -> list[int]:
    """Those that its vector is made of."""
    return {"cls": places[:1], "last": places[-1:]}.get(pooling.mode, places)


def _length(vector: NDArray[np.float64]) -> float:
    return max(float(np.linalg.norm(vector)), 1e-12)
