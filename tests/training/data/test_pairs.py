"""Sources and targets from files: split by the source, bad rows named by line."""

import json
from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict

from training.data.hybrid_texts import load_pairs
from training.readers.rows import Reading


def rows(number: int) -> list[dict[str, str]]:
    return [{"source": f"source {i}", "target": f"target {i}"} for i in range(number)]


def csv_of(path: Path, pairs: list[dict[str, str]]) -> str:
    lines = "".join(f"{pair['source']},{pair['target']}\n" for pair in pairs)
    path.write_text("source,target\n" + lines, encoding="utf-8")
    return str(path)


def test_csv_and_json_lines_give_the_same_pairs_whole_and_split(tmp_path: Path) -> None:
    lines = tmp_path / "answers.jsonl"
    lines.write_text("\n".join(json.dumps(row) for row in rows(200)), encoding="utf-8")

    found = load_pairs(csv_of(tmp_path / "answers.csv", rows(200)))

    together = {(p.source, p.target) for p in (*found.train, *found.validation, *found.test)}
    assert together == {(row["source"], row["target"]) for row in rows(200)}
    assert 0.7 < len(found.train) / 200 < 0.9
    assert load_pairs(str(lines)).fingerprint == found.fingerprint


def test_all_targets_of_a_source_stay_in_one_part_and_a_pair_counts_once(tmp_path: Path) -> None:
    other = [{"source": row["source"].upper(), "target": "another"} for row in rows(100)]

    found = load_pairs(csv_of(tmp_path / "pairs.csv", [*rows(100), *other, *rows(100)]))

    parts = (found.train, found.validation, found.test)
    assert sum(len({pair.source.lower() for pair in part}) for part in parts) == 100
    assert sum(map(len, parts)) == 200


def test_a_dataset_keeps_its_own_parts(tmp_path: Path) -> None:
    parts = {"train": rows(20), "validation": rows(30)[20:25], "test": rows(30)[25:]}
    folder = tmp_path / "dataset"
    DatasetDict({part: Dataset.from_list(of) for part, of in parts.items()}).save_to_disk(folder)

    found = load_pairs(str(folder))

    assert [len(found.train), len(found.validation), len(found.test)] == [20, 5, 5]


def test_columns_of_other_names_are_named(tmp_path: Path) -> None:
    path = tmp_path / "answers.tsv"
    path.write_text("Asked\tAnswered\n" + "".join(f"a {i}\tb {i}\n" for i in range(200)))

    found = load_pairs(str(path), Reading(columns={"source": "asked", "target": "answered"}))

    assert {pair.target for pair in found.test} <= {f"b {i}" for i in range(200)}
    assert found.notes[0] == "columns parted by tabs"
    with pytest.raises(ValueError, match="--source-column and --target-column"):
        load_pairs(str(path))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("source,target\na,\n", r"bad.csv:2: no target \(found ''\)"),
        ("source,goal\na,b\n", "no column target"),
        ("source,target\na,b\n", "leaves no pairs for"),
        ("source,target\n", "has no rows; expected sources and targets"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)

    with pytest.raises(ValueError, match=sentence):
        load_pairs(str(path))


def test_a_dataset_without_targets_is_refused_with_its_columns(tmp_path: Path) -> None:
    Dataset.from_list([{"text": "a"}]).save_to_disk(tmp_path / "dataset")

    with pytest.raises(ValueError, match=r"no column source and no column target \(found: text\)"):
        load_pairs(str(tmp_path / "dataset"))


def test_a_source_that_several_own_parts_have_stays_in_the_last(tmp_path: Path) -> None:
    shouted = [{**row, "source": row["source"].upper() + "!"} for row in rows(20)]
    for part, of in {"train": rows(100), "validation": rows(10), "test": shouted[5:]}.items():
        (tmp_path / f"{part}.jsonl").write_text("\n".join(map(json.dumps, of)))

    found = load_pairs(str(tmp_path))

    assert [len(found.train), len(found.validation), len(found.test)] == [80, 5, 15]
    assert any("removed 25 pairs whose source a later part has" in note for note in found.notes)


def test_a_file_of_another_kind_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("a\tb")

    with pytest.raises(ValueError, match=r"pairs\.txt is a file of no known kind; expected \.csv"):
        load_pairs(str(tmp_path / "pairs.txt"))
