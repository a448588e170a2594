"""Texts that a bundle offers where nobody gave any: ours, so that they may be public with it.

What a classifier of texts is for is not known, so it gets none, unless it reads two texts.
"""

from collections.abc import Mapping, Sequence

from transformers import PreTrainedTokenizerBase

from export.loading.checkpoint import LoadedEncoder, LoadedGenerator

_MASK = "{mask}"
_SENTENCES = (
    ("Ada Lovelace wrote to Charles Babbage from London in the summer of 1843.", ""),
    ("The Danube flows through Vienna, Budapest and Belgrade to the Black Sea.", ""),
    ("Last May the University of Oslo and Siemens opened a laboratory in Bergen.", ""),
    ("Nobody in the village had seen the comet, but the Times wrote about it for a week.", ""),
)
_QUESTIONS = (
    (
        "Where does the river rise?",
        "The Rhine rises in the Swiss Alps, passes Lake Constance, and reaches the North Sea in "
        "the Netherlands after some 1,230 kilometres.",
    ),
    (
        "Who repaired the clock?",
        "The clock in the tower had stopped at noon. A watchmaker from Prague, Anna Novak, "
        "repaired it within three days, and since then it has been on time.",
    ),
    (
        "How many eggs does the cake need?",
        "Mix the flour with two cups of sugar and a pinch of salt, stir in four eggs, and bake it "
        "for forty minutes.",
    ),
)
_GAPS = (
    (f"The capital of France is {_MASK}.", ""),
    (f"She opened the {_MASK} and looked out at the garden.", ""),
    (f"It was raining, so he took his {_MASK} with him.", ""),
    (f"The soup was too {_MASK}, and nobody wanted to {_MASK} it.", ""),
)
_PAIRS = (
    ("A child is feeding the ducks.", "A girl gives bread to some birds on a pond."),
    ("The train to Milan was late again.", "We waited an hour at the station."),
    ("How can I learn to play the piano?", "The piano was sold at an auction."),
)
_CLAIMS = (
    ("Two men are playing chess in a park.", "Somebody is outdoors."),
    ("The shop closes at six on Saturdays.", "On Saturdays the shop is open all night."),
    ("She is reading a letter by the window.", "The letter is from her brother."),
)
_PROMPTS = (
    ("The first thing that she saw in the morning was", ""),
    ("Once upon a time there was a mill by the river, and", ""),
    ("The capital of France is", ""),
    ("To bake bread you need flour, water, salt and", ""),
    ("He closed the door behind him, because", ""),
    ("The three largest planets of the solar system are", ""),
    ("Dear Sir or Madam, I am writing to you about", ""),
    ("If it rains tomorrow, we will", ""),
)
_SOURCES = (*_SENTENCES, *((context, "") for _, context in _QUESTIONS))
_BY_TASK = {
    "tag": _SENTENCES,
    "answer": _QUESTIONS,
    "fill": _GAPS,
    "embed": _PAIRS,
    "encode": _SOURCES,
}
_CLAIM_LABELS = {"entailment", "contradiction"}


def example_texts(part: LoadedEncoder | LoadedGenerator) -> tuple[Mapping[str, str], ...]:
    """What fits the task, as long as the tokenizer knows at least half of its words."""
    chosen = _fitting(part)
    mask = str(part.tokenizer.mask_token or "")
    return tuple(
        {"text": text.replace(_MASK, mask), **({"text_pair": pair} if pair else {})}
        for text, pair in chosen
        if _known(f"{text} {pair}".replace(_MASK, ""), part.tokenizer)
    )


def _fitting(part: LoadedEncoder | LoadedGenerator) -> Sequence[tuple[str, str]]:
    if isinstance(part, LoadedGenerator):
        return _PROMPTS
    if part.classifies and {label.lower() for label in part.labels} >= _CLAIM_LABELS:
        return _CLAIMS
    if part.classifies and part.reads_pairs:
        return _QUESTIONS
    return _BY_TASK.get(part.task, ())


def _known(text: str, tokenizer: PreTrainedTokenizerBase) -> bool:
    ids: Sequence[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return 2 * sum(one == tokenizer.unk_token_id for one in ids) < len(ids)
