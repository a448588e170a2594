"""What is asked of a text. A question makes scores of a few labels, or a number, of what a graph
gives: for each token, for a vocabulary, as a vector. So whatever changes a text can ask any model
the same again, as it asks a classifier.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from explorer.bundle import Bundle
from explorer.inference.tokenizing import Encoded

Outputs = Mapping[str, NDArray[np.float32]]
"""What a graph gives of one text, by the names of its outputs, without padding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What can be asked of a text again after it was changed."""

    labels: tuple[str, ...]
    """What there is to choose from; of a number its name."""
    problem_type: str
    """As in `Bundle`: what the scores are."""
    temperature: float = 1.0
    scores: Callable[[Outputs, Encoded], NDArray[np.float32]]
    """Shape (labels,), of what the graph gave and the text that it was given."""
    about: str = ""
    """Which place of the text is asked about, in words that follow a label: "for “Paris”". Empty
    where it is the whole text."""
    held: tuple[int, ...] = ()
    """Tokens without which there is nothing to ask: see `Encoded.held`."""
    read_from: tuple[int, ...] = ()
    """Tokens from whose hidden states the answer is read, by their places; none: `Encoded.cls`."""

    def of(self, bundle: Bundle) -> Bundle:
        """The bundle of a model that answers this."""
        return replace(
            bundle,
            labels=self.labels,
            problem_type=self.problem_type,
            temperature=self.temperature,
            about=self.about,
        )


def told_apart(names: Sequence[str], others: Sequence[str] = ()) -> tuple[str, ...]:
    """Names as labels, of which no two are the same: later ones are numbered. The `others` come
    after them as they are."""
    found: list[str] = []
    for name in names:
        taken, number = {*found, *others}, 1
        while (label := f"{name} ({number})" if number > 1 else name) in taken:
            number += 1
        found.append(label)
    return (*found, *others)


def which_class(bundle: Bundle) -> Question:
    """What a classifier is asked."""
    assert bundle.problem_type, "it classifies"
    return Question(
        labels=bundle.labels,
        problem_type=bundle.problem_type,
        temperature=bundle.temperature,
        scores=lambda outputs, _: outputs["logits"],
    )
