"""BLEU and chrF of whole sets of texts, by sacrebleu: Papineni et al. 2002, Popović 2015."""

from collections.abc import Sequence

from sacrebleu.metrics import BLEU, CHRF


def bleu_and_chrf(references: Sequence[str], written: Sequence[str]) -> dict[str, float]:
    """Both from 0 to 100, over the whole set, one reference a text, case as it stands."""
    # `force`: lower-cased words parted from punctuation are what a word piece vocabulary writes.
    scores = {"bleu": BLEU(force=True), "chrf": CHRF()}
    return {
        name: metric.corpus_score(list(written), [list(references)]).score
        for name, metric in scores.items()
    }
