"""Marian's two SentencePiece files become the one tokenizer that cuts as `transformers`' does."""

import json
import random
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers import MarianTokenizer

from export.generators.random_models import random_generator
from export.loading.generators import load_generator
from export.loading.marian import is_marian, marian_tokenizer
from export.to_onnx import main

SOURCES = "the film is not bad and she saw it as a great tale".split()
TARGETS = "der film ist nicht große tat und sie sah es".split()
TRIES = [
    *("", "the film", "  the   film  ", "das große", "große the", "the 文文 film x文", "TheFilm!"),
    *("ﬁlm ½", "the\nfilm\tis", "was^-]it[", ">>deu<< the film is not bad", "bad</s>film"),
]


def texts(words: list[str], count: int) -> list[str]:
    drawn = random.Random(0)
    return [" ".join(drawn.choices(words, k=drawn.randint(3, 9))) for _ in range(count)]


@pytest.fixture(scope="module")
def folder(skip_for_want, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Marian with two SentencePiece models that know other letters."""
    if find_spec("sentencepiece") is None:
        skip_for_want("needs sentencepiece: pip install -r export/requirements-formats.txt")
    import sentencepiece

    place = tmp_path_factory.mktemp("marian")
    random_generator("marian").save_pretrained(place)
    pieces: list[str] = []
    for name, words in (("source", SOURCES), ("target", TARGETS)):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts(words, 200)), model_prefix=str(place / name),
            vocab_size=34, hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
        (place / f"{name}.model").rename(place / f"{name}.spm")
        made = sentencepiece.SentencePieceProcessor(model_file=str(place / f"{name}.spm"))
        pieces += [made.id_to_piece(one) for one in range(3, made.piece_size())]
    others = [*dict.fromkeys(pieces)]
    random.Random(1).shuffle(others)
    words = ["<pad>", "<s>", "</s>", "<unk>", ">>deu<<", *others]
    assert len(words) <= 67, "the random model has no more"
    (place / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (place / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 64}))
    return place


@pytest.fixture(scope="module")
def theirs(folder: Path) -> MarianTokenizer:
    with warnings.catch_warnings(action="ignore"):  # it misses sacremoses
        return MarianTokenizer.from_pretrained(folder)


def test_it_cuts_as_marians_tokenizer_does(folder: Path, theirs: MarianTokenizer) -> None:
    ours, remarks = marian_tokenizer(folder)

    for text in [*TRIES, *texts(SOURCES, 40), *texts(TARGETS, 10)]:
        assert ours(text).input_ids == theirs(text).input_ids, text
    for text in texts(TARGETS, 20):
        ids = theirs(text_target=text).input_ids
        assert ours.decode(ids, skip_special_tokens=True) == text
    assert (is_marian(folder), len(remarks), ours.model_max_length) == (True, 1, 64)


def test_pieces_that_the_list_has_not_are_told(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    words = json.loads((folder / "vocab.json").read_text())
    kept = [word for word in words if word != "▁film"]
    (tmp_path / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(kept)}))

    _, remarks = marian_tokenizer(tmp_path)

    assert "1 pieces of source.spm are not in vocab.json, such as '▁film'" in remarks[1]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "tokenizer_config.json",
            '{"separate_vocabs": true}',
            "of its own for what it reads",
        ),
        ("vocab.json", '{"a": 0, "b": 2}', "is no list of words by their ids from 0"),
        ("source.spm", "no model", "is no SentencePiece model"),
    ],
)
def test_what_is_no_such_tokenizer_is_told(
    folder: Path, tmp_path: Path, file: str, content: str, message: str
) -> None:
    for one in folder.iterdir():
        (tmp_path / one.name).write_bytes(one.read_bytes())
    (tmp_path / file).write_text(content)

    with pytest.raises(ValueError, match=message):
        marian_tokenizer(tmp_path)


def test_the_folder_is_opened_with_it(folder: Path) -> None:
    loaded = load_generator(str(folder))

    assert loaded.reader.tokenizer("the film").input_ids[-1] == 2
    assert any("evens out punctuation" in remark for remark in loaded.assumed)


@pytest.mark.slow
def test_it_becomes_a_bundle(folder: Path, tmp_path: Path) -> None:
    assert main([str(folder), "--out", str(tmp_path / "bundle")]) == 0

    assert (tmp_path / "bundle" / "tokenizer.json").is_file()
