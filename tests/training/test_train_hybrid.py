"""The command as a person runs it, on a tiny classifier's checkpoint."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import EncoderDecoderModel, GPT2LMHeadModel

from training import train_classifier, train_hybrid
from training.checkpoints.classifier import load_classifier, load_tokenizer
from training.checkpoints.hybrid import load_hybrid, read_text_tokens
from training.checkpoints.record import read_record
from training.data.corpus import load_corpus
from training.data.hybrid_texts import load_sentences
from training.data.noise import KINDS
from training.hybrid.seq2seq import Seq2Seq
from training.hybrid.tasks import DenoisingTask
from training.recipes import HybridRecipe
from training.runs import hybrid as run
from training.train_hybrid import build_parser, main

FROZEN = ("--encoder", "frozen")
SMALL = HybridRecipe(pairs_seen=192, batch_size=16, layers=1, validations=2, longest=12)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two labels, told by one word, in sentences that are all different."""
    words = {"bad": "dull", "good": "great"}
    letters = "abcdefghijkl"
    rows = [
        (f"the film is {words[label]} and {letters[i % 12]} {letters[i // 12 % 12]} story", label)
        for i, label in enumerate(list(words) * 72)
    ]
    path = tmp_path_factory.mktemp("data") / "film_notes.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    return str(path)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory, save_tiny, data: str) -> Path:
    """A checkpoint as train_classifier.py writes it."""
    torch.manual_seed(0)
    init, out = tmp_path_factory.mktemp("init"), tmp_path_factory.mktemp("checkpoints") / "notes"
    save_tiny(init)
    flags = ["--epochs", "4", "--batch-size", "8", "--learning-rate", "5e-3", "--max-tokens", "30"]
    command = ["--init", str(init), "--data", data, "--out", str(out), *flags]
    assert train_classifier.main(command) == 0
    return out


