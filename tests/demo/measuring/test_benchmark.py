"""The benchmark: its table against numbers by hand, its texts, its refusals."""

import json
import re
import subprocess
import sys
from itertools import count
from subprocess import CompletedProcess

import numpy as np
import pytest

import benchmark
from explorer.analyses.faithfulness import Faithfulness, FaithfulnessScores
from explorer.analyses.occlusion import plan_occlusion
from explorer.bundle import open_bundle
from explorer.inference.cost import Throughput
from explorer.inference.encoder import EncoderModel
from explorer.measuring import served
from explorer.measuring.analyses import (
    measure_texts,
    say_where_order_matters,
    show_summaries,
    summarise,
    text_of_length,
)
from explorer.measuring.clicks import ROWS

TEXTS = ["not bad at all", "the story is great", "good", "the music was dull, but the film is good"]


@pytest.fixture
def texts(tmp_path):
    file = tmp_path / "texts.jsonl"
    rows = [{"text": text, "label": "positive"} for text in TEXTS]
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(file)


def trusted(removed, kept, tau):
    """A text whose random orders have 0.0, 0.1, 0.2 and 0.3 in everything."""
    chance = np.arange(4) / 10
    methods = ("attention", "norm-weighted attention", "rollout", "occlusion")
    own = (np.array([value] * 4) for value in (removed, kept, tau, removed, kept))
    return Faithfulness(
        None, (50, 100), methods, FaithfulnessScores(*own), FaithfulnessScores(*[chance] * 5)
    )


def test_the_table_holds_means_over_texts():
    found = [trusted(0.25, 0.05, 0.5), trusted(0.1, 0.1, float("nan"))]
    rows = summarise(found)

    first = rows["attention"]
    assert first["comprehensiveness"] == pytest.approx(0.175)
    # Better than three of four; then better than one and equal to one: 0.75 and 0.375.
    assert first["comprehensiveness_percentile"] == pytest.approx((0.75 + 0.375) / 2)
    assert first["sufficiency_percentile"] == pytest.approx((0.75 + 0.625) / 2)
    assert first["agreement"] == 0.5
    assert first["better"] == 0.5  # 0.25 is above the median 0.15, 0.1 is not
    assert rows["a random order"]["comprehensiveness"] == pytest.approx(0.15)
    assert show_summaries(rows, number=True).splitlines()[2] == (
        "| attention | 0.175 | 56% | 0.075 | 69% | 0.50 | 50% |"
    )
    assert show_summaries(rows).splitlines()[2] == (
        "| attention | 0.175 | 56% | 0.075 | 69% | 0.175 | 56% | 0.075 | 69% | 0.50 | 50% |"
    )


def test_texts_on_which_no_order_differs_are_counted_and_no_agreement_is_made_up(copy_of_tiny):
    model = EncoderModel(open_bundle(copy_of_tiny(temperature=50.0), "float32"))
    found = list(measure_texts(model, [(TEXTS[0], ""), (TEXTS[1], "")], 0))

    assert say_where_order_matters(found).startswith("In 0 of 2 texts it makes a difference")
    rows = summarise(found)
    assert np.isnan(rows["attention"]["agreement"])
    assert "| not measured |" in show_summaries(rows).splitlines()[2]


def test_one_seed_prints_one_table(tiny_folder, texts, capsys):
    tables = []
    for seed in ("0", "0", "1"):
        arguments = ["--bundle", str(tiny_folder), "--texts", texts, "--seed", seed]
        assert benchmark.main([*arguments, "--only", "faithfulness"]) == 0
        tables.append(capsys.readouterr().out)

    assert tables[0] == tables[1]
    assert tables[0].split("seed")[1] != tables[2].split("seed")[1]
    assert "3 texts, Tiny" in tables[0]  # "good" has one word: nothing to rank
    assert len(re.findall(r"^\| [a-z-]+", tables[0], re.MULTILINE)) == 6


