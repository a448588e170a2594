"""The README's code runs, its commands know their flags, and its course is as long as it says."""

import ast
import re
import shlex
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from training import benchmark, benchmark_hybrid, pretrain, train_classifier, train_hybrid
from training.checkpoints import classifier as initial_model

FOLDER = Path(__file__).parents[2] / "training"
README = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("trained", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_block_that_plots_heads_draws_them_whole(
    tmp_path: Path, save_tiny, monkeypatch: pytest.MonkeyPatch, trained: bool
) -> None:
    folder = tmp_path / ("checkpoints/reviews/encoder" if trained else "packaged")
    save_tiny(folder, hidden_size=24, num_attention_heads=6, max_position_embeddings=64)
    monkeypatch.setattr(initial_model, "minilm_folder", lambda: str(folder))
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(from pathlib.*?)```", README, re.DOTALL)
    names: dict = {}

    exec(block, names)

    picture, figure = imread(tmp_path / "heads.png"), names["figure"]
    assert names["heads"].shape == (6, len(names["tokens"]), len(names["tokens"]))
    assert picture.shape[:2] == (700, 1400)  # two rows of four squares of 3.5 inches at 100 dots
    assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 20
    assert [axes.get_title() for axes in figure.axes] == [f"head {i}" for i in range(1, 7)]
    drawn = figure.get_tightbbox()
    assert min(drawn.x0, drawn.y0) >= 0
    assert drawn.x1 <= 14
    assert drawn.y1 <= 7
    whole = [axes.get_tightbbox() for axes in figure.axes]
    assert not any(one.overlaps(other) for one, other in combinations(whole, 2))


def test_every_command_in_the_readme_is_one_that_its_parser_takes() -> None:
    commands = re.findall(r"^python training/(\w+)\.py(.*?)(?:#.*)?$", README, re.MULTILINE)

    assert len(commands) >= 4
    for name, flags in commands:
        words = shlex.split(flags)
        if name == "benchmark":
            _, words = benchmark.build_parser().parse_known_args(words)
        parsers = {"train_hybrid": train_hybrid, "benchmark_hybrid": benchmark_hybrid}
        parsers["pretrain"] = pretrain
        parsers.get(name, train_classifier).build_parser().parse_args(words)


def test_the_numbers_of_one_head_are_those_that_the_block_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    after = README.index("### One head, by hand")
    worked, printed = re.findall(r"```(?:python)?\n(.*?)```", README[after:], re.DOTALL)[:2]

    exec(worked, {})

    assert capsys.readouterr().out == printed


def course() -> list[list[tuple[int, Path]]]:
    """The files of each hour, with the minutes for each."""
    hours = re.findall(r"^\| minutes \| read .*?\n\n", README, re.MULTILINE | re.DOTALL)
    rows = [re.findall(r"^\| (\d+) \| `([\w/]+\.py)` \|", hour, re.MULTILINE) for hour in hours]
    return [[(int(minutes), FOLDER / name) for minutes, name in hour] for hour in rows]


def test_each_hour_of_the_course_is_ten_files_and_1300_lines_at_most() -> None:
    hours = course()

    assert len(hours) == 2
    for hour in hours:
        assert 5 < len(hour) <= 10
        assert sum(minutes for minutes, _ in hour) == 60
        assert sum(len(path.read_text("utf-8").splitlines()) for _, path in hour) <= 1300


def test_no_file_of_the_course_reads_or_writes_formats_or_prints() -> None:
    """What a folder on disk holds, tables, pages and flags stand elsewhere."""
    forbidden = {"json", "csv", "argparse", "tqdm", "sys", "safetensors", "safetensors.torch"}
    forbidden |= {f"training.{name}" for name in ("cli", "runs.report", "runs.records")}
    forbidden |= {f"training.checkpoints.{name}" for name in ("files", "hf_names", "hf_config")}

    found = [
        f"{path.name} imports {name}"
        for hour in course()
        for _, path in hour
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        if name in forbidden
    ]

    assert found == []
