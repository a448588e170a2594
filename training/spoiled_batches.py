"""Training pairs without end: sentences, each time spoiled anew, as (spoiled, clean) batches."""

from collections.abc import Iterator, Sequence
from random import Random

import torch

from training.corruption import corrupt
from training.pair_batches import PairBatch, pair_batches
from training.rewriter import Rewriter
from training.sentences import Sentence

_POOL = 64  # batches spoiled and tokenised at a time
# Mistyped words fall into unknown pieces and are the slowest to learn; a masked or dropped word is
# mostly a guess.
_SHARES = {"masked": 0.8, "dropped": 0.8, "swapped": 1.2, "mistyped": 2.2}
_WORDS = 4  # for each corruption at most, so that a sentence stays readable


def spoiled_batches(
    sentences: Sequence[Sentence], rewriter: Rewriter, batch_size: int, seed: int
) -> Iterator[PairBatch]:
    """Batches for ever; every sentence once before any comes again, all chance from `seed`."""
    generator = torch.Generator().manual_seed(seed)
    rng = Random(seed)
    while True:
        order = torch.randperm(len(sentences), generator=generator).tolist()
        for start in range(0, len(order), _POOL * batch_size):
            chosen = [sentences[i] for i in order[start : start + _POOL * batch_size]]
            pairs = rewriter.encode([(spoil(words, rng), " ".join(words)) for words in chosen])
            yield from pair_batches(
                pairs,
                batch_size,
                pad_token_id=rewriter.tokens.pad,
                limit=rewriter.limit,
                generator=generator,
            )


def spoil(words: Sentence, rng: Random) -> str:
    """A sentence with none to several corruptions: what is clean has to stay so as well."""
    most = max(2, len(words) // _WORDS)
    return " ".join(corrupt(words, rng.randint(0, most), rng, shares=_SHARES).words)
