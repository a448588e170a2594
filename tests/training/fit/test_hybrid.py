"""The decoder's loop on a task that a tiny model learns in seconds: write the same words again."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from training.checkpoints.hybrid import TextTokens
from training.data.hybrid_texts import Pair
from training.data.pair_batches import EncodedPair, PairBatch, pad_pairs
from training.fit.hybrid import Evaluation, fit_hybrid
from training.fit.losses import (
    DistillationLoss,
    alignment_loss,
    batch_candidates,
    denoising_loss,
)
from training.fit.progress import TrainStep
from training.hybrid.seq2seq import Seq2Seq, frozen_copy
from training.hybrid.tasks import PairsTask
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, EncoderConfig
from training.recipes import HybridRecipe, autocast
from training.runs.hybrid import new_hybrid

RECIPE = HybridRecipe(
    pairs_seen=2400,
    batch_size=24,
    learning_rate=5e-3,
    encoder_learning_rate=1e-3,
    encoder_layers=1,
    validations=4,
    layers=1,
    label_smoothing=0.0,
    seed=3,
)
FEW = replace(RECIPE, pairs_seen=240)


def make(tokenizer, *, joint: bool = False) -> tuple[Seq2Seq, DistillationLoss | None]:
    torch.manual_seed(0)
    size = EncoderConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=16,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.2,
    )
    classifier = BERTClassifier(ClassifierConfig(encoder=size, labels=("bad", "good"))).eval()
    torch.manual_seed(RECIPE.seed)
    model = new_hybrid(classifier, layers=1, dropout=0.0)
    reader = model.encoder if joint else frozen_copy(model.encoder)
    seq2seq = Seq2Seq(model, reader, tokenizer, TextTokens(2, 3, 0), max_tokens=16)
    return seq2seq, DistillationLoss(classifier) if joint else None


def copies(seed: int = 0) -> Iterator[PairBatch]:
    rng = np.random.default_rng(seed)
    while True:
        pairs = []
        for _ in range(RECIPE.batch_size):
            ids = (2, *(int(i) for i in rng.integers(5, 60, size=3)), 3)
            pairs.append(EncodedPair(ids, ids))
        yield pad_pairs(pairs, pad_token_id=0, limit=16)


class Copying(PairsTask):
    """The task of the copies; what is generated is measured by its number alone."""

    def __init__(self) -> None:
        pass

    def batches(self, seq2seq: Seq2Seq, recipe: HybridRecipe) -> Iterator[PairBatch]:
        return copies()

    def questions(self, part: str) -> list[Pair]:
        return [Pair("", "")]

    def measure(self, part: str, generated: list[str]) -> dict[str, int]:
        return {"texts": len(generated)}


def run(
    seq2seq: Seq2Seq, distillation: DistillationLoss | None = None, recipe: HybridRecipe = RECIPE
) -> tuple[list[TrainStep], list[Evaluation]]:
    events = list(fit_hybrid(seq2seq, Copying(), recipe, distillation))
    steps = [event for event in events if isinstance(event, TrainStep)]
    return steps, [event for event in events if isinstance(event, Evaluation)]


def test_the_loop_learns_and_is_evaluated_as_often_as_asked(tokenizer) -> None:
    steps, evaluations = run(make(tokenizer)[0])

    assert [step.number for step in steps] == list(range(1, 101))
    assert [due.pairs_seen for due in evaluations] == [600, 1200, 1800, 2400]
    assert evaluations[-1].train_loss < evaluations[0].train_loss - 0.4
    assert all(found.scores == {"texts": 1} for found in evaluations)
    assert steps[-1].seconds_left == 0


def test_the_same_seed_gives_the_same_losses(tokenizer) -> None:
    first, again = (run(make(tokenizer)[0], recipe=FEW)[0] for _ in range(2))

    assert [step.loss for step in first] == [step.loss for step in again]


def test_a_frozen_encoder_and_the_word_table_stay_bit_for_bit(tokenizer) -> None:
    seq2seq, _ = make(tokenizer)
    before = {name: w.clone() for name, w in seq2seq.model.state_dict().items()}

    run(seq2seq, recipe=FEW)

    moved = {n for n, w in seq2seq.model.state_dict().items() if not torch.equal(w, before[n])}
    assert moved == {n for n in before if n.startswith("decoder.") and n != "decoder.word.weight"}
    assert torch.equal(
        seq2seq.model.decoder.word.weight, seq2seq.model.encoder.embeddings.word.weight
    )


def test_a_joint_encoder_learns_in_its_last_layers_alone(tokenizer) -> None:
    seq2seq, distillation = make(tokenizer, joint=True)
    before = {name: w.clone() for name, w in seq2seq.model.encoder.state_dict().items()}

    run(seq2seq, distillation, FEW)

    after = seq2seq.model.encoder.state_dict()
    moved = {name for name, w in after.items() if not torch.equal(w, before[name])}
    # A key's bias moves all scores of a query alike: whether rounding moves it is chance.
    chance = {"layers.1.attention.key.bias"}
    assert moved | chance == {name for name in before if name.startswith("layers.1.")}


def test_the_distillation_loss_is_the_divergence_from_the_answers_before(tokenizer) -> None:
    _, distillation = make(tokenizer, joint=True)
    assert distillation is not None
    batch = next(copies())
    with torch.no_grad():
        distillation.student.head.bias += torch.tensor([1.0, -1.0])

        distillation.student.encoder.layers[1].feed_forward_norm.bias += torch.randn(32)

    with torch.no_grad():
        before, now = (
            model(batch.source_ids, batch.source_mask)
            for model in (distillation.teacher, distillation.student)
        )
        found = distillation(batch, now.hidden)
    old, new = (side.logits[::2].log_softmax(-1) for side in (before, now))
    states = [side.hidden[::2, 0] for side in (before, now)]
    expected = (old.exp() * (old - new)).sum(-1).mean()
    expected += (states[1] - states[0]).square().sum() / states[0].square().sum()

    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    assert float(expected) > 0.1


def test_distillation_keeps_the_answers_better_than_none(tokenizer) -> None:
    gone = []
    for distillation_weight in (0.0, 5.0):
        seq2seq, distillation = make(tokenizer, joint=True)
        assert distillation is not None
        run(
            seq2seq,
            distillation,
            replace(RECIPE, pairs_seen=960, distillation_weight=distillation_weight),
        )
        batch = next(copies(seed=9))
        with torch.no_grad():
            hidden = seq2seq.model.encoder(batch.source_ids, batch.source_mask).hidden
            gone.append(float(distillation(batch, hidden)))

    assert gone[1] < 0.5 * gone[0]


def test_the_loss_weighs_repairs_and_equals_the_whole_softmax_where_all_words_are_drawn() -> None:
    torch.manual_seed(0)
    pairs = [EncodedPair((2, 7, 8, 3), (2, 7, 9, 3)), EncodedPair((2, 5, 3), (2, 5, 3))]
    batch = pad_pairs(pairs, pad_token_id=0, limit=16)
    table, hidden = torch.randn(60, 12), torch.randn(*batch.labels.shape, 12)
    recipe = replace(RECIPE, vocabulary_drawn=60, repair_weight=3.0)

    candidates = batch_candidates(batch, len(table), recipe)
    found = denoising_loss(hidden, batch, table, candidates, recipe)

    each = cross_entropy((hidden @ table.T).flatten(0, 1), batch.labels.flatten(), reduction="none")
    weights = torch.zeros(batch.labels.shape)
    weights[batch.label_mask] = 1
    weights[0, 1] = 3  # 9 instead of 8
    torch.testing.assert_close(found, (each * weights.flatten()).sum() / weights.sum())


def test_the_taught_head_is_measured_where_a_label_is_aligned() -> None:
    pairs = [EncodedPair((2, 7, 8, 3), (2, 7, 5, 8, 3))]
    batch = pad_pairs(pairs, pad_token_id=0, limit=16)
    weights = torch.rand(1, 2, *batch.labels.shape[1:], batch.source_ids.shape[1])
    others = torch.full_like(weights, 0.5)

    found = alignment_loss((others, weights, others), batch)

    # 7, 8 and the end stand at 1, 2 and 3 of the source; 5 was added.
    right = torch.stack([weights[0, 0, 0, 1], weights[0, 0, 2, 2], weights[0, 0, 3, 3]])
    torch.testing.assert_close(found, -right.log().mean(), rtol=1e-4, atol=1e-4)


def test_training_teaches_the_head_to_look_where_a_token_comes_from(tokenizer) -> None:
    found = []
    for alignment_weight in (0.0, 1.0):
        seq2seq, _ = make(tokenizer)
        run(seq2seq, recipe=replace(RECIPE, alignment_weight=alignment_weight))
        batch = next(copies(seed=9))
        with torch.no_grad(), autocast(torch.device("cpu")):
            states = seq2seq.model.decoder(batch.decoder_input_ids, seq2seq.read(batch))
        found.append(float(alignment_loss(states.cross_weights, batch)))

    assert found[1] < found[0] - 0.3


def test_a_loss_that_is_no_number_stops_with_the_step(tokenizer) -> None:
    seq2seq, _ = make(tokenizer)
    with torch.no_grad():
        seq2seq.model.decoder.norm.weight.fill_(math.nan)

    with pytest.raises(ArithmeticError, match=r"loss became nan at step 1 of 100.*0\.005"):
        next(fit_hybrid(seq2seq, Copying(), RECIPE))


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("pairs_seen", 0, "pairs_seen is 0; expected 1 or more"),
        ("max_tokens", 2, "max_tokens is 2; expected 3 or more"),
        ("learning_rate", 3.0, "learning_rate is 3.0; expected a number between 0 and 1"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(setting: str, value: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        HybridRecipe(**{setting: value})
