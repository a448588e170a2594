"""`training.json` is written under a format number and read under no other."""

import json
from pathlib import Path

import pytest

from training.checkpoints.record import find_record, read_record, write_record


def test_a_record_is_read_as_it_was_written_under_its_format(tmp_path: Path) -> None:
    write_record(tmp_path, {"title": "Kritiken – Filme", "temperature": 1.25})

    assert read_record(tmp_path) == {"format": 1, "title": "Kritiken – Filme", "temperature": 1.25}


@pytest.mark.parametrize("found", [2, 0, "1", None])
def test_another_format_is_refused_by_its_number(tmp_path: Path, found: object) -> None:
    (tmp_path / "training.json").write_text(json.dumps({"format": found}))

    with pytest.raises(ValueError, match=f"has format {found}, this reader knows format 1"):
        read_record(tmp_path)


@pytest.mark.parametrize("content", ["[1, 2]", '"words"'])
def test_json_that_is_no_record_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "training.json").write_text(content)

    with pytest.raises(ValueError, match=r"holds a JSON (list|str); expected an object"):
        read_record(tmp_path)


def test_a_torn_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text('{"format": 1, "tit')

    with pytest.raises(ValueError, match=r"training\.json is no JSON"):
        read_record(tmp_path)


def test_a_folder_without_a_record_is_told_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no training\.json.*train_classifier\.py --out"):
        read_record(tmp_path)


@pytest.mark.parametrize("content", ['{"epochs": 3}', "[1, 2]"])
def test_another_programs_file_of_the_name_is_no_record(tmp_path: Path, content: str) -> None:
    assert find_record(tmp_path) is None
    (tmp_path / "training.json").write_text(content)
    assert find_record(tmp_path) is None
    write_record(tmp_path, {"seed": 1})
    assert find_record(tmp_path) == {"format": 1, "seed": 1}
    (tmp_path / "training.json").write_text('{"format": 9}')
    with pytest.raises(ValueError, match="has format 9, this reader knows format 1"):
        find_record(tmp_path)


@pytest.mark.parametrize(
    ("noted", "what"),
    [
        ({"data": 5}, "5 as its data"),
        ({"recipe": None}, "None as its recipe"),
        ({"data": {"source": 5}}, "5 as its data.source"),
        ({"hybrid": {"metrics": []}}, r"\[\] as its hybrid.metrics"),
        ({"temperature": "warm"}, "'warm' as its temperature"),
    ],
)
def test_what_is_of_another_kind_than_training_wrote_is_named(
    tmp_path: Path, noted: dict[str, object], what: str
) -> None:
    write_record(tmp_path, noted)

    with pytest.raises(ValueError, match=rf"training\.json has {what}; expected what training"):
        read_record(tmp_path)
