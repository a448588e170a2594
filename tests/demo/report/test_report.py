"""The command over a small table: it finds what the page finds, and a kill loses nothing."""

import csv
import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import report
from explorer.analyses.faithfulness import METHODS
from explorer.analyses.head_ablation import head_effects
from explorer.analyses.occlusion import occlusion
from explorer.inference.cost import run_to_end
from explorer.report.journal import FILE


def results(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture
def model(float_model):
    return float_model


def test_every_text_has_the_answer_and_the_effects_that_the_page_shows(make, model, texts):
    code, out, said = make("--heads", "--format", "jsonl", "--precision", "float32")

    found = results(out)
    assert code == 0
    assert "58 texts (58 read in" in said.out
    assert "2 left out" in said.out
    assert [one["row"] for one in found] == [n for n in range(1, 61) if n not in (18, 41)]
    for one in found[::9]:
        reading = model.read(texts[one["row"] - 1])
        target = reading.likeliest
        words = run_to_end(occlusion(model, reading, target, "deleted"))
        heads = run_to_end(head_effects(model, reading, target))
        assert one["text"] == reading.text
        assert one["predicted"] == model.bundle.labels[target]
        assert list(one["probabilities"].values()) == pytest.approx(reading.probabilities, abs=1e-6)
        assert [word["text"] for word in one["words"]] == [word.text for word in words.words]
        for name, effects in (("effect", words.effects), ("log_odds", words.log_odds_effects)):
            assert [word[name] for word in one["words"]] == pytest.approx(effects, abs=2e-5)
        assert one["heads"]["log_odds"] == pytest.approx(heads.log_odds_effects(target), abs=2e-5)


def test_classes_alone_are_those_that_come_with_words(make):
    _, with_words, _ = make("--format", "jsonl", "--precision", "float32")
    _, alone, _ = make("--format", "jsonl", "--precision", "float32", "--classes", out="alone")

    names = ("row", "text", "label", "predicted", "error", "tokens")
    for one, other in zip(results(with_words), results(alone), strict=True):
        assert [one[name] for name in names] == [other[name] for name in names]
        assert one["confidence"] == pytest.approx(other["confidence"], abs=2e-6)
        assert "words" not in other


def test_labels_are_known_by_name_by_number_or_not_at_all(make):
    found = {one["row"]: one for one in results(make("--classes", "--format", "jsonl")[1])}

    assert [found[row]["label"] for row in range(1, 7)] == [
        "negative", "positive", "neutral", "neutral", "other", None,
    ]  # fmt: skip
    assert found[5]["error"] is found[6]["error"] is None
    assert found[1]["error"] is (found[1]["predicted"] != "negative")


def test_the_tables_hold_the_same_in_all_formats(make, few, skip_for_want):
    try:
        from pyarrow import parquet
    except ImportError:
        skip_for_want("needs pyarrow: pip install -r demo/requirements-report.txt")

    flags = ("--heads", "--faithfulness", "--format", "csv", "jsonl", "parquet")
    _, out, _ = make(*flags, file=few)

    in_json = results(out)
    with (out / "results.csv").open(encoding="utf-8", newline="") as opened:
        in_csv = list(csv.DictReader(opened))
    in_parquet = parquet.read_table(out / "results.parquet").to_pylist()
    for one, cells, values in zip(in_json, in_csv, in_parquet, strict=True):
        assert list(one) == list(cells) == list(values)
        assert json.loads(cells["words"]) == one["words"] == values["words"]
        assert json.loads(cells["heads"]) == one["heads"] == values["heads"]
        assert values["faithfulness"] == one["faithfulness"]
        assert dict(values["probabilities"]) == one["probabilities"]
        assert (cells["text"], float(cells["confidence"])) == (one["text"], values["confidence"])
        assert cells["error"] == {None: "", True: "true", False: "false"}[one["error"]]
    several = [one for one in in_json if len(one["words"]) > 1]
    assert all([part["method"] for part in one["faithfulness"]] == list(METHODS) for one in several)
    assert [one["faithfulness"] for one in in_json if len(one["words"]) < 2] == [None] * (
        len(in_json) - len(several)
    )


def test_what_all_texts_come_to_is_in_the_page(make):
    _, out, _ = make("--heads", "--format", "jsonl")

    page = (out / "index.html").read_text("utf-8")
    about = json.loads(page.partition('class="about">')[2].partition("</script>")[0])
    summary, found = about["summary"], results(out)
    judged = [one["error"] for one in found if one["error"] is not None]
    assert summary["mean_error"] == pytest.approx(np.mean(judged), abs=1e-6)
    table = {row["label"]: row["predicted"] for row in summary["confusion"]}
    assert {label: sum(counts) for label, counts in table.items()} == {
        label: sum(one["label"] == label for one in found)
        for label in ("negative", "neutral", "positive", "other")
    }
    heads = np.array([one["heads"]["log_odds"] for one in found])
    assert summary["heads"]["mean"] == pytest.approx(heads.mean(axis=0), abs=2e-6)
    assert summary["heads"]["size"] == pytest.approx(np.abs(heads).mean(axis=0), abs=2e-6)
    for words in summary["words"]:
        for word in words["for"] + words["against"]:
            effects = [
                part["log_odds"]
                for one in found
                for part in one["words"]
                if one["predicted"] == words["label"] and part["text"].casefold() == word["text"]
            ]
            assert (len(effects), sum(effects)) == pytest.approx(
                (word["texts"], word["sum"]), abs=1e-4
            )


def test_a_regression_has_numbers_and_their_distance(make, copy_of_tiny, tmp_path):
    file = tmp_path / "numbers.jsonl"
    file.write_text('{"text": "good film", "label": 2.5}\n{"text": "dull", "label": "much"}\n')
    folder = copy_of_tiny(problem_type="regression")

    code, out, _ = make(file=file, bundle=folder)

    first, second = results(out)
    assert code == 0
    assert (first["confidence"], first["probabilities"]) == (None, None)
    assert first["error"] == pytest.approx(abs(2.5 - first["number"]), abs=2e-6)
    assert second["error"] is second["label"] is None


@pytest.mark.parametrize("flags", [["--classes"], ["--most", "12"]])
def test_two_processes_find_what_one_finds_bit_for_bit(make, flags):
    _, one, _ = make(*flags)
    _, two, _ = make(*flags, "--processes", "2", out="two")

    for name in ("results.csv", "index.html", "skipped.jsonl"):
        assert (one / name).read_bytes() == (two / name).read_bytes()
    assert sorted((one / FILE).read_bytes().splitlines()) == sorted(
        (two / FILE).read_bytes().splitlines()
    )


@pytest.mark.parametrize("flags", [["--classes"], []])
def test_a_report_that_was_cut_off_anywhere_comes_out_bit_for_bit(make, flags):
    _, whole, _ = make(*flags)
    lines = (whole / FILE).read_bytes().splitlines(keepends=True)
    wanted = (whole / "results.csv").read_bytes()

    for number in (0, 1, 2, 13, len(lines) - 1):
        out = whole.with_name(f"cut{number}")
        out.mkdir()
        (out / FILE).write_bytes(b"".join(lines[:number]) + lines[number][:-7])
        code, _, said = make(*flags, out=out.name)
        assert code == 0
        assert f"58 texts ({58 - max(number - 1, 0)} read in" in said.out
        assert (out / "results.csv").read_bytes() == wanted
        assert sorted((out / FILE).read_bytes().splitlines(keepends=True)) == sorted(lines)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_killed_at_random_moments_it_loses_no_row_and_repeats_none(
    make, demo_folder, tiny_folder, table, tmp_path
):
    _, whole, _ = make("--heads")
    out, chance, kills = tmp_path / "killed", random.Random(0), 0
    words = [sys.executable, str(demo_folder / "report.py"), str(table), "--out", str(out)]
    words += ["--bundle", str(tiny_folder), "--heads", "--processes", "2"]
    journal, ended = out / FILE, None
    while ended is None:
        began = _rows(journal)
        goal = began + chance.randint(1, 25)
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while process.poll() is None and (_rows(journal) < goal or kills > 2):
            time.sleep(0.001)
        process.kill()
        said = process.communicate()[0].decode()
        ended = said if process.returncode == 0 else None
        kills += ended is None
        assert kills < 9

    assert kills > 0
    assert f"({58 - began} read in" in ended or "none new" in ended
    assert (out / "results.csv").read_bytes() == (whole / "results.csv").read_bytes()
    assert (out / "index.html").read_bytes() == (whole / "index.html").read_bytes()
    assert _rows(journal) == _rows(whole / FILE) == 58


def test_one_that_is_stopped_says_how_it_goes_on(make, table, monkeypatch):
    def stopped(*_):
        signal.raise_signal(signal.SIGTERM)
        yield []

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(report, "read_here", stopped)
    code, out, said = make("--classes")

    assert code == 130
    assert f"is kept in {out}, and the same command goes on with it:" in said.err
    assert f"report.py {table} --out {out} " in said.err.splitlines()[-1]
    assert signal.getsignal(signal.SIGTERM) is before


def _rows(journal):
    return max(journal.read_bytes().count(b"\n") - 1, 0) if journal.is_file() else 0


def test_a_report_is_gone_on_with_by_the_same_command_alone(make, table):
    make("--classes")

    code, _, said = make("--classes")
    assert (code, "58 texts (none new), 2 left out" in said.out) == (0, True)
    code, _, said = make("--classes", "--precision", "float32")
    assert (code, "a report with another bundle" in said.err) == (2, True)
    code, _, said = make("--heads")
    assert (code, "a report with other settings (" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--classes", "--heads"], "--classes asks for classes alone"),
        (["--processes", "0"], "must be 1 or more"),
        (["--label-column", "stars"], "no column 'stars'"),
        (["--bundle", "nowhere"], "nowhere is no folder"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(make, flags, sentence):
    code, _, said = make(*flags)

    assert code == 2
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_what_another_process_finds_wrong_with_a_bundle_is_a_sentence(make, copy_of_tiny):
    code, _, said = make("--processes", "2", bundle=copy_of_tiny(labels=["one", "two"]))

    assert code == 2
    assert "gives logits of shape (1, 3)" in said.err


def test_a_long_text_gets_as_coarse_a_plan_as_is_asked_for(make, few):
    flags = ("--heads", "--faithfulness", "--format", "jsonl")
    _, out, _ = make(*flags, "--most", "12", file=few)

    found = results(out)[-1]
    assert len(found["words"]) > 8
    assert sum(word["effect"] is not None for word in found["words"]) < len(found["words"])
    assert found["faithfulness"] is not None


def test_bad_rows_are_named_counted_and_kept_apart(make, table):
    _, out, said = make("--classes")

    assert f"{table}, row 18 (line 19): no text: nothing in it can be seen" in said.err
    skipped = [json.loads(line) for line in (out / "skipped.jsonl").read_text("utf-8").splitlines()]
    assert [(one["number"], one["line"]) for one in skipped] == [(18, 19), (41, 42)]


def test_a_table_without_a_good_row_is_a_sentence(make, tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text("text,label\n,1\n")

    code, out, said = make(file=file)

    assert code == 2
    assert "has no row that can be read" in said.err
    assert not out.exists()


def test_figures_are_drawn_for_every_text(make, tmp_path):
    file = tmp_path / "two.csv"
    file.write_text("text\na film\n\nthe story\n")

    _, out, _ = make("--figures", file=file)

    pictures = {path.name: path.read_bytes()[:4] for path in (out / "figures").iterdir()}
    assert pictures == {"000001.png": b"\x89PNG", "000002.png": b"\x89PNG"}
