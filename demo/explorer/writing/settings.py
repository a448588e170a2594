"""How a text is written: what may be asked for, and what that does to the scores of its next word.

Settings change scores of shape (vocabulary,), float32; a word that is ruled out has -inf. The
functions equal the logits processors of the same names in `transformers`
(`generation/logits_process.py`), and are applied in the same order.
"""

from dataclasses import dataclass

import numpy as np

from decoding.rules import Scores
from explorer.inference.logits import softmax

STRATEGIES = ("greedy", "beam", "sample")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Names and meanings are those of `transformers`' `generate`; values are taken as checked.

    Only `sample` uses temperature, top_k, top_p and seed; only `beam` uses beams.
    """

    strategy: str = "greedy"
    temperature: float = 1.0
    """The scores are divided by it: below 1 the likely words gain, above 1 the unlikely."""
    top_k: int = 0
    """Draw from the k likeliest words only; 0 from all."""
    top_p: float = 1.0
    """Draw from the fewest words that together have this probability; 1 from all."""
    beams: int = 4
    """How many beginnings the beam search keeps."""
    repetition_penalty: float = 1.0
    """Above 1, a word that was written already scores less."""
    no_repeat_ngram: int = 0
    """No run of so many words is written twice; 0 allows it."""
    max_tokens: int = 64
    """The end token counts."""
    seed: int = 0
    chat: bool = True
    """Whether a prompt is put into the chat template of its model, where that has one."""
    source_language: str = ""
    """By its code, of a model that translates; empty: as its tokenizer has it."""
    target_language: str = ""
    """The same of what is written; empty: as its settings have it."""


def for_sampling(scores: Scores, settings: Settings) -> Scores:
    """What shapes the distribution that a word is drawn from."""
    scores = scores / np.float32(settings.temperature)
    if settings.top_k:
        scores = keep_top_k(scores, settings.top_k)
    if settings.top_p < 1:
        scores = keep_top_p(scores, settings.top_p)
    return scores


def keep_top_k(scores: Scores, count: int) -> Scores:
    """Rules out all but the `count` best; what ties with the last of them stays."""
    count = min(count, len(scores))
    least = np.partition(scores, -count)[-count]
    return np.where(scores < least, -np.inf, scores).astype(np.float32)


def keep_top_p(scores: Scores, share: float) -> Scores:
    """Rules out the unlikeliest words while what stays has at least this probability.

    Nucleus sampling (Holtzman et al. 2020).
    """
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(softmax(scores[order]))
    ruled_out = below <= np.float32(1 - share)
    ruled_out[-1] = False
    changed = scores.copy()
    changed[order[ruled_out]] = -np.inf
    return changed
