"""The benchmark beside Trainer: its table, and one whole round of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from training.benchmark_trainer import (
    GROUPED,
    OURS,
    PLAIN,
    WAYS,
    TrainerRun,
    main,
    read_lesson,
    show_runs,
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    words = {"bad": "dull", "good": "great"}
    letters = "abcdefghij"
    rows = [
        f"the film is {words[label]} and {letters[i % 10]} {letters[i // 10 % 10]} story,{label}"
        for i in range(100)
        for label in words
    ]
    file = tmp_path / "few.csv"
    file.write_text("\n".join(["text,label", *rows]))
    return file


def test_the_table_has_medians_and_the_medians_of_each_rounds_ratio() -> None:
    # A machine that is twice as slow in the second round: the ratios stay.
    runs = {
        OURS: [TrainerRun(400.0, 0.8, 100.0, 1.0), TrainerRun(200.0, 0.9, 100.0, 2.0)],
        PLAIN: [TrainerRun(100.0, 0.7, 200.0, 4.0), TrainerRun(50.0, 0.7, 200.0, 8.0)],
    }

    head, _, ours, plain = show_runs(runs).splitlines()

    assert "ours to this" in head
    assert ours == "| ours | 300 | 1.00 | 0.850 | 100 | 1.00 |"
    assert plain == "| Trainer, as it comes | 75 | 4.00 | 0.700 | 200 | 0.50 |"


def test_a_number_to_give_and_no_round_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("text,score\n" + "".join(f"film {i},{i / 7}\n" for i in range(120)))

    with pytest.raises(ValueError, match="asks for no single label"):
        read_lesson(str(numbers), "minilm", None, 30)
    assert main(["--rounds", "0"]) == 2
    assert "rounds is 0; expected 1 or more" in capsys.readouterr().err


@pytest.mark.slow
def test_one_round_of_all_three_is_measured_each_in_a_process_of_its_own(
    tmp_path: Path, table: Path, save_tiny: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    save_tiny(tmp_path / "init")
    small = ["--epochs", "12", "--batch-size", "8", "--learning-rate", "3e-3", "--max-tokens", "30"]
    flags = ["--data", str(table), "--init", str(tmp_path / "init"), *small]

    assert main([*flags, "--texts", "96", "--rounds", "1"]) == 0

    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[-3:]]
    assert [row[0] for row in rows] == [WAYS[way] for way in (OURS, PLAIN, GROUPED)]
    assert rows[0][2] == "1.00"
    assert all(float(row[1].replace(",", "")) > 0 for row in rows)
    assert all(float(row[3]) > 0.9 for row in rows), "a text is known by one word"
