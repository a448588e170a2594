"""The Space card: its front matter fits the pins, and the pins fit the Space's Python."""

import json
import math
import os
import re
import subprocess
import sys
from importlib import metadata

import pytest

from explorer import bundle as limits
from explorer.analyses.faithfulness import RANDOM_ORDERS
from explorer.inference.reading_cache import LEAST_BYTES
from explorer.server.attended_queue import LONGEST_LINE
from explorer.ui.checks import MAX_CHARACTERS, MAX_TOKENS


@pytest.fixture(scope="module")
def card(demo_folder):
    """The front matter, as text by key; its values are all plain."""
    _, front, _ = (demo_folder / "README.md").read_text("utf-8").split("---\n", 2)
    return dict(line.split(": ", 1) for line in front.splitlines())


@pytest.fixture(scope="module")
def pins(demo_folder):
    lines = (demo_folder / "requirements.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_the_space_runs_the_gradio_that_is_pinned(card, pins):
    assert card["sdk"] == "gradio"
    assert card["sdk_version"] == pins["gradio"]


def test_the_tests_run_the_gradio_that_is_pinned(pins):
    import gradio

    assert gradio.__version__ == pins["gradio"]


def test_the_lock_holds_the_pins_and_hashes_for_all_that_they_ask_for(demo_folder, pins):
    text = (demo_folder / "requirements.lock").read_text("utf-8")
    entries = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    locked = dict(entry.split(maxsplit=1)[0].split("==") for entry in entries)

    assert {name: locked.get(name) for name in pins} == pins
    assert all("--hash=sha256:" in entry for entry in entries)
    asked = {
        re.match(r"[\w.-]+", one).group().lower()
        for name in pins
        for one in metadata.requires(name) or ()
        if "extra ==" not in one
    }
    assert {re.sub(r"[-_.]+", "-", one) for one in asked} <= set(locked)


def test_the_python_version_is_quoted(card):
    # Unquoted, YAML would read 3.10 as 3.1; unset, the platform takes 3.10, too old for the pins.
    assert card["python_version"] == '"3.12"'


def test_the_card_names_files_and_fields_that_the_platform_knows(card, demo_folder):
    assert (demo_folder / card["app_file"]).is_file()
    assert len(card["short_description"]) <= 60
    assert {card["colorFrom"], card["colorTo"]} <= {
        "red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray",
    }  # fmt: skip


def test_every_option_in_the_card_is_one_of_the_command(demo_folder):
    import app

    known = app.build_parser()._option_string_actions
    text = (demo_folder / "README.md").read_text("utf-8")

    named = re.findall(r"python app\.py ([^#\n`]*)", text)

    options = [word for line in named for word in line.split() if word.startswith("--")]
    assert options
    assert set(options) <= set(known)


@pytest.fixture(scope="module")
def text(demo_folder):
    """The card's own text, without its line breaks."""
    return " ".join((demo_folder / "README.md").read_text("utf-8").split())


def test_what_the_card_says_of_limits_is_what_the_code_does(text):
    assert f"A generated text has at most {MAX_TOKENS} tokens" in text
    assert f"A text may have {MAX_CHARACTERS:,} characters" in text
    assert f"up to the model's limit, and never beyond {math.isqrt(limits.CELLS):,} tokens" in text
    assert f"tokens, {round(limits.MAP_BYTES / 1e6, -2):.0f} MB of maps" in text
    assert f"at most {LEAST_BYTES / 1e6:.0f} MB, or as much as the longest text takes" in text
    assert f"One of each kind runs at a time, and up to {LONGEST_LINE} may wait" in text
    assert f"against {RANDOM_ORDERS} random orders" in text


def test_the_card_names_all_texts_of_the_default_bundle(text, demo_folder):
    bundle = json.loads((demo_folder / "bundles/reviews/bundle.json").read_text("utf-8"))
    authors = re.findall(r"collected by (\w+)", bundle["licence"])

    licences = text.split("## Licences")[1]
    assert len(authors) == 2
    assert all(author in licences for author in authors)


@pytest.mark.slow
def test_the_pins_resolve_for_the_spaces_python(card, demo_folder, tmp_path, skip_for_want):
    version = card["python_version"].strip('"')
    command = [
        sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
        "--only-binary=:all:", "--python-version", version,
        "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64",
        "--target", str(tmp_path), "-r", str(demo_folder / "requirements.txt"),
    ]  # fmt: skip

    done = subprocess.run(
        command,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_RETRIES": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    if "No module named pip" in done.stderr:
        skip_for_want("needs pip: python -m ensurepip")
    if re.search(r"Connection|Temporary failure|timed out|Network is unreachable", done.stderr):
        skip_for_want("needs a package index that answers: run it with a network")
    assert done.returncode == 0, done.stderr
