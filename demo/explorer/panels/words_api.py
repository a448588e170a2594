"""The endpoints on what words did to an answer."""

from typing import Any

import numpy as np

from explorer.analysis.disagreement import disagreements
from explorer.analysis.occlusion import occlusion
from explorer.analysis.pairs import pairs
from explorer.analysis.rankings import attention_received
from explorer.analysis.removal import WAYS, Way, check_way
from explorer.analysis.smallest_flip import smallest_flip
from explorer.analysis.steps import finish
from explorer.analysis.trust import percentile, trust
from explorer.api import DIGITS, rounded
from explorer.edge import answer_or_message
from explorer.panels import flip_panel, trust_panel
from explorer.panels.label_option import check_label
from explorer.reading import Reading
from explorer.request import RequestError
from explorer.runner import Runner
from explorer.screen import Screen


class WordsApi:
    """What programs may ask about words and an answer."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def occlusion(
        self, text: str, text_pair: str = "", label: str = "", way: str = WAYS[0], bundle: str = ""
    ) -> dict:
        """What each word does to the answer: the answer with it less the answer without it.

        Args:
            text: what to read, at most 10,000 characters.
            text_pair: a second text, for models that compare two.
            label: the class whose probability counts, or the number of a regression; the likeliest
                if empty.
            way: what becomes of a word: "deleted" or "masked".
            bundle: the title of the model; the page's first one that classifies if empty.

        Returns:
            `words` as typed, `effects` (above 0 the word speaks for the class; null where it was
            not tried, for want of time), `attention` (what [CLS] gives to each word in the last
            layer, mean over heads), `disagreements` (for each word null, "idle": much looked at,
            without effect, "against": much looked at, speaks against the class, or "unseen": of
            much effect, hardly looked at), `sentences` (of a long text, tried first: `words`, from
            and up to which, and `effect`), `label`, `value` (the answer with all words), `way`,
            `bundle`.
        """
        return answer_or_message(self._occlusion, text, text_pair, label, way, bundle)

    def pairs(
        self, text: str, text_pair: str = "", label: str = "", way: str = WAYS[0], bundle: str = ""
    ) -> dict:
        """What two words do together: p(x) - p(x without u) - p(x without v) + p(x without both).

        Args:
            text: what to read, at most 10,000 characters.
            text_pair: a second text, for models that compare two.
            label: the class whose probability p counts; the likeliest if empty.
            way: what becomes of a word: "deleted" or "masked".
            bundle: the title of the model; the page's first one that classifies if empty.

        Returns:
            `words` (those of the largest effect, at most 24), `effects` of each alone,
            `interactions` (a row for each word; above 0 each counts for more beside the other),
            `words_left_out`, `label`, `value`, `way`, `bundle`.
        """
        return answer_or_message(self._pairs, text, text_pair, label, way, bundle)

    def smallest_flip(
        self, text: str, text_pair: str = "", way: str = WAYS[0], bundle: str = ""
    ) -> dict:
        """A small set of words without which the model answers otherwise.

        Args:
            text: what to read, at most 10,000 characters.
            text_pair: a second text, for models that compare two.
            way: what becomes of the words: "deleted" or "masked".
            bundle: the title of the model; the page's first one that classifies if empty.

        Returns:
            `words`, `removed` (places in them, from 0; null if no set was found), `is_smallest`
            (whether every smaller set was tried), `changed` (the answer without them, by label),
            `sentence` (all this in words), `label`, `value`, `way`, `bundle`.
        """
        return answer_or_message(self._flip, text, text_pair, "", way, bundle)

    def trust(self, text: str, text_pair: str = "", way: str = WAYS[0], bundle: str = "") -> dict:
        """How far to trust rankings of words, against 20 random orders of the same words.

        Args:
            text: what to read, at most 10,000 characters; two words or more.
            text_pair: a second text, for models that compare two.
            way: what becomes of words: "deleted" or "masked".
            bundle: the title of the model; the page's first one that classifies if empty.

        Returns:
            `methods`: by name `comprehensiveness` and `sufficiency` (DeYoung et al. 2020), each
            with its `..._percentile` (the share of random orders that it is better than, a tie as
            half), `agreement` (Kendall's tau with the size of occlusion's effects, or null) and
            `sentences`; `percents` (the steps of the mean), `plan` (in words), `label`, `value`,
            `way`, `bundle`.
        """
        return answer_or_message(self._trust, text, text_pair, "", way, bundle)

    def _occlusion(self, *given: Any) -> dict:
        runner, reading, label, way = self._asked(*given)
        found = finish(occlusion(runner, reading, label, way))
        shares = attention_received(reading)
        return {
            "words": [word.text for word in found.words],
            "effects": _or_null(found.effects),
            "attention": rounded(shares),
            "disagreements": disagreements(shares, found.log_odds_effects, found.least),
            "sentences": [
                {"words": [span.start, span.stop], "effect": effect}
                for span, effect in zip(
                    found.sentences, rounded(found.sentence_effects), strict=True
                )
            ],
            **_about(runner, reading, label, way),
        }

    def _pairs(self, *given: Any) -> dict:
        runner, reading, label, way = self._asked(*given)
        found = finish(pairs(runner, reading, label, way))
        return {
            "words": [found.single.words[place].text for place in found.places],
            "effects": rounded(found.single.effects[found.places]),
            "interactions": [rounded(row) for row in found.interactions],
            "words_left_out": found.left_out,
            **_about(runner, reading, label, way),
        }

    def _flip(self, *given: Any) -> dict:
        runner, reading, label, way = self._asked(*given)
        found = finish(smallest_flip(runner, reading, label, way))
        return {
            "words": [word.text for word in found.single.words],
            "removed": found.places,
            "is_smallest": found.is_smallest,
            "changed": dict(
                zip(runner.bundle.labels, rounded(found.changed.probabilities), strict=True)
            ),
            "sentence": flip_panel.sentence(found, way),
            **_about(runner, reading, label, way),
        }

    def _trust(self, *given: Any) -> dict:
        runner, reading, label, way = self._asked(*given)
        found = finish(trust(runner, reading, label, way))
        own, chance = found.found, found.by_chance
        methods = {}
        for place, name in enumerate(found.methods):
            removed, kept = own.comprehensiveness[place], own.sufficiency[place]
            methods[name] = {
                "comprehensiveness": round(float(removed), DIGITS),
                "comprehensiveness_percentile": percentile(removed, chance.comprehensiveness),
                "sufficiency": round(float(kept), DIGITS),
                "sufficiency_percentile": percentile(kept, chance.sufficiency, low=True),
                "agreement": _or_null(own.agreement)[place],
                "sentences": trust_panel.sentences(found, place, way),
            }
        return {
            "methods": methods,
            "percents": list(found.percents),
            "plan": trust_panel.plan(found),
            **_about(runner, reading, label, way),
        }

    def _asked(
        self, text: Any, text_pair: Any, label: Any, way: Any, bundle: Any
    ) -> tuple[Runner, Reading, int, Way]:
        """Raises RequestError."""
        title = bundle or self._screen.first("classifies")
        runner, reading = self._screen.read(title, text, text_pair)
        if not runner.bundle.classifies:
            raise RequestError(f"{runner.bundle.title} does not classify.")
        likeliest = int(np.argmax(reading.probabilities))
        place = check_label(label, runner.bundle) if label else likeliest
        return runner, reading, place, check_way(way, runner)


def _or_null(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), DIGITS) for value in values]


def _about(runner: Runner, reading: Reading, label: int, way: Way) -> dict[str, Any]:
    return {
        "label": runner.bundle.labels[label],
        "value": round(float(reading.probabilities[label]), DIGITS),
        "way": way,
        "tokens_left_out": reading.tokens_left_out,
        "bundle": runner.bundle.title,
    }
