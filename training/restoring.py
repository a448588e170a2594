"""The task that needs no pairs: restore spoiled sentences. A sibling of `following.py`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from transformers import PreTrainedTokenizerBase

from training.cleaning import PARTS
from training.corruption import KINDS
from training.file_names import noted_texts
from training.hybrid_recipe import HybridRecipe
from training.pair_batches import PairBatch
from training.pairs import Pair
from training.restoration import Task, draw_tasks, measure_restored, touched_words
from training.reviews import SOURCES, SPOILED_EXAMPLES
from training.rewriter import Rewriter
from training.sentences import Sentences, to_words
from training.spoiled_batches import spoiled_batches
from training.text_scores import bleu_and_chrf

_CORRUPTIONS = 2  # in every sentence that is judged
_JUDGED = {"validation": (200, 1), "test": (500, 2)}  # how many sentences, drawn from which seed
_BEST = 10


class Restoring:
    """Spoiled sentences in, clean ones wanted."""

    name = "restore"

    def __init__(self, sentences: Sentences, tokenizer: PreTrainedTokenizerBase) -> None:
        self.sentences = sentences
        self.tokenizer = tokenizer
        self.tasks: dict[str, list[Task]] = {
            part: draw_tasks(getattr(sentences, part), most, corruptions=_CORRUPTIONS, seed=seed)
            for part, (most, seed) in _JUDGED.items()
        }

    def batches(self, rewriter: Rewriter, recipe: HybridRecipe) -> Iterator[PairBatch]:
        """Batches to train on, without end."""
        return spoiled_batches(self.sentences.train, rewriter, recipe.batch_size, recipe.seed)

    @property
    def texts(self) -> list[str]:
        """All sentences to train on, as they are to be written."""
        return [" ".join(words) for words in self.sentences.train]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before they train on them, in words."""
        return self.sentences.notes

    def longest(self, rewriter: Rewriter) -> int:
        """Words of the longest sentence that is trained on."""
        return max(map(len, self.sentences.train))

    @property
    def licences(self) -> tuple[str, ...]:
        """Whose the texts are, a sentence for each corpus."""
        return self.sentences.licences

    @property
    def is_public(self) -> bool:
        """Whether a record may hold texts: packaged reviews; rows of other data are not ours."""
        return set(self.sentences.data) <= set(SOURCES)

    @property
    def examples(self) -> tuple[str, ...]:
        """Sources for a page to offer, written for the packaged reviews; none of other data."""
        return SPOILED_EXAMPLES if self.is_public else ()

    def describe(self) -> dict[str, Any]:
        """The `data` of the record."""
        return {
            "source": [noted_texts(name) for name in self.sentences.data],
            "reading": asdict(self.sentences.reading),
            "fingerprint": self.sentences.fingerprint,
            "sizes": {part: len(getattr(self.sentences, part)) for part in PARTS},
            "corruptions": _CORRUPTIONS,
        }

    def questions(self, part: str) -> list[Pair]:
        """The pairs that are judged, the same in every run."""
        return [Pair(" ".join(t.spoiled), " ".join(t.clean)) for t in self.tasks[part]]

    def score(self, part: str, written: Sequence[str]) -> dict[str, Any]:
        """What texts written of a part's questions are worth."""
        words = [to_words(text, self.tokenizer) for text in written]
        restored = measure_restored(self.tasks[part], words)
        references = [" ".join(task.clean) for task in self.tasks[part]]
        return {
            **asdict(restored),
            **bleu_and_chrf(references, [" ".join(answer) for answer in words]),
        }

    def among_best(self, part: str, rewriter: Rewriter) -> dict[str, float]:
        """Of each kind of corruption, how often the right word is among the ten likeliest.

        Asked with the clean words before it given; a word of several pieces needs each of its
        pieces among the ten, a swap both of its words.
        """
        tasks = self.tasks[part]
        asked_of = [(question.source, question.target) for question in self.questions(part)]
        pairs = rewriter.encode(asked_of)
        right, counts = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
        for task, ranks in zip(tasks, rewriter.ranks(pairs), strict=True):
            owners = self.tokenizer(list(task.clean), is_split_into_words=True).word_ids()[1:]
            for change in task.changes:
                places = touched_words(change)
                asked = [r for r, owner in zip(ranks, owners, strict=False) if owner in places]
                counts[change.kind] += 1
                right[change.kind] += all(rank < _BEST for rank in asked)
        return {kind: right[kind] / max(counts[kind], 1) for kind in KINDS}
