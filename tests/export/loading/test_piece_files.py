"""Folders whose tokenizer is a SentencePiece file, as the Hub has those of M2M-100 and PEGASUS."""

import json
import random
from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers import M2M100Tokenizer
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

from export.bundle.write import languages_of
from export.generators import random_models
from export.generators.random_models import SIZES, random_generator
from export.loading.generators import load_generator
from export.loading.m2m import is_m2m, m2m_tokenizer
from export.to_onnx import main

WORDS = "the film is not bad and she saw it as a great tale in France . 12".split()
TRIES = [
    *("", "the film", "das große", "the 文文 film x文", "TheFilm!", "ﬁlm ½", "the\nfilm\tis"),
    *("was^-]it[", "bad</s>film", "a __de__ film"),
]
LANGUAGES = [f"__{code}__" for code in FAIRSEQ_LANGUAGE_CODES["m2m100"]]


def texts(count: int) -> list[str]:
    drawn = random.Random(0)
    return [" ".join(drawn.choices(WORDS, k=drawn.randint(3, 9))) for _ in range(count)]


@pytest.fixture(scope="module")
def make(skip_for_want, tmp_path_factory: pytest.TempPathFactory):
    """Trains a SentencePiece model, and saves a random model with as many words as it needs."""
    if find_spec("sentencepiece") is None:
        skip_for_want("needs sentencepiece: pip install -r export/requirements-formats.txt")
    import sentencepiece

    def made(family: str, file: str, more: int, marks: dict, settings: dict, **trained):
        folder = tmp_path_factory.mktemp(family)
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts(200)), model_prefix=str(folder / file), vocab_size=60,
            hard_vocab_limit=False, minloglevel=2, **trained,
        )  # fmt: skip
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{file}.model"))
        sizes = {**SIZES[family], "vocab_size": pieces.piece_size() + more}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(random_models, "SIZES", {**SIZES, family: sizes})
            random_generator(family, **marks).save_pretrained(folder)
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        return folder, pieces

    return made


@pytest.fixture(scope="module")
def m2m(make) -> Path:
    """Its list of words is in another order than its pieces, and behind it are 100 languages."""
    folder, pieces = make(
        "m2m_100", "sentencepiece.bpe", 1 + 100 + 8,
        {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2},
        {"tokenizer_class": "M2M100Tokenizer", "model_max_length": 32}, model_type="bpe",
    )  # fmt: skip
    others = [pieces.id_to_piece(one) for one in range(3, pieces.piece_size())]
    random.Random(1).shuffle(others)
    words = ["<s>", "<pad>", "</s>", "<unk>", *others]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    special = {"additional_special_tokens": LANGUAGES}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    return folder


@pytest.fixture(scope="module")
def pegasus(make) -> tuple[Path, list[list[int]]]:
    """The folder, and the ids of texts: those of its pieces stand behind 103 that it trained by."""
    folder, pieces = make(
        "pegasus", "spiece", 103, {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None},
        {"tokenizer_class": "PegasusTokenizer", "offset": 103, "model_max_length": 32},
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
    )  # fmt: skip
    return folder, [[*(one + 103 for one in pieces.encode(text)), 1] for text in texts(40)]


def test_m2m_100s_list_and_pieces_become_one_tokenizer_that_cuts_as_theirs(m2m: Path) -> None:
    theirs = M2M100Tokenizer.from_pretrained(m2m)

    ours, remarks = m2m_tokenizer(m2m)

    for text in [*TRIES, *texts(40)]:
        assert ours(text).input_ids == theirs(text).input_ids, text
    for text in texts(20):
        assert ours.decode(ours(text).input_ids, skip_special_tokens=True) == text
    assert (is_m2m(m2m), remarks, ours.model_max_length) == (True, [], 32)
    found = languages_of(ours)
    assert found
    assert found == {"tokens": theirs.lang_token_to_id, "source": "__en__"}


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("vocab.json", '{"a": 0, "<unk>": 2}', "is no list of words by their ids from 0"),
        ("sentencepiece.bpe.model", "no model", "has no tokenizer that transformers can open"),
    ],
)
def test_what_is_no_such_tokenizer_is_told(
    m2m: Path, tmp_path: Path, file: str, content: str, message: str
) -> None:
    for one in m2m.iterdir():
        (tmp_path / one.name).write_bytes(one.read_bytes())
    (tmp_path / file).write_text(content)

    with pytest.raises(ValueError, match=message):
        m2m_tokenizer(tmp_path)


def test_pieces_that_the_list_has_not_are_told(m2m: Path, tmp_path: Path) -> None:
    for one in m2m.iterdir():
        (tmp_path / one.name).write_bytes(one.read_bytes())
    words = [word for word in json.loads((m2m / "vocab.json").read_text()) if word != "▁the"]
    (tmp_path / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))

    tokenizer, remarks = m2m_tokenizer(tmp_path)

    assert "1 pieces of sentencepiece.bpe.model are not in vocab.json, such as '▁the'" in remarks[0]
    assert tokenizer.unk_token_id not in tokenizer("the film").input_ids


def test_pegasus_cuts_by_its_pieces(pegasus: tuple[Path, list[list[int]]]) -> None:
    folder, expected = pegasus

    tokenizer = load_generator(str(folder)).reader.tokenizer

    assert [tokenizer(text).input_ids for text in texts(40)] == expected


@pytest.mark.slow
@pytest.mark.parametrize("family", ["m2m", "pegasus"])
def test_they_become_bundles(m2m, pegasus, tmp_path: Path, family: str) -> None:
    folder = m2m if family == "m2m" else pegasus[0]

    assert main([str(folder), "--out", str(tmp_path / "bundle")]) == 0

    assert (tmp_path / "bundle" / "tokenizer.json").is_file()
