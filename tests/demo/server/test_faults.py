"""What may go wrong around a page that runs, or is to: files, disks, memory, its end."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys

import pytest

import benchmark
from bundle_format.folder import FILE, BundleError
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.measuring import served
from explorer.measuring.served import served_page
from explorer.ui.models import PageModels

TEXT = "the film is good"
FLIPS = 400
LINUX = pytest.mark.skipif(not served.can_measure(), reason="by what only Linux has")

FAULTS = {
    "cut off": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "a bit flipped": lambda content: content[:-9] + bytes([content[-9] ^ 4]) + content[-8:],
    "another's": lambda content: b"#!/bin/sh\n" + content,
    "gone": None,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_any_file_of_a_bundle_is_told_in_a_sentence_that_names_it(copy_of_tiny, fault):
    folder, change = copy_of_tiny(), FAULTS[fault]
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        content = path.read_bytes()
        if change is None:
            path.unlink()
        else:
            path.write_bytes(change(content))

        # float32 and 8bit: each file is one of those that the page would open, or not.
        with pytest.raises(BundleError) as refused:
            open_bundle(folder)

        said = str(refused.value)
        assert path.name in said
        assert "\n" not in said
        assert len(said) < 700
        path.write_bytes(content)
    assert len(files) > 9
    assert open_bundle(folder)


@pytest.mark.load
def test_a_stranger_who_flips_bytes_and_lists_them_is_refused_or_read(copy_of_tiny, relist, capfd):
    """Whatever a graph, a tokenizer or a config becomes: what is wrong is told at the start."""
    folder, chance, said = copy_of_tiny(), random.Random(0), []
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != FILE]
    for _ in range(FLIPS):
        path = chance.choice(files)
        content = path.read_bytes()
        changed = bytearray(content)
        for _ in range(chance.choice((1, 3, 20))):  # half of them where the names stand
            reach = chance.choice((len(changed), min(len(changed), 3000)))
            changed[chance.randrange(reach)] = chance.randrange(256)
        path.write_bytes(changed)
        relist(folder)
        try:
            models = PageModels([EncoderModel(open_bundle(folder))])
            models.read("Tiny random model", TEXT, "")
        except BundleError as refused:
            said.append(str(refused))
        path.write_bytes(content)
    assert FLIPS / 10 < len(said) < FLIPS * 9 / 10
    assert all("\n" not in one and len(one) < 900 for one in said)
    assert capfd.readouterr() == ("", "")


@pytest.mark.load
@LINUX
def test_a_page_that_was_killed_starts_again_and_answers_as_before(
    tiny_folder, demo_folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    answers = []
    for end in (signal.SIGKILL, signal.SIGTERM):
        with served_page(demo_folder / "app.py", ["--bundle", str(tiny_folder)]) as page:
            answers.append(page.ask("/attention", TEXT))
            stream = page.messages("/trust", page.data("/trust", TEXT * 4))
            assert len(list(tmp_path.iterdir())) == 1  # what was left by the one that was killed
            os.kill(page.process, end)
            stream.close()

    assert answers[0] == answers[1]
    assert list(tmp_path.iterdir()) == []


READ_ONLY = """#!/bin/sh
exec unshare --mount sh -c '
mount --bind / / && mount -o remount,bind,ro / && {then} && exec "$@"' sh {python} "$@"
"""


@pytest.mark.load
@LINUX
@pytest.mark.parametrize("has_room", [True, False])
def test_on_a_read_only_file_system_it_is_served_or_says_what_it_needs(
    tiny_folder, demo_folder, tmp_path, monkeypatch, skip_for_want, has_room
):
    if not shutil.which("unshare") or subprocess.run(["unshare", "--mount", "true"]).returncode:
        skip_for_want("needs unshare, and may not take a file system of its own")
    python, room, log = (tmp_path / name for name in ("python", "room", "log.txt"))
    then = f"mount -t tmpfs tmpfs {room}" if has_room else "true"
    python.write_text(READ_ONLY.format(then=then, python=sys.executable), "utf-8")
    python.chmod(0o755)
    room.mkdir()
    monkeypatch.setenv("TMPDIR", str(room))
    monkeypatch.setattr(sys, "executable", str(python))
    options = ["--bundle", str(tiny_folder)]

    with log.open("wb") as opened:
        if has_room:
            with served_page(demo_folder / "app.py", options, opened) as page:
                assert page.ask("/classify", "Not bad: 好")[0]["label"]
        else:
            with (
                pytest.raises(OSError, match="ended with the code 2"),
                served_page(demo_folder / "app.py", options, opened),
            ):
                pass

    said = log.read_text("utf-8")
    assert said == "" if has_room else "No temporary folder can be made" in said
    assert said.count("\n") == (0 if has_room else 1)


@pytest.mark.load
@LINUX
def test_every_endpoint_at_the_longest_text_fits_into_600_mb(tmp_path, capsys):
    texts = tmp_path / "texts.jsonl"
    texts.write_text(json.dumps({"text": "the music was dull but the film is good"}), "utf-8")

    assert benchmark.main(["--texts", str(texts), "--only", "memory"]) == 0

    rest, peak = map(int, re.findall(r"(\d+) MB", capsys.readouterr().out))
    assert rest < 300
    assert peak < 600