def test_no_plan_depends_on_the_machine(bundle):
    model = EncoderModel(bundle)
    model.throughput = Throughput(clock=count(0, 1000).__next__)
    with model.throughput.measuring(1):  # so slow that a page would plan eight texts
        pass
    assert plan_occlusion(model, model.read(TEXTS[3])).sentences

    (found,) = measure_texts(model, [(TEXTS[3], "")], 0)

    assert found.percents == tuple(range(10, 101, 10))
    assert not found.single.sentences


def test_every_analysis_has_a_time(tiny_folder, texts, capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "LENGTHS", (8,))
    arguments = ["--bundle", str(tiny_folder), "--texts", texts, "--only", "times"]

    assert benchmark.main(arguments) == 0

    table = capsys.readouterr().out
    for name in ("occlusion", "pairs of words", "smallest flip", "trust", "writing"):
        assert re.search(rf"^\| {name} \| [0-9.e-]+ \|$", table, re.MULTILINE)


@pytest.mark.slow
def test_clicks_are_timed_in_a_browser(tiny_folder, texts, demo_folder, skip_for_want):
    # A process of its own: the tests of the page may have a browser open.
    command = [sys.executable, demo_folder / "benchmark.py", "--bundle", tiny_folder]
    done = subprocess.run(
        [*command, "--texts", texts, "--only", "clicks"], capture_output=True, text=True
    )
    if "Clicks need a browser" in done.stderr:
        skip_for_want(done.stderr)

    assert done.stderr == ""
    for name in ROWS:
        assert re.search(rf"^\| {name} \| [\d.]+( \(\d+\))? \|$", done.stdout, re.MULTILINE)


def test_a_text_of_a_length_is_as_long_as_fits(model):
    texts = [("unbelievable music was", ""), ("good and great", "")]

    for tokens in range(5, 16):
        text, _ = text_of_length(model, texts, tokens)
        words = " ".join(one for one, _ in texts).split()
        count = len(text.split())
        assert text.split() == words[:count]
        assert len(model.encode(text).ids) <= tokens
        assert count == 6 or len(model.encode(" ".join(words[: count + 1])).ids) > tokens


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no text"),
        ("[1]", 'line 1 is not an object with a "text"'),
        ('{"text": "good"}\n{"word": 1}', 'line 2 is not an object with a "text"'),
        ('{"text": 7}', "text and text_pair must be strings"),
        (b"\xff\xfe", "texts.jsonl is not UTF-8"),
    ],
)
def test_bad_texts_are_refused_in_words(tiny_folder, tmp_path, capsys, content, message):
    file = tmp_path / "texts.jsonl"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())

    assert benchmark.main(["--bundle", str(tiny_folder), "--texts", str(file)]) == 2
    assert message in capsys.readouterr().err


def test_texts_hold_what_other_readers_take_for_the_end_of_a_line(tmp_path):
    file = tmp_path / "texts.jsonl"
    file.write_bytes('\ufeff{"text": "a\u2028b"}\r\n{"text": "c\u0085d"}\n'.encode())

    assert benchmark.read_texts(file, 2, 0) == [("a\u2028b", ""), ("c\u0085d", "")]


def test_without_the_project_texts_must_be_given(tiny_folder, capsys, monkeypatch):
    failed = CompletedProcess([], 1, "", "No module named training\n")
    monkeypatch.setattr(benchmark.subprocess, "run", lambda *_, **__: failed)

    assert benchmark.main(["--bundle", str(tiny_folder)]) == 2
    shown = capsys.readouterr()
    assert "Texts: python -m training.held_out_texts --count 200 --seed 0" in shown.out
    assert "No module named training\nThere are no held-out reviews" in shown.err
    assert benchmark.main(["--bundle", str(tiny_folder), "--count", "0"]) == 2


@pytest.mark.slow
@pytest.mark.skipif(not served.can_measure(), reason="only Linux tells it")
def test_the_served_page_is_measured_through_its_endpoints(tiny_folder, texts, capsys):
    arguments = ["--bundle", str(tiny_folder), "--texts", texts, "--only", "memory"]

    assert benchmark.main(arguments) == 0

    shown = capsys.readouterr().out
    idle, peak, endpoints = map(int, re.findall(r"(\d+) (?:MB|endpoints)", shown))
    assert 100 < idle <= peak
    assert endpoints >= 9
