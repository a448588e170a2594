"""A checkpoint that cannot be written, or not be gone on from, is a sentence."""

from pathlib import Path
from typing import Any

import pytest
import torch

from training.checkpoints.atomic_folder import room_for, writing
from training.checkpoints.record import check_trained
from training.readers.rows import Reading, noted_reading
from training.recipes import HybridRecipe, Recipe

TRAINED: dict[str, Any] = {
    "licence": "ours",
    "rehearsal": False,
    "data": {"source": "a.csv", "fingerprint": "0"},
    "recipe": {"max_tokens": 128},
    "metrics": {"validation": {"accuracy": 0.9}},
}


def test_what_a_library_cannot_write_is_a_sentence_about_the_folder(
    tmp_path: Path, save_tiny
) -> None:
    (tmp_path / "model.safetensors").mkdir()

    said = r"out cannot be written \(.*directory.*\); make room"
    with pytest.raises(OSError, match=said), writing(Path("out")):
        save_tiny(tmp_path)


def test_a_full_disk_is_told_without_a_number_of_the_system() -> None:
    full = OSError(28, "No space left on device", ".out.partial-1/config.json")

    said = r"^out cannot be written \(No space left on device\); make"
    with pytest.raises(OSError, match=said), writing(Path("out")):
        raise full


def test_a_checkpoint_needs_room_for_its_weights() -> None:
    assert room_for(torch.nn.Linear(1000, 1000)) == pytest.approx(4e6 + 8 * 2**20, rel=0.01)


def test_a_record_that_a_decoder_can_be_added_to_passes() -> None:
    check_trained(TRAINED, Path("base"), joint=True)
    check_trained({"licence": "none"}, Path("base"), joint=False)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"licence": None}, "None as its licence; expected what training wrote. Train again"),
        ({"rehearsal": 1}, "1 as its rehearsal"),
        ({"data": []}, "None as its data.source"),
        ({"recipe": {"max_tokens": True}}, "True as its recipe.max_tokens"),
        ({"metrics": {"validation": {}}}, "None as its metrics.validation.accuracy"),
    ],
)
def test_what_a_record_lacks_is_named(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=rf"base.training\.json has {sentence}"):
        check_trained({**TRAINED, **changed}, Path("base"), joint=True)


def test_a_record_says_how_its_texts_were_read() -> None:
    noted = {"columns": {"text": "Review"}, "keep_duplicates": True}

    assert noted_reading({"reading": noted}) == Reading(**noted)
    assert noted_reading({}) == Reading()
    for odd in (3, {"columns": []}, {"columns": {"text": 1}}):
        with pytest.raises(ValueError, match=r"as its data\.reading; expected how its texts"):
            noted_reading({"reading": odd})


@pytest.mark.parametrize("recipe", [Recipe, HybridRecipe])
def test_a_seed_that_torch_does_not_take_is_refused(recipe) -> None:
    assert recipe(seed=2**63 - 1).seed == 2**63 - 1
    with pytest.raises(ValueError, match="seed is 9223372036854775808; expected 0 to 922337203685"):
        recipe(seed=2**63)
