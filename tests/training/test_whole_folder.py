"""A folder is there whole or not at all, whatever happens while it is written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from training.whole_folder import whole_folder


def write(target: Path, text: str) -> None:
    with whole_folder(target, marker="mark") as folder:
        (folder / "mark").write_text(text)


def test_the_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "result"

    with whole_folder(target, marker="mark") as folder:
        (folder / "mark").touch()
        assert not target.exists()

    assert [path.name for path in target.iterdir()] == ["mark"]
    assert [path.name for path in target.parent.iterdir()] == ["result"]


def test_a_new_folder_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    write(tmp_path / "result", "old")
    (tmp_path / "result" / "extra").touch()

    write(tmp_path / "result", "new")

    assert (tmp_path / "result" / "mark").read_text() == "new"
    assert not (tmp_path / "result" / "extra").exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_folder(tmp_path: Path, error: type[BaseException]) -> None:
    write(tmp_path / "result", "old")

    def stopped_half_way() -> None:
        with whole_folder(tmp_path / "result", marker="mark") as folder:
            (folder / "mark").write_text("half")
            raise error

    with pytest.raises(error):
        stopped_half_way()

    assert (tmp_path / "result" / "mark").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_killed_run_leaves_the_old_folder_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    write(tmp_path / "result", "old")
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from training.whole_folder import whole_folder\n"
        "with whole_folder(Path(sys.argv[1]), marker='mark') as folder:\n"
        "    (folder / 'mark').write_text('half')\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "result")], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "writing\n"
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    run.stdout.close()

    assert (tmp_path / "result" / "mark").read_text() == "old"
    write(tmp_path / "result", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_run_killed_between_the_two_renames_is_mended(tmp_path: Path) -> None:
    write(tmp_path / "result", "old")
    (tmp_path / "result").rename(tmp_path / ".result.previous")

    with pytest.raises(ValueError, match="stop"), whole_folder(tmp_path / "result", marker="mark"):
        raise ValueError("stop")

    assert (tmp_path / "result" / "mark").read_text() == "old"


def test_a_folder_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(FileExistsError, match="holds other things and no mark"):
        write(tmp_path, "new")
    with pytest.raises(FileExistsError, match=r"thesis\.tex is a file"):
        write(tmp_path / "thesis.tex", "new")
    assert (tmp_path / "thesis.tex").exists()
