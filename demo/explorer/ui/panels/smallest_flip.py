"""The few words without which the model answers otherwise: panel and endpoint."""

from typing import Any

from explorer.analyses import smallest_flip as analysis
from explorer.analyses.perturbation import REMOVAL_MODES, RemovalMode, check_removal_mode
from explorer.inference.cost import Cost, Progressive, run_to_end
from explorer.inference.encoder import EncoderModel, Reading
from explorer.ui.events import while_awaited
from explorer.ui.models import PageModels
from explorer.ui.panel import Analysis, Asked
from explorer.ui.panels.head_effects import answer_name
from explorer.ui.panels.options import about_words, ask_words, way_control
from explorer.ui.payloads import log_odds_by_label, rounded, rounded_numbers

LOOK_FOR = (
    "**How few words hold the answer.** Words are removed until the model says something else. "
    "If one or two are enough, the answer hangs on them, however widely attention is spread; "
    "what is left then often reads like nothing that anybody would write."
)


def sentence(found: analysis.Flip, way: RemovalMode) -> str:
    """What was found, and what is known of smaller sets."""
    target, whole = found.single.target, found.single.whole
    before, after = (answer_name(one, target) for one in (whole, found.changed))
    tried = len(found.single.tried)
    if found.places is None:
        all_of = "all" if tried == len(found.single.words) else "all that were tried"
        return (
            f"The answer stays {before}: with the words {way} one after another, those first that "
            f"speak most for it, it never changed, not even with {all_of} {tried} {way}. Other "
            f"sets may change it{'; no pair does' if found.tried_pairs else ''}."
        )
    count = len(found.places)
    enough = f"{count} word{' was' if count == 1 else 's were'} enough"
    changes = f"with {'it' if count == 1 else 'them'} {way}, the answer is {after}, not {before}."
    if found.is_smallest:
        tried_all = "" if count == 1 else " Every smaller set was tried: no one of them is enough."
        return f"{enough}: {changes}{tried_all}"
    pairs = "no one word and no pair is" if found.tried_pairs else "no one word that was tried is"
    return f"At most {enough}: {changes} Greedy: a smaller set may exist, though {pairs} enough."


def payload(
    model: EncoderModel, reading: Reading, label: int, way: RemovalMode, found: analysis.Flip
) -> dict[str, Any]:
    """What programs are answered and `web/smallest_flip.js` draws."""
    changed = rounded(found.changed.probabilities)
    return {
        "words": [word.text for word in found.single.words],
        "removed": found.places,
        "is_smallest": found.is_smallest,
        "changed": dict(zip(model.bundle.labels, changed, strict=True)),
        "changed_log_odds": log_odds_by_label(found.changed),
        "sentence": sentence(found, way),
        **about_words(model, reading, label, way),
    }


def _cost(asked: Asked) -> Cost:
    check_removal_mode(asked.options.get("way"), asked.model)
    return analysis.flip_cost(asked.model, asked.reading)


def _run(asked: Asked) -> Progressive[dict[str, Any]]:
    way = check_removal_mode(asked.options.get("way"), asked.model)
    model, reading = asked.model, asked.reading
    label = reading.likeliest
    found = yield from analysis.smallest_flip(model, reading, label, way)
    return payload(model, reading, label, way, found)


SMALLEST_FLIP = Analysis(
    name="smallest_flip",
    button="Look for a flip",
    look_for=LOOK_FOR,
    widget="smallest_flip",
    cost=_cost,
    run=_run,
    lay_out_options=lambda bundle: {"way": way_control("smallest_flip")},
)


def smallest_flip(
    models: PageModels,
    text: str,
    text_pair: str = "",
    way: str = REMOVAL_MODES[0],
    bundle: str = "",
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
    model, reading, place, checked = ask_words(models, text, text_pair, "", way, bundle)
    found = run_to_end(while_awaited(analysis.smallest_flip(model, reading, place, checked)))
    return rounded_numbers(payload(model, reading, place, checked, found))
