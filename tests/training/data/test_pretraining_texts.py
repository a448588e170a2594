"""Texts without labels: read anew in every pass, a tenth held out, cut into pieces, streamed."""

from itertools import islice
from pathlib import Path

import pytest
from datasets import Dataset

from training.data import pretraining_texts
from training.data.corpus import load_corpus
from training.data.masking import WordMasking
from training.data.pretraining_texts import cut_pieces, masked_batches, open_texts
from training.data.splits import normal_form
from training.data.unlabelled import texts_held_out
from training.fit.pretraining import held_out_questions
from training.recipes import PretrainingRecipe

LINES = [f"the film number {i} is not bad" for i in range(200)]


@pytest.fixture
def lines(tmp_path: Path) -> str:
    file = tmp_path / "notes.txt"
    file.write_text("\n".join([*LINES[:100], "", *LINES[100:]]))
    return str(file)


def test_every_text_is_trained_on_or_held_out_and_a_pass_can_be_made_again(lines: str) -> None:
    texts = open_texts([lines])

    train = list(texts.train())

    assert 8 <= len(texts.validation) <= 35
    assert sorted([*train, *texts.validation]) == sorted(LINES)
    assert list(texts.train()) == train
    # A text stays where it is when another comes.
    more = open_texts([lines, lines])
    assert set(more.train()) == set(train)


def test_a_table_a_file_of_lines_and_a_streamed_dataset_give_the_same_texts(
    lines: str, tmp_path: Path
) -> None:
    table = tmp_path / "notes.csv"
    table.write_text("id,text\n" + "".join(f"{i},{line}\n" for i, line in enumerate(LINES)))
    Dataset.from_dict({"text": [*LINES, " ", None], "stars": [1] * 202}).save_to_disk(
        tmp_path / "saved"
    )
    folder = tmp_path / "parquet"
    folder.mkdir()
    Dataset.from_dict({"sentence": LINES}).to_parquet(folder / "train.parquet")

    expected = list(open_texts([lines]).train())

    for source in (table, tmp_path / "saved", folder):
        assert list(open_texts([str(source)]).train()) == expected, source


def test_nothing_of_the_packaged_reviews_tests_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("rotten-tomatoes", "imdb"):
        rows = [
            f"It is a film of {name} number {i}. The story was the {i}th.,{i % 2}"
            for i in range(300)
        ]
        (tmp_path / f"{name}.csv").write_text("text,label\n" + "\n".join(rows))
    corpora = [load_corpus(str(tmp_path / f"{name}.csv")) for name in ("rotten-tomatoes", "imdb")]
    by_name = dict(zip(("rotten-tomatoes", "imdb"), corpora, strict=True))
    monkeypatch.setattr(pretraining_texts, "load_corpus", by_name.__getitem__)

    found = set(map(normal_form, open_texts(["sentences"]).read()))

    assert len(found) > 400
    held = set(map(normal_form, texts_held_out(corpora)))
    assert not found & held
    copy = tmp_path / "copy.txt"
    copy.write_text("\n".join(one.text.upper() for c in corpora for one in c.test) + "\nMine.")
    both = set(map(normal_form, open_texts(["sentences", str(copy)]).read()))
    assert both == found | {normal_form("Mine.")}


def test_a_long_text_becomes_several_pieces_between_marks(tokenizer) -> None:
    text = "the film is not bad and it was great"

    pieces = list(cut_pieces(iter([text, "bad"]), tokenizer, 6))

    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert [len(piece) for piece in pieces] == [6, 6, 3, 3]
    assert all(piece[0] == first and piece[-1] == last for piece in pieces)
    inside = [token for piece in pieces[:3] for token in piece[1:-1]]
    assert inside == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_batches_go_on_past_the_last_text_and_are_the_same_for_a_seed(
    lines: str, tokenizer
) -> None:
    texts = open_texts([lines])
    made = (texts, tokenizer, WordMasking(tokenizer, 0.3))
    size = {"batch_size": 16, "max_tokens": 30}
    each_pass = -(-len(list(texts.train())) // 16)

    some, again, other = (
        list(islice(masked_batches(*made, **size, seed=seed), 2 * each_pass)) for seed in (0, 0, 1)
    )

    assert sum(len(batch.labels) for batch in some[:each_pass]) == len(list(texts.train()))
    assert all(a.token_ids.equal(b.token_ids) for a, b in zip(some, again, strict=True))
    assert not some[0].token_ids.equal(other[0].token_ids)
    assert any(not a.labels.equal(b.labels) for a, b in zip(some, some[each_pass:], strict=False))


def test_what_is_not_there_and_too_few_texts_are_refused(tmp_path: Path) -> None:
    few = tmp_path / "few.txt"
    few.write_text("one line\n")

    with pytest.raises(ValueError, match=r"few\.txt has too few texts to hold a tenth"):
        open_texts([str(few)])
    with pytest.raises(FileNotFoundError, match=r"none\.txt is no file; expected texts"):
        open_texts([str(tmp_path / "none.txt")])
    empty = tmp_path / "folder"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match="no dataset with a part called train"):
        open_texts([str(empty)])


def test_held_out_texts_of_invisible_characters_alone_are_passed_over(tokenizer) -> None:
    texts = ["\ufe0f", LINES[0], "\u200f", LINES[1]]

    questions = held_out_questions(texts, tokenizer, PretrainingRecipe())

    assert sum(len(batch.labels) for batch in questions) == 2


def test_a_file_of_another_kind_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "notes.parquet").write_bytes(b"PAR1")

    with pytest.raises(ValueError, match=r"notes\.parquet is a file of no known kind"):
        open_texts([str(tmp_path / "notes.parquet")])
