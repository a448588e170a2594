"""What the loop owes to any training: to go on where it was stopped, and to say why it cannot."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from accelerate import Accelerator

from training.checkpoints.classifier import load_classifier
from training.checkpoints.run_states import RunStates
from training.data.batches import encode_texts
from training.data.corpus import Example
from training.data.hybrid_texts import Pair, PairCorpus
from training.data.pretraining_texts import open_texts
from training.fit.classifier import fit
from training.fit.hybrid import fit_hybrid
from training.fit.loop import Stepper, make_accelerator
from training.fit.losses import DistillationLoss
from training.fit.pretraining import pretrain
from training.fit.progress import TrainStep, check_loss
from training.hybrid.seq2seq import Seq2Seq, frozen_copy
from training.hybrid.tasks import PairsTask
from training.model.masked_lm import BERTMaskedLM
from training.readers.rows import Reading
from training.recipes import HybridRecipe, PretrainingRecipe, Recipe, precision
from training.runs.hybrid import new_hybrid, text_tokens

WORDS = "a the film is not bad good dull bright story and but it was great".split()
TEXTS = [" ".join(WORDS[(i * k) % 15] for k in range(1, 4 + i % 5)) for i in range(1, 60)]


class Start(NamedTuple):
    """A training that has not begun, the same each time."""

    model: torch.nn.Module
    run: Callable[..., Iterator[Any]]


@pytest.fixture(params=["classifier", "frozen", "joint", "pretraining"])
def start(request, tokenizer, save_tiny, tmp_path: Path) -> Callable[..., Start]:
    save_tiny(tmp_path / "tiny")

    def classifier(dropout: float = 0.1) -> Start:
        model = load_classifier(tmp_path / "tiny")
        examples = [Example(text, i % 2) for i, text in enumerate(TEXTS)]
        texts = encode_texts(examples, tokenizer, max_tokens=30)
        recipe = Recipe(epochs=2, batch_size=8, learning_rate=3e-3, dropout=dropout)
        return Start(model, lambda *given: fit(model, texts[:43], texts[43:], recipe, *given))

    def hybrid(dropout: float = 0.1) -> Start:
        joint = request.param == "joint"
        classifier = load_classifier(tmp_path / "tiny")
        torch.manual_seed(0)
        model = new_hybrid(classifier, 2, dropout)
        reader = model.encoder if joint else frozen_copy(model.encoder)
        seq2seq = Seq2Seq(model, reader, tokenizer, text_tokens(tokenizer), 30)
        pairs = [Pair(text, " ".join(text.split()[1:])) for text in TEXTS]
        parts = {"train": tuple(pairs[:43]), "validation": tuple(pairs[43:]), "test": ()}
        about = {"name": "", "licence": "", "fingerprint": "", "notes": ()}
        task = PairsTask(PairCorpus(**about, **parts, reading=Reading()))
        recipe = HybridRecipe(
            pairs_seen=96, batch_size=8, learning_rate=3e-3, validations=3, vocabulary_drawn=10
        )
        distillation = DistillationLoss(classifier) if joint else None
        return Start(model, lambda *given: fit_hybrid(seq2seq, task, recipe, distillation, *given))

    def pretraining(dropout: float = 0.0) -> Start:
        torch.manual_seed(0)
        config = load_classifier(tmp_path / "tiny").config.encoder
        size = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        model = BERTMaskedLM(replace(config, **size))
        (tmp_path / "tiny" / "texts.txt").write_text("\n".join(TEXTS))
        texts = open_texts([str(tmp_path / "tiny" / "texts.txt")])
        recipe = PretrainingRecipe(texts_seen=96, batch_size=8, max_tokens=30, validations=3)
        return Start(model, lambda *given: pretrain(model, texts, tokenizer, recipe, *given))

    kinds = {"classifier": classifier, "pretraining": pretraining}
    return kinds.get(request.param, hybrid)


def losses(events: list[Any]) -> list[float]:
    return [event.loss for event in events if isinstance(event, TrainStep)]


def told(events: list[Any]) -> list[Any]:
    """What of the events is no clock's."""
    clocks = ("tokens_per_second", "seconds", "seconds_left")
    return [
        {name: getattr(e, name) for name in e.__dataclass_fields__ if name not in clocks}
        for e in events
    ]


def states_in(
    folder: Path, *, resume: bool = False, tell: Callable[[str], None] = pytest.fail, **run: Any
) -> RunStates:
    return RunStates(folder / "out", run, minutes=1e-9, resume=resume, tell=tell)


@pytest.mark.parametrize(
    "stopped_after", [7, *(pytest.param(at, marks=pytest.mark.slow) for at in (1, 11))]
)
def test_a_run_that_was_stopped_goes_on_to_the_same_numbers_and_weights_bit_for_bit(
    start: Callable[..., Start], tmp_path: Path, stopped_after: int
) -> None:
    whole = start()
    expected = list(whole.run())

    list(islice(start().run(make_accelerator(), states_in(tmp_path)), stopped_after + 2))
    again = start()
    torch.manual_seed(99)  # the random state is the saved one's
    states = states_in(tmp_path, resume=True)
    found = list(again.run(make_accelerator(), states))

    assert states.step >= stopped_after - 1
    assert told(found) == told(expected)
    for (name, weight), other in zip(
        whole.model.state_dict().items(), again.model.state_dict().values(), strict=True
    ):
        assert torch.equal(weight, other), name


