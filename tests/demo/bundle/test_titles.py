"""Several bundles of one title: a reader, and a program, can choose each of them."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

import app
from explorer.bundle import open_bundle, told_apart
from explorer.inference.encoder import EncoderModel
from explorer.ui.models import PageModels


def titles(bundle, *given):
    """The titles that bundles get; each is given by its title and its folder."""
    made = [replace(bundle, title=title, folder=Path(folder)) for title, folder in given]
    return [one.title for one in told_apart(made)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([("A", "x/one"), ("B", "x/two")], ["A", "B"]),
        ([("A", "x/one"), ("B", "x/two"), ("A", "y/three")], ["A (one)", "B", "A (three)"]),
        ([("A", "x/one"), ("A", "y/one")], ["A (x/one)", "A (y/one)"]),
        (
            [("A", "one"), ("A", "two/one"), ("A", "two")],
            ["A ({}/one)", "A (two/one)", "A ({}/two)"],
        ),
        ([("A", "x/one"), ("A", "x/one")], ["A (one)", "A (one) 2"]),
        ([("A", "x/one"), ("a ", "x/two")], ["A (one)", "a  (two)"]),
        ([("A (one)", "x"), ("A", "one"), ("A", "two")], ["A (one)", "A (one) 2", "A (two)"]),
    ],
)
def test_each_bundle_gets_a_title_of_its_own(bundle, tmp_path, monkeypatch, given, expected):
    monkeypatch.chdir(tmp_path)

    assert titles(bundle, *given) == [one.format(tmp_path.name) for one in expected]


def test_a_folder_that_is_named_in_two_ways_is_one_folder(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("one").mkdir()

    found = titles(bundle, ("A", "one"), ("A", f"one{os.sep}..{os.sep}one"))

    assert found == ["A (one)", "A (one) 2"]


def test_a_page_offers_both_of_one_title_and_a_program_is_answered_by_each(
    copy_of_tiny, endpoints_of
):
    folders = [
        copy_of_tiny(tasks=["classify"], labels=[name, "other", "third"]) for name in ("one", "two")
    ]
    named = [folder.rename(folder.with_name(f"of_{at}")) for at, folder in enumerate(folders)]
    bundles = [open_bundle(folder) for folder in named]
    shown = ["Tiny random model (of_0)", "Tiny random model (of_1)"]

    chooser = next(
        part for part in app.build_app(bundles).blocks.values() if part.elem_id == "bundle"
    )
    api = endpoints_of(PageModels([EncoderModel(one) for one in told_apart(bundles)]))
    answers = [api.classify("the film is good", bundle=title) for title in shown]

    assert [value for _, value in chooser.choices] == shown
    assert [answer["bundle"] for answer in answers] == shown
    assert [next(iter(answer["logits"])) for answer in answers] == ["one", "two"]
