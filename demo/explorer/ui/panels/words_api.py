"""The endpoints on what words did to an answer."""

from typing import Any

from explorer.analyses.faithfulness import MEASURES, Faithfulness, faithfulness, percentile
from explorer.analyses.occlusion import occlusion
from explorer.analyses.perturbation import REMOVAL_MODES, Answers, RemovalMode, check_removal_mode
from explorer.analyses.smallest_flip import smallest_flip
from explorer.analyses.word_pairs import word_pairs
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel, Reading
from explorer.ui.api import DIGITS, rounded
from explorer.ui.checks import answer_or_message, while_awaited
from explorer.ui.models import Screen
from explorer.ui.panels import flip_panel, occlusion_panel, pairs_panel, trust_panel
from explorer.ui.panels.options import check_label
from explorer.ui.panels.plain import (
    log_odds_by_label,
    log_odds_of_label,
    plain,
    plain_log_odds,
    rounded_numbers,
)


class WordsApi:
    """What programs may ask about words and an answer."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def occlusion(
        self,
        text: str,
        text_pair: str = "",
        label: str = "",
        way: str = REMOVAL_MODES[0],
        bundle: str = "",
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
            `words` as typed, `effects` (on the probability; above 0 the word speaks for the class;
            null where it was not tried, for want of time), `log_odds_effects` (the same on the
            log-odds, the natural logarithm of p / (1 - p), which still move where the probability
            stands near 0 or 1; null for a regression), `matters` (whether any of them is at least
            `least`: 0.1 of log-odds, or a hundredth of a regression's number; below it words are
            next to nothing by themselves, and no disagreement is listed), `attention` (what [CLS]
            gives to each word in the last layer, mean over heads), `disagreements` (for each word
            null, "idle": much looked at, without effect, "against": much looked at, speaks against
            the class, or "unseen": of much effect, hardly looked at), `sentences` (of a long text,
            tried first: `words`, from and up to which, `effect` and `log_odds_effect`), `label`,
            `value` (the answer with all words), `log_odds` (the same; null for a regression),
            `way`, `bundle`.
        """
        return answer_or_message(self._occlusion, text, text_pair, label, way, bundle)

    def pairs(
        self,
        text: str,
        text_pair: str = "",
        label: str = "",
        way: str = REMOVAL_MODES[0],
        bundle: str = "",
    ) -> dict:
        """What two words do together: p(x) - p(x without u) - p(x without v) + p(x without both).

        Args:
            text: what to read, at most 10,000 characters.
            text_pair: a second text, for models that compare two.
            label: the class whose probability p counts; the likeliest if empty.
            way: what becomes of a word: "deleted" or "masked".
            bundle: the title of the model; the page's first one that classifies if empty.

        Returns:
            `words` (those of the largest effect, at most 24), `effects` and `log_odds_effects` of
            each alone, `interactions` (a row for each word; above 0 each counts for more beside the
            other), `log_odds_interactions` (the same of the log-odds in place of p; null for a
            regression), `words_left_out`, `label`, `value`, `log_odds`, `way`, `bundle`.
        """
        return answer_or_message(self._pairs, text, text_pair, label, way, bundle)

    def smallest_flip(
        self, text: str, text_pair: str = "", way: str = REMOVAL_MODES[0], bundle: str = ""
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
            `changed_log_odds` (the same), `sentence` (all this in words), `label`, `value`,
            `log_odds`, `way`, `bundle`.
        """
        return answer_or_message(self._flip, text, text_pair, "", way, bundle)

    def trust(
        self, text: str, text_pair: str = "", way: str = REMOVAL_MODES[0], bundle: str = ""
    ) -> dict:
        """How far to trust rankings of words, against 20 random orders of the same words.

        Args:
            text: what to read, at most 10,000 characters; two words or more.
            text_pair: a second text, for models that compare two.
            way: what becomes of words: "deleted" or "masked".
            bundle: the title of the model; the page's first one that classifies if empty.

        Returns:
            `methods`: by name `comprehensiveness` and `sufficiency` (DeYoung et al. 2020), each
            with its `..._percentile` (the share of random orders that it is better than, a tie as
            half), the same four of the log-odds, as `log_odds_...` (null for a regression),
            `agreement` (Kendall's tau with the size of occlusion's effects on the log-odds; null
            where no word matters by itself) and `sentences`; `removal_tells` and `keeping_tells`
            (whether it makes a difference in which order words go, or which are kept: 0.1 of
            log-odds between any two of the orders; otherwise no percentile says anything),
            `percents` (the steps of the mean), `plan` (in words), `label`, `value`, `log_odds`,
            `way`, `bundle`.
        """
        return answer_or_message(self._trust, text, text_pair, "", way, bundle)

    def _occlusion(self, *given: Any) -> dict:
        model, reading, label, way = self._asked(*given)
        found = run_to_end(while_awaited(occlusion(model, reading, label, way)))
        drawn = occlusion_panel.payload(model.bundle, reading, found, way)
        words = drawn["words"]
        answer = {
            "words": [word["text"] for word in words],
            "effects": [word["effect"] for word in words],
            "log_odds_effects": plain_log_odds(found.log_odds_effects, model.bundle),
            "matters": drawn["matters"],
            "least": drawn["least"],
            "attention": [word["share"] for word in words],
            "disagreements": [word["mark"] for word in words],
            "sentences": drawn["sentences"],
        }
        return {**rounded_numbers(answer), **_about(model, reading, label, way)}

    def _pairs(self, *given: Any) -> dict:
        model, reading, label, way = self._asked(*given)
        found = run_to_end(while_awaited(word_pairs(model, reading, label, way)))
        drawn = pairs_panel.payload(model.bundle, found, way)
        names = (
            "words", "effects", "log_odds_effects", "interactions", "log_odds_interactions"
        )  # fmt: skip
        answer = {name: drawn[name] for name in names}
        return {
            **rounded_numbers(answer),
            "words_left_out": found.left_out,
            **_about(model, reading, label, way),
        }

    def _flip(self, *given: Any) -> dict:
        model, reading, label, way = self._asked(*given)
        found = run_to_end(while_awaited(smallest_flip(model, reading, label, way)))
        changed = rounded(found.changed.probabilities)
        return {
            "words": [word.text for word in found.single.words],
            "removed": found.places,
            "is_smallest": found.is_smallest,
            "changed": dict(zip(model.bundle.labels, changed, strict=True)),
            "changed_log_odds": rounded_numbers(log_odds_by_label(found.changed)),
            "sentence": flip_panel.sentence(found, way),
            **_about(model, reading, label, way),
        }

    def _trust(self, *given: Any) -> dict:
        model, reading, label, way = self._asked(*given)
        found = run_to_end(while_awaited(faithfulness(model, reading, label, way)))
        methods = {
            name: {
                **_measures(found, place),
                "agreement": plain(found.found.agreement.round(DIGITS))[place],
                "sentences": trust_panel.sentences(found, place, way),
            }
            for place, name in enumerate(found.methods)
        }
        return {
            "methods": methods,
            "removal_tells": found.removal_tells,
            "keeping_tells": found.keeping_tells,
            "percents": list(found.percents),
            "plan": trust_panel.plan(found),
            **_about(model, reading, label, way),
        }

    def _asked(
        self, text: Any, text_pair: Any, label: Any, way: Any, bundle: Any
    ) -> tuple[EncoderModel, Reading, int, RemovalMode]:
        """Raises RequestError."""
        title = bundle or self._screen.first("classifies")
        model, reading = self._screen.answer(title, text, text_pair)
        likeliest = reading.likeliest
        place = check_label(label, model.bundle) if label else likeliest
        return model, reading, place, check_removal_mode(way, model)


def _measures(found: Faithfulness, place: int) -> dict[str, float | None]:
    """What one method came to, with the share of random orders that it is better than."""
    told: dict[str, float | None] = {}
    for name in MEASURES:
        own, chance = getattr(found.found, name)[place], getattr(found.by_chance, name)
        told[name] = round(float(own), DIGITS)
        told[f"{name}_percentile"] = percentile(own, chance, low=name.endswith("sufficiency"))
    if found.single.whole.bundle.problem_type == "regression":
        told |= {name: None for name in told if name.startswith("log_odds")}
    return told


def _about(model: EncoderModel, reading: Reading, label: int, way: RemovalMode) -> dict[str, Any]:
    answer = Answers(model.bundle, reading.logits)
    return {
        "label": model.bundle.labels[label],
        "value": round(float(reading.probabilities[label]), DIGITS),
        "log_odds": rounded_numbers(log_odds_of_label(answer, label)),
        "way": way,
        "tokens_left_out": reading.tokens_left_out,
        "bundle": model.bundle.title,
    }
