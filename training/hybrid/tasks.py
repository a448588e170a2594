"""What a hybrid may learn: to restore corrupted sentences, which needs no pairs, or given pairs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from training.data.corpus import most_words
from training.data.hybrid_texts import Pair, PairCorpus, Sentence, Sentences, to_words
from training.data.noise import KINDS, MASK, add_noise
from training.data.pair_batches import EncodedPair, PairBatch, pair_batches
from training.evaluation.text import (
    NoisySentence,
    bleu_and_chrf,
    draw_noisy,
    measure_restoration,
    rouge,
    touched_words,
)
from training.hybrid.seq2seq import Seq2Seq
from training.readers.packaged import NOISY_EXAMPLES, SOURCES
from training.recipes import HybridRecipe

_POOL = 64  # batches corrupted and tokenised at a time
# Mistyped words fall into unknown pieces and are the slowest to learn; a masked or dropped word is
# mostly a guess.
_SHARES = {"masked": 0.8, "dropped": 0.8, "swapped": 1.2, "mistyped": 2.2}
_WORDS = 4  # for each corruption at most, so that a sentence stays readable
CORRUPTIONS = 2
"""In every sentence that is judged."""
# How many sentences are judged, and the seed that draws them.
_JUDGED_SENTENCES = {"validation": (200, 1), "test": (500, 2)}
_JUDGED_PAIRS = {"validation": 200, "test": 500}
_BEST = 10
_CACHE_BYTES = 2**31  # hidden states are kept up to here; beyond, sources are read anew each epoch


@dataclass(frozen=True, slots=True)
class Shown:
    """A text that was generated, to be looked at."""

    source: str
    written: str
    target: str


def _corrupt(words: Sentence, rng: Random, mask: str) -> str:
    """A sentence with none to several corruptions: what is clean has to stay so as well."""
    most = max(2, len(words) // _WORDS)
    number = rng.randint(0, most)
    return " ".join(add_noise(words, number, rng, shares=_SHARES, mask=mask).words)


class DenoisingTask:
    """Corrupted sentences in, clean ones out. It needs no pairs."""

    name = "restore"

    def __init__(self, sentences: Sentences, tokenizer: PreTrainedTokenizerBase) -> None:
        self.sentences = sentences
        self.tokenizer = tokenizer
        self.mask = str(tokenizer.mask_token)
        self.notes, self.licences = sentences.notes, sentences.licences
        self.fingerprint = sentences.fingerprint
        # Rows of other data are not ours to make public, not even ten of them in a record.
        self.is_public = set(sentences.data) <= set(SOURCES)
        offered = NOISY_EXAMPLES if self.is_public else ()
        self.examples = tuple(
            {**one, "text": one["text"].replace(MASK, self.mask)} for one in offered
        )
        self.judged: dict[str, list[NoisySentence]] = {
            part: draw_noisy(
                sentences.parts[part], most, corruptions=CORRUPTIONS, seed=seed, mask=self.mask
            )
            for part, (most, seed) in _JUDGED_SENTENCES.items()
        }

    def batches(self, seq2seq: Seq2Seq, recipe: HybridRecipe) -> Iterator[PairBatch]:
        """Batches to train on, without end: every sentence once before any comes again."""
        generator, rng = torch.Generator().manual_seed(recipe.seed), Random(recipe.seed)
        sentences, pool = self.sentences.train, _POOL * recipe.batch_size
        while True:
            order = torch.randperm(len(sentences), generator=generator).tolist()
            for start in range(0, len(order), pool):
                chosen = [sentences[i] for i in order[start : start + pool]]
                noisy = [(_corrupt(words, rng, self.mask), " ".join(words)) for words in chosen]
                yield from _batches(seq2seq.encode(noisy), seq2seq, recipe, generator)

    @property
    def texts(self) -> list[str]:
        """All sentences to train on, as they are to be generated."""
        return [" ".join(words) for words in self.sentences.train]

    def longest(self, seq2seq: Seq2Seq) -> int:
        """Words of the longest sentence that is trained on."""
        return max(map(len, self.sentences.train))

    def questions(self, part: str) -> list[Pair]:
        """The pairs that are judged, the same in every run."""
        return [Pair(" ".join(t.noisy), " ".join(t.clean)) for t in self.judged[part]]

    def measure(self, part: str, generated: Sequence[str]) -> dict[str, Any]:
        """What texts generated from a part's questions are worth."""
        words = [to_words(text, self.tokenizer) for text in generated]
        restored = measure_restoration(self.judged[part], words)
        references = [" ".join(sentence.clean) for sentence in self.judged[part]]
        return {
            **asdict(restored),
            **bleu_and_chrf(references, [" ".join(answer) for answer in words]),
        }

    def among_best(self, part: str, seq2seq: Seq2Seq) -> dict[str, float]:
        """Of each kind of corruption, how often the right word is among the ten likeliest.

        Asked with the clean words before it given; a word of several pieces needs each of its
        pieces among the ten, a swap both of its words.
        """
        pairs = seq2seq.encode(self.questions(part))
        right, counts = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
        for sentence, ranks in zip(self.judged[part], seq2seq.ranks(pairs), strict=True):
            owners = self.tokenizer(list(sentence.clean), is_split_into_words=True).word_ids()[1:]
            for change in sentence.changes:
                places = touched_words(change)
                asked = [r for r, owner in zip(ranks, owners, strict=False) if owner in places]
                counts[change.kind] += 1
                right[change.kind] += all(rank < _BEST for rank in asked)
        return {kind: right[kind] / max(counts[kind], 1) for kind in KINDS}


