"""The endpoint that compares two texts, or two models."""

from typing import Any

from explorer.analyses.compare import compare, most_moved
from explorer.analyses.perturbation import Answers
from explorer.ui.api import rounded
from explorer.ui.checks import answer_or_message
from explorer.ui.models import Screen
from explorer.ui.panels.plain import log_odds_by_label, rounded_numbers


class CompareApi:
    """What programs may ask about two readings."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def compare(
        self, text: str, other: str, text_pair: str = "", bundle: str = "", other_bundle: str = ""
    ) -> dict:
        """Two texts under one model, or under two: answers, shared words, heads that moved.

        Args:
            text: what to read, at most 10,000 characters.
            other: what to compare it with; the same text, to compare two models.
            text_pair: a second text that both are read with, for models that compare two.
            bundle: the title of the model; the page's first one that classifies if empty.
            other_bundle: the model that reads `other`; the same one if empty.

        Returns:
            `probabilities` (for each of the two a number by label), `log_odds` (the same, the
            natural logarithm of p / (1 - p); null for a regression), `words` (for each the words
            as typed), `shared` (pairs of places in them: the same word), `moved` (a row for each
            layer, in it a number for each head: the total variation distance between the rows of
            the shared words, on the shared words and all others taken together; null where the
            models have other layers or heads), `most_moved` (the eight farthest as layer and head
            from 1), `bundles`.
        """
        title = bundle or self._screen.first("classifies")
        return answer_or_message(
            self._compare, (title, text), (other_bundle or title, other), text_pair
        )

    def _compare(self, one: tuple, other: tuple, text_pair: Any) -> dict:
        sides = [self._screen.answer(title, text, text_pair) for title, text in (one, other)]
        found = compare(sides[0][1], sides[1][1])
        return {
            "bundles": [model.bundle.title for model, _ in sides],
            "probabilities": [
                dict(zip(model.bundle.labels, rounded(reading.probabilities), strict=True))
                for model, reading in sides
            ],
            "log_odds": [
                rounded_numbers(log_odds_by_label(Answers(model.bundle, reading.logits)))
                for model, reading in sides
            ],
            "words": [[word.text for word in words] for words in (found.first, found.second)],
            "shared": [list(pair) for pair in found.shared],
            "moved": None if found.moved is None else [rounded(row) for row in found.moved],
            "most_moved": []
            if found.moved is None
            else [[layer + 1, head + 1] for layer, head in most_moved(found.moved)],
        }
