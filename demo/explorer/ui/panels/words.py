"""What every word does to the answer beside the attention that it gets, what two words do together,
and the few without which the model answers otherwise.
"""

from typing import Any

from explorer.analyses.faithfulness import attention_received, words_that_disagree
from explorer.analyses.occlusion import (
    Occlusion,
    WordPairs,
    occlusion_cost,
    word_pairs,
    word_pairs_cost,
)
from explorer.analyses.occlusion import occlusion as find_effects
from explorer.analyses.perturbation import REMOVAL_MODES, Contrast, RemovalMode
from explorer.analyses.smallest_flip import Flip, flip_cost
from explorer.analyses.smallest_flip import smallest_flip as find_flip
from explorer.inference.cost import Cost, Progressive, run_to_end
from explorer.ui import wording
from explorer.ui.events import while_awaited
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.heads import answer_name
from explorer.ui.panels.options import (
    NamedTarget,
    WordsAsked,
    about_words,
    ask_words,
    check_label_and_way,
    check_way,
    label_and_way,
    rather_than_and_way,
)
from explorer.ui.payloads import (
    log_odds_by_label,
    log_odds_of_target,
    looks,
    plain,
    plain_log_odds,
    rounded,
    rounded_numbers,
)
from explorer.ui.tasks.known import makes_sense


def occlusion_payload(asked: WordsAsked, found: Occlusion) -> dict[str, Any]:
    """What programs are answered and `web/occlusion.js` draws."""
    bundle, shares = asked.model.bundle, attention_received(asked.reading)
    whole, without, target = found.whole, found.changed_sentences, found.target
    spans, falls = found.sentences, plain(whole.falls(without, target))
    log_odds_falls = plain_log_odds(whole.log_odds_falls(without, target), bundle)
    return {
        "words": [word.text for word in found.words],
        "effects": plain(found.effects),
        "log_odds_effects": plain_log_odds(found.log_odds_effects, bundle),
        "matters": found.matters,
        "least": found.least,
        "attention": shares.tolist(),
        "disagreements": words_that_disagree(asked.reading, found),
        "sentences": [
            {"words": [span.start, span.stop], "effect": fall, "log_odds_effect": log_odds_fall}
            for span, fall, log_odds_fall in zip(
                spans, falls, log_odds_falls or [None] * len(spans), strict=True
            )
        ],
        **about_words(asked),
    }


def _occlusion_cost(asked: Asked) -> Cost:
    check_label_and_way(asked)
    return occlusion_cost(asked.model, asked.reading)


def _run_occlusion(asked: Asked) -> Progressive[dict[str, Any]]:
    words = check_label_and_way(asked)
    found = yield from find_effects(*words)
    reading, can_mask = asked.reading, asked.model.mask_id is not None
    return {
        **occlusion_payload(words, found),
        "number": asked.model.bundle.problem_type == "regression",
        "segments": [word.segment for word in found.words],
        "pair": bool(reading.text_pair),
        "looks": looks(reading),
        "layer": wording.last_with_maps(asked.model.bundle),
        "left_out": len(found.words) - len(found.tried),
        "held": words.way == "deleted" and bool(reading.encoded.held) and can_mask,
        "moves_answer": found.moves_answer,
    }


OCCLUSION = Analysis(
    name="occlusion",
    button="Remove each word",
    look_for=(
        "**What each word did.** Every word is removed in turn and the model asked again: a "
        "word's effect is the answer with it less the answer without it. The line below a word is "
        "how much attention it gets from where the answer is read, such as [CLS]. Try a negation, "
        "such as “not bad at all”: “not” can carry the answer and get hardly any attention, while "
        "much of it goes to words without which nothing changes."
    ),
    widget="occlusion",
    cost=_occlusion_cost,
    run=_run_occlusion,
    **label_and_way("occlusion"),
)