class PairsTask:
    """Sources in, their own targets out."""

    name = "pairs"

    def __init__(self, pairs: PairCorpus) -> None:
        self.pairs = pairs
        self.notes, self.licences = pairs.notes, (pairs.licence,)
        self.fingerprint = pairs.fingerprint
        self.is_public, self.examples = False, ()
        self.judged = {
            part: Random(0).sample(pairs.parts[part], min(most, len(pairs.parts[part])))
            for part, most in _JUDGED_PAIRS.items()
        }

    def batches(self, seq2seq: Seq2Seq, recipe: HybridRecipe) -> Iterator[PairBatch]:
        """Batches to train on, without end; a frozen encoder reads every source only once."""
        pairs = seq2seq.encode(self.pairs.train)
        if seq2seq.reader is not seq2seq.model.encoder:
            pairs = keep_hidden(pairs, seq2seq)
        generator = torch.Generator().manual_seed(recipe.seed)
        while True:
            yield from _batches(pairs, seq2seq, recipe, generator)

    @property
    def texts(self) -> list[str]:
        """All sources and targets to train on."""
        return [text for pair in self.pairs.train for text in pair]

    def longest(self, seq2seq: Seq2Seq) -> int:
        """Words of the longest source that is trained on, as far as it is read."""
        sources = [pair.source for pair in self.pairs.train]
        return most_words(sources, seq2seq.tokenizer, max_tokens=seq2seq.max_tokens)

    def questions(self, part: str) -> list[Pair]:
        """The pairs that are judged, the same in every run."""
        return self.judged[part]

    def measure(self, part: str, generated: Sequence[str]) -> dict[str, Any]:
        """What texts generated from a part's questions are worth; case does not count."""
        references = [pair.target.lower() for pair in self.judged[part]]
        texts = [text.lower() for text in generated]
        return {"texts": len(texts), **rouge(references, texts), **bleu_and_chrf(references, texts)}


HybridTask = DenoisingTask | PairsTask


def _batches(
    pairs: Sequence[EncodedPair],
    seq2seq: Seq2Seq,
    recipe: HybridRecipe,
    generator: torch.Generator,
) -> Iterator[PairBatch]:
    pad, limit = seq2seq.tokens.pad, seq2seq.limit
    return pair_batches(
        pairs, recipe.batch_size, pad_token_id=pad, limit=limit, generator=generator
    )


@torch.no_grad()
def keep_hidden(pairs: Sequence[EncodedPair], seq2seq: Seq2Seq) -> list[EncodedPair]:
    """The same pairs with their sources' hidden states, if all of them fit into the cache."""
    reader = seq2seq.reader
    weight = next(reader.parameters())
    tokens = sum(len(pair.source_ids) for pair in pairs)
    if tokens * reader.config.hidden_size * weight.element_size() > _CACHE_BYTES:
        return list(pairs)
    kept = list(pairs)
    for places, batch in seq2seq.batches(pairs):
        hidden = reader(batch.source_ids, batch.source_mask).hidden
        for i, states in zip(places, hidden, strict=True):
            kept[i] = replace(pairs[i], hidden=states[: len(pairs[i].source_ids)].clone())
    return kept