@pytest.fixture(autouse=True, scope="module")
def small():
    """A recipe of seconds, whatever the flags say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_hybrid, "recipe_of", lambda given: replace(SMALL, seed=given.seed))
        yield


@pytest.fixture(scope="module")
def checkpoint(
    small, classifier: Path, data: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("hybrids") / "notes"
    assert main([str(classifier), "--data", data, *FROZEN, "--out", str(out)]) == 0
    return out


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_classifier_stays_byte_for_byte_and_the_pair_opens_in_transformers(
    checkpoint: Path, classifier: Path
) -> None:
    before, after = read_record(classifier), read_record(checkpoint)
    assert files(checkpoint / "encoder") == files(classifier / "encoder")
    assert {key: value for key, value in after.items() if key != "hybrid"} == before
    GPT2LMHeadModel.from_pretrained(checkpoint / "decoder")
    theirs = EncoderDecoderModel.from_encoder_decoder_pretrained(
        str(checkpoint / "encoder"), str(checkpoint / "decoder")
    ).eval()

    given = load_tokenizer(checkpoint)(["the film is dull"], return_tensors="pt")
    ids, mask = given["input_ids"], given["attention_mask"]
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=mask, decoder_input_ids=ids).logits
        found = load_hybrid(checkpoint)(ids, mask.bool(), ids).logits

    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_record_holds_what_the_saved_model_writes(checkpoint: Path, data: str) -> None:
    record = read_record(checkpoint)["hybrid"]
    tokenizer, model = load_tokenizer(checkpoint), load_hybrid(checkpoint)
    sentences = load_sentences([data], tokenizer, shortest=SMALL.shortest, longest=SMALL.longest)
    task = DenoisingTask(sentences, tokenizer)
    seq2seq = Seq2Seq(
        model, model.encoder, tokenizer, read_text_tokens(checkpoint / "decoder"), max_tokens=30
    )

    sources = [question.source for question in task.questions("test")]
    written = seq2seq.generate(sources)

    assert task.measure("test", sources).items() <= record["metrics"]["copied"].items()
    assert task.measure("test", written).items() <= record["metrics"]["test"].items()
    assert task.among_best("test", seq2seq) == record["metrics"]["test"]["among_ten_best"]
    assert record["shown"] == []  # texts of a person's own
    assert [look["steps"] for look in record["metrics"]["validation"]] == [6, 12]
    assert record["data"]["fingerprint"] == sentences.fingerprint
    assert record["encoder"] == "frozen"
    assert set(record["metrics"]["test"]["exactly"]) == set(KINDS)


@pytest.mark.slow
def test_the_same_seed_writes_the_same_decoder(
    checkpoint: Path, classifier: Path, data: str, tmp_path: Path
) -> None:
    assert main([str(classifier), "--data", data, *FROZEN, "--out", str(tmp_path / "again")]) == 0

    assert files(tmp_path / "again" / "decoder") == files(checkpoint / "decoder")


def test_in_place_the_checkpoint_gains_its_decoder(
    classifier: Path, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "notes"
    shutil.copytree(classifier, place)

    assert main([str(place), "--data", data, *FROZEN, "--quick"]) == 0

    before, _, after = capsys.readouterr().out.partition("50 %")
    assert (place / "decoder" / "model.safetensors").is_file()
    assert files(place / "encoder") == files(classifier / "encoder")
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]
    assert "frozen: the classifier stays byte for byte" in before
    assert "192 pairs and the first texts alone, whatever the flags say" in before
    assert "cut at 30 tokens" in before
    for words in ("wrote", "restored exactly", "right word among ten best", "copied source"):
        assert words in after
    assert f"python export/to_onnx.py {place}" in after


def test_joint_training_measures_the_classifier_again(
    classifier: Path, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MOST_LOST", 1.0)
    out = tmp_path / "joint"

    assert main([str(classifier), "--data", data, "--out", str(out)]) == 0

    before, after = read_record(classifier), read_record(out)
    assert after["hybrid"]["encoder"] == "joint"
    assert after["metrics"]["test"]["texts"] == before["metrics"]["test"]["texts"]
    assert files(out / "encoder") != files(classifier / "encoder")
    assert load_classifier(out).config.labels == ("bad", "good")


def test_a_rehearsals_classifier_is_measured_on_the_few_texts_that_it_had(
    classifier: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = load_corpus(data)
    many = replace(corpus, validation=corpus.train * 4)
    monkeypatch.setattr(run, "load_corpus", lambda *given: many)
    record = read_record(classifier)

    whole, few = (
        run.open_corpus({**record, "rehearsal": rehearsal}, [data]).validation
        for rehearsal in (False, True)
    )

    assert len(whole) == len(many.validation) > 300
    assert (len(few), set(few) <= set(whole)) == (200, True)


def test_a_classifier_that_forgot_too_much_is_not_written(
    classifier: Path,
    data: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(run, "MOST_LOST", -2.0)
    out = tmp_path / "joint"

    code = main([str(classifier), "--data", data, "--out", str(out)])

    assert code == 2
    assert re.search(r"lost -?\d+\.\d points .* nothing is written", capsys.readouterr().err)
    assert not out.exists()


def test_given_pairs_are_learned_and_judged_by_rouge(
    classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bad", "good", "dull", "great", "story", "film"]
    pairs = [f"the {a} {b} {c},{b} {a}" for a in words for b in words for c in words]
    path, out = tmp_path / "answers.csv", tmp_path / "pairs"
    path.write_text("source,target\n" + "\n".join(f"{pair} {'dull ' * 80}" for pair in pairs))

    assert main([str(classifier), "--pairs", str(path), "--out", str(out)]) == 0

    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) < 330
    assert "..." in printed
    record = read_record(out)["hybrid"]
    assert record["shown"] == []
    assert "dull" not in json.dumps(record)
    assert (record["task"], record["encoder"]) == ("pairs", "frozen")
    assert record["data"]["source"] == "answers.csv"
    assert record["examples"] == []
    assert str(tmp_path) not in json.dumps(record)
    assert record["data"]["longest"] == 4  # words, whatever the recipe lets a restorer learn from
    assert {"rouge1", "rouge2", "rougeL", "bleu", "chrf"} <= set(record["metrics"]["test"])
    assert 0 < record["metrics"]["copied"]["rougeL"] < 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["{empty}"], r"has no training.json; .*train_classifier\.py --out"),
        (["{classifier}", "--pairs", "none.csv"], "none.csv is no file"),
        (["{classifier}", "--data", "none.csv"], "none.csv is no file"),
        (
            ["{classifier}", "--pairs", "a.csv", "--data", "b.csv"],
            "with --pairs and a frozen encoder nothing reads them",
        ),
        (["{classifier}", "--source-column", "a"], "--source-column names a column for --pairs"),
        (
            ["{classifier}", "--pairs", "a.csv", "--text-column", "b", "--label-column", "c"],
            "--text-column and --label-column names a column for --data, not for --pairs",
        ),
        (["{classifier}", "--out", "{full}"], "holds other things and no training.json"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence_and_ends_with_code_2(
    words: list[str],
    sentence: str,
    classifier: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    empty.mkdir()
    full.mkdir()
    (full / "thesis.txt").write_text("years of work")
    words = [word.format(empty=empty, full=full, classifier=classifier) for word in words]
    if "--out" not in words:
        words += ["--out", str(tmp_path / "out")]

    code = main(words)

    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith("train_hybrid.py: ")
    assert re.search(sentence, said)
    assert (full / "thesis.txt").is_file()
    assert not (tmp_path / "out").exists()


def test_every_flag_has_help_and_there_are_about_ten() -> None:
    parser = build_parser()
    actions = [action for action in parser._actions if action.dest != "help"]
    run = next(g for g in parser._action_groups if g.title == "how it is run")._group_actions

    assert all(action.help for action in actions)
    own = [action for action in actions if action not in run]
    assert len([a for a in own if not a.dest.endswith(("_column", "_duplicates"))]) <= 11
    # What a message about memory names is a flag of both commands.
    assert "max_tokens" in [action.dest for action in own]
    assert len(run) <= 6
