"""The loop on a task that a tiny model learns in seconds: which of two words a text holds."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import get_linear_schedule_with_warmup

from training.checkpoints.hf_config import classifier_to_hf
from training.data.batches import EncodedText, pad
from training.data.masking import RandomMasking
from training.evaluation.classification import fit_temperature, measure, predict_logits
from training.fit import ema
from training.fit.classifier import Epoch, fit
from training.fit.optim import learning_rate_share, make_optimizer
from training.fit.progress import TrainStep
from training.model.classifier import BERTClassifier
from training.model.config import ClassifierConfig, EncoderConfig
from training.recipes import Recipe, precision

RECIPE = Recipe(epochs=3, batch_size=8, learning_rate=3e-3, dropout=0.1, seed=5)


def make_model(*, pooler: bool = True) -> BERTClassifier:
    torch.manual_seed(0)
    size = EncoderConfig(
        vocab_size=60,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
    )
    return BERTClassifier(ClassifierConfig(encoder=size, labels=("bad", "good"), pooler=pooler))


def make_texts(number: int, seed: int) -> list[EncodedText]:
    """Random words between [CLS] = 2 and [SEP] = 3; word 10 makes it good, word 11 bad."""
    rng = np.random.default_rng(seed)
    texts = []
    for i in range(number):
        words = rng.integers(12, 60, size=rng.integers(2, 9))
        words[rng.integers(len(words))] = 10 if i % 2 else 11
        ids = (2, *(int(word) for word in words), 3)
        texts.append(EncodedText(ids, (0,) * len(ids), i % 2, len(ids)))
    return texts


TRAIN, VALIDATION = make_texts(240, 0), make_texts(60, 1)


def run(model: BERTClassifier, recipe: Recipe = RECIPE) -> tuple[list[TrainStep], list[Epoch]]:
    events = list(fit(model, TRAIN, VALIDATION, recipe))
    steps = [event for event in events if isinstance(event, TrainStep)]
    return steps, [event for event in events if isinstance(event, Epoch)]


def test_with_random_masking_the_same_seed_gives_the_same_losses(tokenizer) -> None:
    def losses(masking: RandomMasking | None) -> list[float]:
        recipe = replace(RECIPE, epochs=1)
        events = fit(make_model(), TRAIN[:48], VALIDATION, recipe, masking=masking)
        return [event.loss for event in events if isinstance(event, TrainStep)]

    masking = RandomMasking(tokenizer)

    assert losses(masking) == losses(masking) != losses(None)


def test_the_loop_learns_and_says_so_step_by_step() -> None:
    steps, epochs = run(make_model())

    assert [step.number for step in steps] == list(range(1, 91))
    assert {step.of for step in steps} == {90}
    assert epochs[-1].train_loss < 0.5 < epochs[0].train_loss
    assert epochs[-1].validation.accuracy > 0.9
    assert all(step.tokens_per_second > 0 for step in steps)
    assert steps[-1].seconds_left == 0
    assert steps[0].seconds_left > 0


def test_the_same_seed_gives_the_same_numbers_bit_for_bit_and_another_does_not() -> None:
    first, again = run(make_model()), run(make_model())
    other = run(make_model(), replace(RECIPE, seed=6))

    assert [step.loss for step in first[0]] == [step.loss for step in again[0]]
    assert [epoch.validation for epoch in first[1]] == [epoch.validation for epoch in again[1]]
    assert [step.loss for step in first[0]] != [step.loss for step in other[0]]


def test_the_best_epochs_weights_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first epoch is made to look best, and to overfit afterwards.
    accuracies = iter([0.9, 0.5, 0.7])
    monkeypatch.setattr(
        ema,
        "judge",
        lambda problem, logits, answers, temperature: replace(
            measure(logits, answers, temperature=temperature), accuracy=next(accuracies)
        ),
    )
    model = make_model()
    after_first = {}
    for event in fit(model, TRAIN, VALIDATION, replace(RECIPE, ema_share=0.0)):
        if isinstance(event, Epoch) and event.number == 1:
            after_first = {name: value.clone() for name, value in model.state_dict().items()}
            assert event.best
        elif isinstance(event, Epoch):
            assert not event.best

    assert not model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, after_first[name]), name


def test_what_is_kept_is_the_moving_average_of_the_weights() -> None:
    recipe = replace(RECIPE, epochs=1, ema_share=0.5)
    model, name = make_model(), "encoder.layers.0.attention.query.weight"
    every_fourth = []
    for event in fit(model, TRAIN, VALIDATION, recipe):
        if isinstance(event, TrainStep) and (event.number % 4 == 0 or event.number == event.of):
            every_fourth.append(model.state_dict()[name].clone())
            steps = event.of

    keep = 1 - 4 / (0.5 * steps)
    expected = every_fourth[0]
    for weight in every_fourth[1:]:
        expected = keep * expected + (1 - keep) * weight
    torch.testing.assert_close(model.state_dict()[name], expected)
    assert not torch.allclose(expected, every_fourth[-1])


def test_the_reported_loss_is_cross_entropy_with_label_smoothing() -> None:
    recipe = replace(RECIPE, dropout=0.0, label_smoothing=0.1, batch_size=240)
    model = make_model()
    with torch.no_grad():
        logits = torch.from_numpy(predict_logits(model, TRAIN))
    labels = torch.tensor([text.label for text in TRAIN])
    expected = cross_entropy(logits, labels, label_smoothing=0.1)

    with precision("float32"):
        first = next(fit(model, TRAIN, VALIDATION, recipe))

    assert isinstance(first, TrainStep)
    assert first.loss == pytest.approx(expected.item(), abs=1e-5)


def test_the_learning_rate_rises_and_falls_as_in_transformers() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    theirs = get_linear_schedule_with_warmup(
        torch.optim.SGD([weight], lr=1.0), num_warmup_steps=10, num_training_steps=100
    )
    after_warm_up = []
    for _ in range(100):
        after_warm_up.append(theirs.get_last_lr()[0])
        theirs.optimizer.step()
        theirs.step()
    ours = [learning_rate_share(step, 100, 0.1) for step in range(100)]

    assert ours[10:] == pytest.approx(after_warm_up[10:])
    # Theirs wastes the first step on a learning rate of 0; ours begins one notch up.
    assert ours[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])


def test_biases_and_layer_norms_do_not_decay_and_every_weight_learns_once() -> None:
    model = make_model()

    decaying, others = make_optimizer(
        {model: RECIPE.learning_rate}, RECIPE.weight_decay
    ).param_groups

    names = {id(weight): name for name, weight in model.named_parameters()}
    assert decaying["weight_decay"] == RECIPE.weight_decay
    assert others["weight_decay"] == 0
    assert all(
        names[id(weight)].endswith("bias") or "norm" in names[id(weight)]
        for weight in others["params"]
    )
    assert not any("norm" in names[id(weight)] for weight in decaying["params"])
    assert len(decaying["params"]) + len(others["params"]) == len(names)


def test_frozen_word_embeddings_stay_and_all_else_moves() -> None:
    model = make_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}

    run(model, replace(RECIPE, epochs=1, freeze_word_embeddings=True))

    moved = {name for name, value in model.state_dict().items() if (value != before[name]).any()}
    assert set(before) - moved == {"encoder.embeddings.word.weight"}


def test_dropout_is_the_recipes_in_the_modules_and_in_the_config() -> None:
    model = make_model(pooler=False)

    run(model, replace(RECIPE, epochs=1, dropout=0.25))

    assert {m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)} == {0.25}
    written = classifier_to_hf(model.config)
    assert written["hidden_dropout_prob"] == written["attention_probs_dropout_prob"] == 0.25


def test_a_loss_that_is_no_number_stops_with_the_step_and_the_learning_rate() -> None:
    model = make_model()
    with torch.no_grad():
        model.head.weight.fill_(math.nan)

    with pytest.raises(ArithmeticError, match=r"loss became nan at step 1 of 90.*0\.003"):
        next(fit(model, TRAIN, VALIDATION, RECIPE))


def test_predictions_come_in_the_texts_order_whatever_the_batches() -> None:
    model = make_model()

    together = predict_logits(model, VALIDATION, batch_size=7)

    model.eval()
    for text, logits in zip(VALIDATION, together, strict=True):
        alone = model(*pad([text])[:3]).logits[0]
        assert logits == pytest.approx(alone.detach().numpy(), abs=1e-5)


def test_predicting_leaves_the_models_mode_as_it_was() -> None:
    model = make_model()

    predict_logits(model.train(), VALIDATION)

    assert model.training


def test_the_last_epochs_metrics_are_those_of_the_kept_model() -> None:
    model = make_model()
    _, epochs = run(model)
    answers = np.array([text.label for text in VALIDATION])

    best = [epoch for epoch in epochs if epoch.best][-1]

    logits = predict_logits(model, VALIDATION)
    temperature = fit_temperature(logits, answers)
    assert measure(logits, answers, temperature=temperature) == best.validation


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("epochs", 0, "epochs is 0; expected 1 or more"),
        ("batch_size", -4, "batch_size is -4; expected 1 or more"),
        ("max_tokens", 2, "max_tokens is 2; expected 3 or more"),
        ("learning_rate", 5.0, "learning_rate is 5.0; expected a number between 0 and 1"),
        ("label_smoothing", 1.0, "label_smoothing is 1.0; expected 0 or more, below 1"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(setting: str, value: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Recipe(**{setting: value})
