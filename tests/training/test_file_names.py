"""What is handed on names files, never where they lie; what is noted so is found again."""

import errno
import json
from pathlib import Path

import pytest

from training.checkpoints.files import write_json
from training.file_names import find_noted_texts, noted_texts, public_name, real_name


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder `run` with `data/tickets.csv`, a folder `data/mine` and a link to it."""
    (tmp_path / "run" / "data" / "mine").mkdir(parents=True)
    (tmp_path / "run" / "data" / "tickets.csv").touch()
    (tmp_path / "run" / "latest").symlink_to("data/mine")
    monkeypatch.chdir(tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (".", "run"),
        ("data/..", "run"),
        ("data/mine/", "mine"),
        ("latest", "mine"),
        ("data/tickets.csv", "tickets.csv"),
        ("../gone/model", "model"),
        ("owner/model", "model"),
    ],
)
def test_a_folders_name_is_its_own(place: Path, given: str, name: str) -> None:
    assert real_name(given) == name


def test_the_root_has_no_name() -> None:
    with pytest.raises(ValueError, match="'/' has no name of its own; give a folder"):
        real_name("/")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("minilm", "minilm"),
        ("owner/model", "owner/model"),
        ("owner/data:configuration", "owner/data:configuration"),
        ("--epochs", "--epochs"),
        ("", ""),
        ("data/tickets.csv", "tickets.csv"),
        ("/home/alice/gone.csv", "gone.csv"),
        ("~/gone.csv", "gone.csv"),
        ("../gone.csv", "gone.csv"),
        ("home/alice/gone.csv", "gone.csv"),
        ("C:\\Users\\alice\\gone.csv", "gone.csv"),
        (".", "run"),
    ],
)
def test_a_path_is_told_by_its_last_name_and_a_name_on_the_hub_whole(
    place: Path, given: str, name: str
) -> None:
    assert public_name(given) == name


def test_texts_are_found_again_here_or_where_somebody_says(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv, folder = str(place / "data" / "tickets.csv"), str(place / "data" / "mine")
    assert (noted_texts(csv), noted_texts(folder)) == ("tickets.csv", "mine/")

    assert find_noted_texts("tickets.csv", ["imdb", csv], advice="-") == csv
    assert find_noted_texts("mine/", [folder], advice="-") == folder
    assert find_noted_texts("owner/data.v2", advice="-") == "owner/data.v2"
    for noted in ("tickets.csv", "mine/"):
        with pytest.raises(FileNotFoundError, match=r"which .* noted nowhere; do this"):
            find_noted_texts(noted, advice="do this")
    monkeypatch.chdir("data")
    assert find_noted_texts("tickets.csv", advice="-") == "tickets.csv"
    assert find_noted_texts("mine/", advice="-") == "mine/"


def test_a_full_disk_leaves_the_json_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(tmp_path / "bundle.json", {"format": 1})

    def full(path: Path, *_: object, **__: object) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_json(tmp_path / "bundle.json", {"format": 2})

    assert [path.name for path in tmp_path.iterdir()] == ["bundle.json"]
    assert json.loads((tmp_path / "bundle.json").read_text()) == {"format": 1}
