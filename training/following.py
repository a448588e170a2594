"""The task of given pairs: write the target of each source. A sibling of `restoring.py`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from random import Random
from typing import Any

import torch

from training.cleaning import PARTS
from training.file_names import noted_texts
from training.hybrid_recipe import HybridRecipe
from training.pair_batches import EncodedPair, PairBatch, pair_batches
from training.pairs import Pair, Pairs
from training.rewriter import Rewriter
from training.rouge import rouge
from training.text_scores import bleu_and_chrf
from training.vocabulary import most_words

_JUDGED = {"validation": 200, "test": 500}
_CACHE_BYTES = 2**31  # hidden states are kept up to here; beyond, sources are read anew each epoch


class Following:
    """Sources in, their own targets wanted."""

    name = "pairs"

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs
        self.judged = {part: _draw(getattr(pairs, part), most) for part, most in _JUDGED.items()}

    def batches(self, rewriter: Rewriter, recipe: HybridRecipe) -> Iterator[PairBatch]:
        """Batches to train on, without end; a frozen encoder reads every source only once."""
        pairs = rewriter.encode([(pair.source, pair.target) for pair in self.pairs.train])
        if rewriter.reader is not rewriter.model.encoder:
            pairs = keep_hidden(pairs, rewriter)
        generator = torch.Generator().manual_seed(recipe.seed)
        while True:
            yield from pair_batches(
                pairs,
                recipe.batch_size,
                pad_token_id=rewriter.tokens.pad,
                limit=rewriter.limit,
                generator=generator,
            )

    @property
    def texts(self) -> list[str]:
        """All sources and targets to train on."""
        return [text for pair in self.pairs.train for text in (pair.source, pair.target)]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before they train on them, in words."""
        return self.pairs.notes

    def longest(self, rewriter: Rewriter) -> int:
        """Words of the longest source that is trained on, as far as it is read."""
        sources = [pair.source for pair in self.pairs.train]
        return most_words(sources, rewriter.tokenizer, max_tokens=rewriter.max_tokens)

    @property
    def licences(self) -> tuple[str, ...]:
        """Whose the texts are."""
        return (self.pairs.licence,)

    is_public = False
    """Given pairs are not ours to make public, not even ten of them in a record."""

    @property
    def examples(self) -> tuple[str, ...]:
        """Sources for a page to offer: none of given pairs."""
        return ()

    def describe(self) -> dict[str, Any]:
        """The `data` of the record."""
        return {
            "source": noted_texts(self.pairs.name),
            "reading": asdict(self.pairs.reading),
            "fingerprint": self.pairs.fingerprint,
            "sizes": {part: len(getattr(self.pairs, part)) for part in PARTS},
        }

    def questions(self, part: str) -> list[Pair]:
        """The pairs that are judged, the same in every run."""
        return self.judged[part]

    def score(self, part: str, written: Sequence[str]) -> dict[str, Any]:
        """What texts written of a part's questions are worth; case does not count."""
        references = [pair.target.lower() for pair in self.judged[part]]
        texts = [text.lower() for text in written]
        return {
            "texts": len(texts),
            **rouge(references, texts),
            **bleu_and_chrf(references, texts),
        }


def _draw(pairs: Sequence[Pair], most: int) -> list[Pair]:
    return Random(0).sample(list(pairs), min(most, len(pairs)))


@torch.no_grad()
def keep_hidden(pairs: Sequence[EncodedPair], rewriter: Rewriter) -> list[EncodedPair]:
    """The same pairs with their sources' hidden states, if all of them fit into the cache."""
    reader = rewriter.reader
    weight = next(reader.parameters())
    tokens = sum(len(pair.source_ids) for pair in pairs)
    if tokens * reader.config.hidden_size * weight.element_size() > _CACHE_BYTES:
        return list(pairs)
    kept = list(pairs)
    for places, batch in rewriter.batches(pairs):
        hidden = reader(batch.source_ids, batch.source_mask).hidden
        for i, states in zip(places, hidden, strict=True):
            kept[i] = replace(pairs[i], hidden=states[: len(pairs[i].source_ids)].clone())
    return kept