def occlusion(
    models: PageModels,
    text: str,
    text_pair: str = "",
    label: str = "",
    way: str = REMOVAL_MODES[0],
    bundle: str = "",
    rather_than: str = "",
    place: int | None = None,
) -> dict:
    """What each word does to the answer: the answer with it less the answer without it.

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        label: the class whose probability counts, or the number of a regression; the likeliest
            if empty. Of models of other tasks a label, an answer or a word, as /tag, /answer and
            /fill give them.
        way: what becomes of a word: "deleted" or "masked".
        bundle: the title of the model; the page's first one that has answers if empty.
        rather_than: the class that `label` is set against; all others if empty. Then the log-odds
            are those between the two, the difference of their logits, and `effects` are on the
            probability of `label`, given that it is one of the two and not both.
        place: of models that tag or fill, which word or mask is asked about, from 1; the first that
            has an answer of its own if null.

    Returns:
        `words` as typed, `effects` (on the probability; above 0 the word speaks for the class;
        null where it was not tried, for want of time), `log_odds_effects` (the same on the
        log-odds, the natural logarithm of p / (1 - p), which still move where the probability
        stands near 0 or 1; null for a regression), `matters` (whether any of them is at least
        `least`: 0.1 of log-odds, or a hundredth of a regression's number; below it words are
        next to nothing by themselves), `attention` (what the tokens that the answer is read from,
        [CLS] of a class, give to each word in the last layer that has maps, mean over heads),
        `disagreements` (for each word null, "idle": much attention, no effect, "against": much
        attention, speaks against the class, or "unseen": much effect, hardly any attention; none
        where no word matters, or none moves the probability by a point), `sentences` (of a long
        text, tried first: `words`, from and up to which, `effect` and `log_odds_effect`), `label`,
        `about` (of models of other tasks, what of the text it is the label of), `value` (the answer
        with all words), `log_odds` (the same; null for a regression), `way`, `bundle`.
    """
    named = NamedTarget(label, rather_than, place)
    asked = ask_words(models, text, text_pair, named, way, bundle)
    found = run_to_end(while_awaited(find_effects(*asked)))
    return rounded_numbers(occlusion_payload(asked, found))


_NAMED = 6
"""So many pairs are put into words."""


def pairs_payload(asked: WordsAsked, found: WordPairs) -> dict[str, Any]:
    """What programs are answered and `web/pairs.js` draws."""
    bundle, single = asked.model.bundle, found.single
    return {
        "words": [single.words[place].text for place in found.places],
        "effects": plain(single.effects[found.places]),
        "log_odds_effects": plain_log_odds(single.log_odds_effects[found.places], bundle),
        "interactions": plain(found.interactions),
        "log_odds_interactions": plain_log_odds(found.log_odds_interactions, bundle),
        "words_left_out": found.left_out,
        **about_words(asked),
    }


def _pairs_cost(asked: Asked) -> Cost:
    check_label_and_way(asked)
    return word_pairs_cost(asked.model, asked.reading)


def _run_pairs(asked: Asked) -> Progressive[dict[str, Any]]:
    words = check_label_and_way(asked)
    found = yield from word_pairs(*words)
    return {
        **pairs_payload(words, found),
        "number": asked.model.bundle.problem_type == "regression",
        "least": found.single.least,
        "strongest": found.that_matter[:_NAMED],
    }


PAIRS = Analysis(
    name="pairs",
    button="Remove pairs",
    look_for=(
        "**Two words together.** Every two words are removed at once. + : each counts for more "
        "while the other is there, as “not” and “bad” do; − : for less, as when one of two "
        "praises is enough. The effects of single words show neither."
    ),
    widget="pairs",
    cost=_pairs_cost,
    run=_run_pairs,
    **label_and_way("pairs"),
)


def pairs(
    models: PageModels,
    text: str,
    text_pair: str = "",
    label: str = "",
    way: str = REMOVAL_MODES[0],
    bundle: str = "",
    rather_than: str = "",
    place: int | None = None,
) -> dict:
    """What two words do together: p(x) - p(x without u) - p(x without v) + p(x without both).

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        label: the class whose probability p counts; the likeliest if empty.
        way: what becomes of a word: "deleted" or "masked".
        bundle: the title of the model; the page's first one that has answers if empty.
        rather_than: the class that it is set against; all others if empty. See /occlusion.
        place: of models that tag or fill, which word or mask is asked about, from 1; the first that
            has an answer of its own if null.

    Returns:
        `words` (those of the largest effect, at most 24), `effects` and `log_odds_effects` of
        each alone, `interactions` (a row for each word; above 0 each counts for more beside the
        other), `log_odds_interactions` (the same of the log-odds in place of p; null for a
        regression), `words_left_out`, `label`, `value`, `log_odds`, `way`, `bundle`.
    """
    named = NamedTarget(label, rather_than, place)
    asked = ask_words(models, text, text_pair, named, way, bundle)
    found = run_to_end(while_awaited(word_pairs(*asked)))
    return rounded_numbers(pairs_payload(asked, found))


