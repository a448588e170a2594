"""A folder is there whole or not at all, whatever happens while it is written."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from training.checkpoints.atomic_folder import Kind, atomic_folder, check_target
from training.checkpoints.record import CHECKPOINT

KIND = Kind(marker="mark", written=lambda folder: ("part/*.bin",))


def write(target: Path, text: str) -> None:
    with atomic_folder(target, kind=KIND) as folder:
        (folder / "mark").write_text(text)


def test_the_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "result"

    with atomic_folder(target, kind=KIND) as folder:
        (folder / "mark").touch()
        assert not target.exists()

    assert [path.name for path in target.iterdir()] == ["mark"]
    assert [path.name for path in target.parent.iterdir()] == ["result"]


def test_a_new_folder_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    write(tmp_path / "result", "old")
    (tmp_path / "result" / "part").mkdir()
    (tmp_path / "result" / "part" / "a.bin").touch()
    (tmp_path / "result" / ".DS_Store").touch()

    write(tmp_path / "result", "new")

    assert (tmp_path / "result" / "mark").read_text() == "new"
    assert not (tmp_path / "result" / "part").exists()


@pytest.mark.parametrize("name", ["thesis.txt", ".git/HEAD", "part/notes.txt", "link"])
def test_a_folder_with_other_files_beside_its_own_is_not_replaced(
    tmp_path: Path, name: str
) -> None:
    write(tmp_path / "result", "old")
    other = tmp_path / "result" / name
    other.parent.mkdir(exist_ok=True)
    other.symlink_to(tmp_path) if name == "link" else other.touch()

    with pytest.raises(FileExistsError, match=f"holds other files as well .{name}.*another folder"):
        write(tmp_path / "result", "new")

    assert other.exists()
    assert (tmp_path / "result" / "mark").read_text() == "old"


def test_what_is_put_in_while_the_work_goes_on_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "result", "old")

    with atomic_folder(tmp_path / "result", kind=KIND) as folder:
        (folder / "mark").write_text("new")
        (tmp_path / "result" / "thesis.txt").write_text("years of work")

    assert (tmp_path / "result" / "mark").read_text() == "new"
    (kept,) = tmp_path.glob("result.before-*")
    assert (kept / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("content", ['{"name": "webpack bundle"}', "no JSON", "[]"])
def test_another_programs_training_json_does_not_make_a_checkpoint(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "training.json").write_text(content)

    with pytest.raises(FileExistsError, match=r"a training\.json that is not of this"):
        check_target(tmp_path, kind=CHECKPOINT)


@pytest.mark.parametrize("given", ["result", "result/data.csv", "link/data.csv"])
def test_what_is_read_may_not_lie_in_what_is_replaced(tmp_path: Path, given: str) -> None:
    (tmp_path / "result").mkdir()
    (tmp_path / "result" / "data.csv").touch()
    (tmp_path / "link").symlink_to(tmp_path / "result")

    with pytest.raises(ValueError, match=r"which is to be read, .* give another folder with --out"):
        check_target(tmp_path / "result", kind=KIND, inputs=[None, "hub/name", tmp_path / given])


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_folder(tmp_path: Path, error: type[BaseException]) -> None:
    write(tmp_path / "result", "old")

    def stopped_half_way() -> None:
        with atomic_folder(tmp_path / "result", kind=KIND) as folder:
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
        "from training.checkpoints.atomic_folder import Kind, atomic_folder\n"
        "kind = Kind(marker='mark', written=lambda folder: ())\n"
        "with atomic_folder(Path(sys.argv[1]), kind=kind) as folder:\n"
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

    with pytest.raises(ValueError, match="stop"), atomic_folder(tmp_path / "result", kind=KIND):
        raise ValueError("stop")

    assert (tmp_path / "result" / "mark").read_text() == "old"


def test_a_folder_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(FileExistsError, match="holds other things and no mark"):
        write(tmp_path, "new")
    with pytest.raises(FileExistsError, match=r"thesis\.tex is a file"):
        write(tmp_path / "thesis.tex", "new")
    assert (tmp_path / "thesis.tex").exists()


def test_two_runs_to_one_place_leave_each_others_work_alone(tmp_path: Path) -> None:
    target = tmp_path / "result"

    with atomic_folder(target, kind=KIND) as first:
        (first / "mark").write_text("first")
        with atomic_folder(target, kind=KIND) as second:
            assert (first / "mark").read_text() == "first"
            (second / "mark").write_text("second")
        assert (target / "mark").read_text() == "second"

    assert (target / "mark").read_text() == "first", "the one that ends last"
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_failed_run_takes_back_the_parents_that_it_made(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "deeper" / "result"

    with pytest.raises(ValueError, match="stop"), atomic_folder(target, kind=KIND):
        raise ValueError("stop")

    assert list(tmp_path.iterdir()) == []


def test_files_are_on_the_disk_before_they_have_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = set()

    def note(opened: int) -> None:
        assert not (tmp_path / "result").exists() or os.fstat(opened).st_ino == place
        synced.add(os.fstat(opened).st_ino)

    place = tmp_path.stat().st_ino
    monkeypatch.setattr(os, "fsync", note)

    write(tmp_path / "result", "new")

    assert (tmp_path / "result" / "mark").stat().st_ino in synced
    assert (tmp_path / "result").stat().st_ino in synced
    assert place in synced, "the name itself"


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("/", "the root of a file system, which cannot be replaced; give a folder"),
        ("/proc/result", "/proc/result cannot be written .*; give another folder"),
        ("file/result", "cannot be written .Not a directory.; give another folder"),
        ("x" * 250, "cannot be written .File name too long.; give another folder"),
        ("round/result", "cannot be written .*link.*; give another folder"),
    ],
    ids=["root", "read-only", "in a file", "long", "links that go round"],
)
def test_a_place_that_cannot_be_written_is_told_in_a_sentence(
    tmp_path: Path, target: str, sentence: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "round").symlink_to(tmp_path / "round")

    with pytest.raises((OSError, ValueError), match=sentence):
        check_target(tmp_path / target, kind=KIND)


def test_a_disk_with_too_little_room_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(tmp_path)._replace(free=250_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: free)

    target = check_target(tmp_path / "deep" / ".." / "result", kind=KIND, needs=250_000_000)

    assert target == tmp_path / "result"
    with pytest.raises(OSError, match="has 250 MB free, and result needs about 300 MB; make room"):
        check_target(tmp_path / "result", kind=KIND, needs=300_000_000)
    assert list(tmp_path.iterdir()) == []
