"""A masked language model's training: guess the words that are hidden. `loop.py` runs it.

"BERT" (Devlin et al. 2019), without its second task, whether one sentence follows another, which
helps little (Liu et al. 2019, section 4.2). No dropout: a text hardly comes twice with the same
words hidden. Only places that are asked get logits; they would else be most of the work.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase

from training.checkpoints.run_states import RunStates
from training.data.batches import rounded_width
from training.data.masking import MaskedBatch, WordMasking
from training.data.pretraining_texts import PretrainingTexts, cut_pieces, masked_batches
from training.fit.loop import Loss, Training, run
from training.fit.optim import make_optimizer, make_schedule
from training.fit.progress import Throughput, TrainStep
from training.model.masked_lm import BERTMaskedLM
from training.recipes import PretrainingRecipe, autocast

_ASKED = 0.15  # of the words of held-out texts, as in BERT's own training


@dataclass(frozen=True, slots=True)
class Guessing:
    """How well the model guesses words of held-out texts, when so many texts are behind it."""

    texts_seen: int
    steps: int
    of: int
    train_loss: float
    """Mean since the evaluation before."""
    tokens_per_second: float
    seconds: float
    """Of training alone, since it began."""
    loss: float
    """Mean negative log-likelihood of a word that is asked, in nats."""
    right: float
    """Share of the words that are asked whose likeliest guess is right."""

    @property
    def scores(self) -> dict[str, float]:
        """What is drawn beside the loss."""
        return {"words_guessed": self.right}


def pretrain(
    model: BERTMaskedLM,
    texts: PretrainingTexts,
    tokenizer: PreTrainedTokenizerBase,
    recipe: PretrainingRecipe,
    accelerator: Accelerator | None = None,
    states: RunStates | None = None,
) -> Iterator[TrainStep | Guessing]:
    """Trains `model` in place. Yields a `TrainStep` each step, and `recipe.validations` times a
    `Guessing`, the last after the last step. Raises what `run` does."""
    yield from run(Pretraining(model, texts, tokenizer, recipe), accelerator, states)
    model.eval()


class GuessingObjective(nn.Module):
    """Cross-entropy of the words that are asked."""

    def __init__(self, model: BERTMaskedLM) -> None:
        super().__init__()
        self.model = model

    def forward(self, piece: MaskedBatch, asked: int) -> Loss:
        """The loss of a piece as its share of a batch in which so many words are `asked`."""
        self.model.train()
        logits = self.model.guesses(piece.token_ids, piece.padding_mask, piece.asked)
        right = piece.labels[piece.asked]
        loss = cross_entropy(logits.float(), right, reduction="sum") / asked
        return Loss(loss, loss)


class Pretraining(Training):
    """What the loop needs of a masked language model."""

    event = Guessing
    objective: GuessingObjective

    def __init__(
        self,
        model: BERTMaskedLM,
        texts: PretrainingTexts,
        tokenizer: PreTrainedTokenizerBase,
        recipe: PretrainingRecipe,
    ) -> None:
        self.model, self.texts, self.tokenizer, self.recipe = model, texts, tokenizer, recipe
        self.masking = WordMasking(tokenizer, recipe.masked_share, whole_words=recipe.whole_words)
        self.questions = held_out_questions(texts.validation, tokenizer, recipe)
        self.steps = max(1, recipe.texts_seen // recipe.batch_size)
        self.objective = GuessingObjective(model)
        self.learning = list(model.parameters())
        self.optimizer = make_optimizer({model: recipe.learning_rate}, recipe.weight_decay)
        self.schedule = make_schedule(self.optimizer, self.steps, recipe.warm_up)
        self.losses: list[float] = []
        self.texts_seen = 0

    def batches(self) -> Iterator[MaskedBatch]:
        """As many as there are steps."""
        recipe = self.recipe
        size = {"batch_size": recipe.batch_size, "max_tokens": recipe.max_tokens}
        batches = masked_batches(self.texts, self.tokenizer, self.masking, **size, seed=recipe.seed)
        return islice(batches, self.steps)

    def whole(self, batch: MaskedBatch) -> int:
        """How many words are asked; 1 where chance chose none."""
        return max(1, int(batch.asked.sum()))

    def tokens(self, batch: MaskedBatch) -> int:
        """Real ones."""
        return int(batch.padding_mask.sum())

    def after(self, batch: MaskedBatch, loss: float, throughput: Throughput) -> Iterator[Guessing]:
        """Measures the model so many times in all, at equal distances."""
        self.losses.append(loss)
        self.texts_seen += len(batch.labels)
        number, times = throughput.done, self.recipe.validations
        if number * times // self.steps > (number - 1) * times // self.steps:
            mean = sum(self.losses) / len(self.losses)
            done = (self.texts_seen, number, self.steps, mean)
            found = measure_guesses(self.model, self.questions)
            yield Guessing(*done, throughput.speed, throughput.seconds, *found)
            self.losses.clear()

    def state_dict(self) -> dict[str, Any]:
        """What has been counted."""
        return {"losses": list(self.losses), "texts_seen": self.texts_seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on counting."""
        self.losses, self.texts_seen = list(state["losses"]), state["texts_seen"]


def held_out_questions(
    texts: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    recipe: PretrainingRecipe,
) -> list[MaskedBatch]:
    """Held-out texts, the same words of them hidden each time; a long one up to its first cut.

    Whatever share of the words is hidden in training, here it is `_ASKED`: losses compare.
    """
    masking = WordMasking(tokenizer, _ASKED, whole_words=recipe.whole_words)
    drawn = torch.Generator().manual_seed(0)
    # Of invisible characters alone a tokenizer leaves nothing.
    cut = (next(cut_pieces(iter([text]), tokenizer, recipe.max_tokens), None) for text in texts)
    pieces = sorted((piece for piece in cut if piece is not None), key=len)
    batches = (pieces[i : i + recipe.batch_size] for i in range(0, len(pieces), recipe.batch_size))
    return [
        masking(rows, rounded_width(max(map(len, rows)), recipe.max_tokens), drawn)
        for rows in batches
    ]


@torch.no_grad()
def measure_guesses(model: BERTMaskedLM, questions: Sequence[MaskedBatch]) -> tuple[float, float]:
    """The mean loss of a word that is asked, and the share guessed rightly."""
    was_training = model.training
    device = model.table.device
    model.eval()
    loss, right, asked = 0.0, 0, 0
    for batch in (question.to(device) for question in questions):
        with autocast(device):
            logits = model.guesses(batch.token_ids, batch.padding_mask, batch.asked).float()
        labels = batch.labels[batch.asked]
        loss += float(cross_entropy(logits, labels, reduction="sum"))
        right += int((logits.argmax(dim=-1) == labels).sum())
        asked += len(labels)
    model.train(was_training)
    return loss / max(asked, 1), right / max(asked, 1)