def flip_sentence(found: Flip, way: RemovalMode) -> str:
    """What was found, and what is known of smaller sets."""
    stays, becomes = _stays_or_becomes(found)
    tried = len(found.single.tried)
    if found.places is None:
        all_of = "all" if tried == len(found.single.words) else "all that were tried"
        return (
            f"{stays}: with the words {way} one after another, those first that "
            f"speak most for it, it never changed, not even with {all_of} {tried} {way}. Other "
            f"sets may change it{'; no pair does' if found.tried_pairs else ''}."
        )
    count = len(found.places)
    enough = f"{count} word{' was' if count == 1 else 's were'} enough"
    changes = f"with {'it' if count == 1 else 'them'} {way}, {becomes}."
    if found.is_smallest:
        tried_all = "" if count == 1 else " Every smaller set was tried: no one of them is enough."
        return f"{enough}: {changes}{tried_all}"
    pairs = "no one word and no pair is" if found.tried_pairs else "no one word that was tried is"
    return f"At most {enough}: {changes} Greedy: a smaller set may exist, though {pairs} enough."


def _stays_or_becomes(found: Flip) -> tuple[str, str]:
    """Both ends that a search may come to, as clauses."""
    target, whole = found.single.target, found.single.whole
    if whole.bundle.problem_type == "multi_label" and not isinstance(target, Contrast):
        name = whole.bundle.labels[target]
        if whole.target_log_odds(target) > 0:
            return f"The answer stays {name}", f"{name} no longer fits"
        return f"The answer stays that {name} does not fit", f"{name} fits"
    before, after = (answer_name(one, target) for one in (whole, found.changed))
    if not isinstance(target, Contrast):
        return f"The answer stays {before}", f"the answer is {after}, not {before}"
    [other] = {whole.bundle.labels[place] for place in target} - {before}
    return f"{before} stays likelier than {other}", f"{after} is likelier than {before}"


def flip_payload(asked: WordsAsked, found: Flip) -> dict[str, Any]:
    """What programs are answered and `web/smallest_flip.js` draws."""
    changed, target = rounded(found.changed.probabilities), asked.target
    between = {
        "changed_value": float(found.changed.target_probability(target)),
        "changed_between": log_odds_of_target(found.changed, target),
    }
    return {
        "words": [word.text for word in found.single.words],
        "removed": found.places,
        "is_smallest": found.is_smallest,
        "changed": dict(zip(asked.model.bundle.labels, changed, strict=True)),
        "changed_log_odds": log_odds_by_label(found.changed),
        "sentence": flip_sentence(found, asked.way),
        **(between if isinstance(target, Contrast) else {}),
        **about_words(asked),
    }


def _flip_cost(asked: Asked) -> Cost:
    check_way(asked)
    return flip_cost(asked.model, asked.reading)


def _run_flip(asked: Asked) -> Progressive[dict[str, Any]]:
    words = check_way(asked)
    found = yield from find_flip(*words)
    return flip_payload(words, found)


SMALLEST_FLIP = Analysis(
    name="smallest_flip",
    button="Find words that flip the answer",
    look_for=(
        "**How few words hold the answer.** Words are removed until the model says something "
        "else. If one or two are enough, the answer hangs on them, however widely attention is "
        "spread; what is left then often reads like nothing that anybody would write."
    ),
    widget="smallest_flip",
    cost=_flip_cost,
    run=_run_flip,
    makes_sense=lambda bundle: makes_sense(bundle, "smallest_flip"),
    **rather_than_and_way("smallest_flip"),
)


def smallest_flip(
    models: PageModels,
    text: str,
    text_pair: str = "",
    way: str = REMOVAL_MODES[0],
    bundle: str = "",
    rather_than: str = "",
    place: int | None = None,
) -> dict:
    """A small set of words without which the model answers otherwise.

    Args:
        text: what to read, at most 10,000 characters.
        text_pair: a second text, for models that compare two.
        way: what becomes of the words: "deleted" or "masked".
        bundle: the title of the model; the page's first one that has answers if empty.
        rather_than: a class that the likeliest one is set against: words go until that one is
            likelier, whatever a third may be.
        place: of models that tag or fill, which word or mask is asked about, from 1; the first that
            has an answer of its own if null.

    Returns:
        `words`, `removed` (places in them, from 0; null if no set was found), `is_smallest`
        (whether every smaller set was tried), `changed` (the answer without them, by label),
        `changed_log_odds` (the same), `changed_value` and `changed_between` (the same of the two
        that `rather_than` compares; only there if it was given), `sentence` (all this in
        words), `label`, `value`, `log_odds`, `way`, `bundle`.
    """
    named = NamedTarget(rather_than=rather_than, place=place)
    asked = ask_words(models, text, text_pair, named, way, bundle)
    found = run_to_end(while_awaited(find_flip(*asked)))
    return rounded_numbers(flip_payload(asked, found))