def test_a_batch_in_pieces_gives_the_same_losses(start: Callable[..., Start]) -> None:
    with precision("float32"):
        whole = list(start(dropout=0.0).run(make_accelerator()))
        cut = list(start(dropout=0.0).run(make_accelerator(accumulate=3)))

    assert losses(cut) == pytest.approx(losses(whole), rel=1e-4)
    assert len(losses(whole)) == 12


def test_the_last_two_states_are_kept_and_none_of_other_runs(
    start: Callable[..., Start], tmp_path: Path
) -> None:
    list(islice(start().run(make_accelerator(), states_in(tmp_path, seed=1)), 3))
    states = states_in(tmp_path, seed=2)

    list(islice(start().run(make_accelerator(), states), 4))

    assert sorted(place.name for place in states.root.iterdir()) == ["step-2", "step-3"]
    assert states_in(tmp_path, resume=True, seed=2).step == 3
    states.clear()
    assert list(tmp_path.iterdir()) == [tmp_path / "tiny"]


def test_a_state_of_a_run_with_other_settings_is_refused_and_what_differs_is_named(
    start: Callable[..., Start], tmp_path: Path
) -> None:
    list(islice(start().run(make_accelerator(), states_in(tmp_path, seed=1, data="a")), 3))

    with pytest.raises(ValueError, match=r"other settings \(seed: 1, now 2\); give the same ones"):
        states_in(tmp_path, resume=True, seed=2, data="a")


def test_where_the_disk_has_lost_the_last_state_the_one_before_is_taken(
    start: Callable[..., Start], tmp_path: Path
) -> None:
    expected = losses(list(start().run()))
    list(islice(start().run(make_accelerator(), states_in(tmp_path)), 6))
    states = states_in(tmp_path, resume=True, tell=(said := []).append)
    last = states.found[-1] / "model.safetensors"
    last.write_bytes(last.read_bytes()[:1000])

    found = losses(list(start().run(make_accelerator(), states)))

    assert found == expected
    assert len(said) == 1
    assert "cannot be read" in said[0]


@pytest.mark.parametrize("start", ["classifier"], indirect=True)
def test_where_no_state_can_be_read_nothing_begins_with_half_of_one(
    start: Callable[..., Start], tmp_path: Path
) -> None:
    list(islice(start().run(make_accelerator(), states_in(tmp_path)), 6))
    states = states_in(tmp_path, resume=True, tell=(said := []).append)
    for state in states.found:
        (state / "optimizer.bin").write_bytes((state / "optimizer.bin").read_bytes()[:1000])

    with pytest.raises(ValueError, match=r"no state in .* can be read; leave out --resume"):
        list(start().run(make_accelerator(), states))
    assert len(said) == 2

    newest, older = sorted(states.root.iterdir(), reverse=True)
    (newest / "state.json").write_text("{")
    assert states_in(tmp_path, resume=True).found == [older]
    (older / "state.json").write_text("")
    with pytest.raises(ValueError, match=r"no state in .* can be read; leave out --resume"):
        states_in(tmp_path, resume=True)


@pytest.mark.parametrize("start", ["classifier"], indirect=True)
@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), RuntimeError("PytorchStreamWriter failed")]
)
def test_a_state_that_cannot_be_saved_is_told_and_training_goes_on(
    start: Callable[..., Start], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(accelerator: Accelerator, folder: str) -> None:
        (Path(folder) / "half").write_text("of it")
        raise error

    monkeypatch.setattr(Accelerator, "save_state", full)
    states = states_in(tmp_path, tell=(said := []).append)

    assert len(losses(list(start().run(make_accelerator(), states)))) == 12
    assert "the state after step 1 could not be saved" in said[0]
    assert str(error.args[-1]) in said[0]
    assert not any(states.root.rglob("half"))


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ([1.0] * 3 + [math.inf], r"the loss became inf at step 4 of 500.*such as 0\.001"),
        ([0.7] * 60 + [2.8] * 50, r"has grown from 0\.7 to 2\.8 at step 110 of 500.*a lower one"),
    ],
)
def test_a_loss_that_runs_away_stops_with_advice(found: list[float], sentence: str) -> None:
    with pytest.raises(ArithmeticError, match=sentence):
        check_loss(found, 500, 0.01)


def test_a_loss_that_rises_for_a_while_is_left_alone() -> None:
    check_loss([0.7] * 60 + [9.0] * 5, 500, 0.01)
    check_loss([9.0] * 60 + [0.1] * 60 + [8.0] * 50, 500, 0.01)


@pytest.mark.parametrize("start", ["classifier"], indirect=True)
def test_a_step_that_does_not_fit_says_how_large_it_was(
    start: Callable[..., Start], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(Stepper, "_learn", full)

    with pytest.raises(MemoryError, match=r"a step of 8 rows of \d+ tokens in 2 pieces: CUDA out"):
        list(start().run(make_accelerator(accumulate=2)))
