"""What generated texts are worth: words restored, ROUGE, BLEU and chrF.

Restored words are counted where the edit distance aligns what was generated with the clean
sentence, so one word too many does not make all that follow it wrong. ROUGE (Lin 2004) is how much
of a reference's words a text says again, as F1 over one reference; equal to Google's `rouge-score`
without stemming, whose word rule it takes: lower case, letters and digits of English. BLEU and chrF
of whole sets of texts are sacrebleu's (Papineni et al. 2002, Popović 2015).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from sacrebleu.metrics import BLEU, CHRF

from training.data.hybrid_texts import Sentence
from training.data.noise import KINDS, MASK, Change, add_noise
from training.data.pair_batches import align


@dataclass(frozen=True, slots=True)
class NoisySentence:
    """A clean sentence, and its corrupted copy to restore it from."""

    clean: Sentence
    noisy: Sentence
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Restoration:
    """What was restored of some sentences; shares of 1."""

    sentences: int
    changes: dict[str, int]
    """How often each kind of corruption was there."""
    exactly: dict[str, float]
    """Of each kind, the share whose words stand in their places again."""
    words_kept: float
    """Of the words that nothing was done to, the share that is still there."""
    word_error_rate: float
    """Words replaced, left out or added, over the words of the clean sentences."""


def draw_noisy(
    sentences: Sequence[Sentence], most: int, *, corruptions: int, seed: int, mask: str = MASK
) -> list[NoisySentence]:
    """Sentences drawn from `seed`, corrupted so many times each; too short ones are passed over."""
    rng = Random(seed)
    order = rng.sample(range(len(sentences)), len(sentences))
    drawn: list[NoisySentence] = []
    for i in order:
        noisy = add_noise(sentences[i], corruptions, rng, mask=mask)
        if len(noisy.changes) == corruptions:
            drawn.append(NoisySentence(sentences[i], noisy.words, noisy.changes))
        if len(drawn) == most:
            break
    return drawn


def measure_restoration(
    drawn: Sequence[NoisySentence], generated: Sequence[Sentence]
) -> Restoration:
    """Compares what was generated with the clean sentences, word by word."""
    counts, right = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
    kept = untouched = errors = words = 0
    for sentence, answer in zip(drawn, generated, strict=True):
        _, matched, distance = align(sentence.clean, answer)
        errors += distance
        words += len(sentence.clean)
        touched = [place for change in sentence.changes for place in touched_words(change)]
        untouched += len(sentence.clean) - len(touched)
        kept += sum(matched) - sum(matched[place] for place in touched)
        for change in sentence.changes:
            counts[change.kind] += 1
            right[change.kind] += all(matched[place] for place in touched_words(change))
    return Restoration(
        sentences=len(drawn),
        changes=counts,
        exactly={kind: right[kind] / max(counts[kind], 1) for kind in KINDS},
        words_kept=kept / max(untouched, 1),
        word_error_rate=errors / max(words, 1),
    )


def touched_words(change: Change) -> tuple[int, ...]:
    """The numbers of the clean sentence's words that a corruption concerns."""
    if change.kind == "swapped":
        return change.place, change.place + 1
    return (change.place,)


_WORD = re.compile(r"[a-z0-9]+")


def rouge(references: Sequence[str], generated: Sequence[str]) -> dict[str, float]:
    """The mean F1 of shared words, of shared pairs of words, and of the longest common order."""
    pairs = [
        (_WORD.findall(reference.lower()), _WORD.findall(text.lower()))
        for reference, text in zip(references, generated, strict=True)
    ]
    return {
        "rouge1": _mean([_shared(reference, text, 1) for reference, text in pairs]),
        "rouge2": _mean([_shared(reference, text, 2) for reference, text in pairs]),
        "rougeL": _mean([_in_order(reference, text) for reference, text in pairs]),
    }


def _shared(reference: Sequence[str], text: Sequence[str], size: int) -> float:
    grams = [
        Counter(tuple(words[i : i + size]) for i in range(len(words) - size + 1))
        for words in (reference, text)
    ]
    return _f1(sum((grams[0] & grams[1]).values()), *(gram.total() for gram in grams))


def _in_order(reference: Sequence[str], text: Sequence[str]) -> float:
    """ROUGE-L: of the longest common subsequence."""
    row = [0] * (len(text) + 1)
    for word in reference:
        before, row = row, [0]
        for j, other in enumerate(text):
            row.append(before[j] + 1 if word == other else max(before[j + 1], row[j]))
    return _f1(row[-1], len(reference), len(text))


def _f1(shared: int, of_reference: int, of_text: int) -> float:
    return 2 * shared / (of_reference + of_text) if shared else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def bleu_and_chrf(references: Sequence[str], generated: Sequence[str]) -> dict[str, float]:
    """Both from 0 to 100, over the whole set, one reference a text, case as it stands."""
    # `force`: lower-cased words parted from punctuation are what a word piece vocabulary writes.
    scores = {"bleu": BLEU(force=True), "chrf": CHRF()}
    return {
        name: metric.corpus_score(list(generated), [list(references)]).score
        for name, metric in scores.items()
    }
