"""The command that hands the test part's texts to what measures a model."""

import json

from training import held_out_texts
from training.data.corpus import load_corpus


def write_corpus(folder):
    file = folder / "texts.jsonl"
    words = ("good", "bad", "dull", "bright")
    rows = [
        {"text": f"{words[number % 4]} film number {number * number} é", "label": number % 2}
        for number in range(300)
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(file)


def test_only_the_test_part_is_printed_and_a_seed_repeats_it(tmp_path, capsys):
    data = write_corpus(tmp_path)
    corpus = load_corpus(data)
    shown = []
    for seed in ("1", "1", "2"):
        assert held_out_texts.main(["--data", data, "--count", "9", "--seed", seed]) == 0
        shown.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])

    assert shown[0] == shown[1] != shown[2]
    assert len({row["text"] for row in shown[0]}) == 9
    test = {example.text: corpus.labels[example.label] for example in corpus.test}
    assert all(test[row["text"]] == row["label"] for row in shown[0])


def test_more_than_there_are_is_refused_in_words(tmp_path, capsys):
    data = write_corpus(tmp_path)

    assert held_out_texts.main(["--data", data, "--count", "1000"]) == 2
    assert "1000 held-out texts were asked for; the test part of" in capsys.readouterr().err
    assert held_out_texts.main(["--data", str(tmp_path / "no.jsonl")]) == 2
