"""Written ids as tokens: what each tokenizer family says about where a word starts."""

import json

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from bundle_format.folder import BundleError
from explorer.writing.target_text import TargetTokens

ENDS = "<|endoftext|>"


def saved(path, tokenizer):
    tokenizer.save(str(path / "tokenizer.json"))
    return path / "tokenizer.json"


@pytest.fixture(scope="module")
def word_piece(bundle):
    return TargetTokens(bundle.decoder.tokenizer_file, (2, 3))


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory):
    """Every byte, two merges, and a token that ends a text."""
    pieces = [ENDS, *sorted(pre_tokenizers.ByteLevel.alphabet()), "Ġa", "Ġan"]
    tokenizer = Tokenizer(
        models.BPE({piece: i for i, piece in enumerate(pieces)}, [("Ġ", "a"), ("Ġa", "n")])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([ENDS])
    return TargetTokens(saved(tmp_path_factory.mktemp("bpe"), tokenizer), (0,))


@pytest.fixture(scope="module")
def sentence_piece(tmp_path_factory):
    pieces = ["</s>", "<unk>", "▁film", "s", "▁", ".", "<0xF0>"]
    tokenizer = Tokenizer(
        models.Unigram([(piece, -1.0) for piece in pieces], unk_id=1, byte_fallback=True)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return TargetTokens(saved(tmp_path_factory.mktemp("unigram"), tokenizer), (0,))


def test_word_piece_marks_what_continues(word_piece):
    tokens = word_piece.tokens([2, *word_piece.ids("unbad film"), 3])

    assert [token.label for token in tokens] == [
        "[CLS]",
        "un",
        "##b",
        "##a",
        "##d",
        "film",
        "[SEP]",
    ]
    assert [token.special for token in tokens] == [True, *[False] * 5, True]


@pytest.mark.parametrize(
    "text", ["an apple, an' 7 films", " and", "naïve café", "a\nb  c", "{{7*7}}"]
)
def test_byte_level_bpe_gives_its_text_back(byte_level, text):
    ids = byte_level.ids(text)

    assert byte_level.text([*ids, 0]) == text
    assert all(token.text for token in byte_level.tokens(ids))


def test_byte_level_bpe_marks_where_a_word_starts(byte_level):
    tokens = byte_level.tokens(byte_level.ids("no an, x7"))

    assert [token.text for token in tokens] == ["n", "o", "an", ",", "␣", "x", "7"]
    assert [token.label for token in tokens] == ["n", "##o", "an", ",", "␣", "x", "##7"]


def test_a_part_of_a_character_is_shown_as_its_bytes(byte_level):
    tokens = byte_level.tokens(byte_level.ids("é😍"))

    found = bytes.fromhex("".join(token.text.strip("⟨⟩") for token in tokens))
    assert found.decode() == "é😍"
    assert byte_level.text(byte_level.ids("é😍")) == "é😍"
    assert [token.text for token in byte_level.tokens(byte_level.ids("\x15\n"))] == ["⟨15⟩", "⏎"]


def test_a_candidate_is_named_by_what_it_would_follow(byte_level):
    letter = byte_level.ids("x")[0]
    word, comma = byte_level.tokens(byte_level.ids("n,"))

    assert byte_level.token(letter, word).label == "##x"
    assert byte_level.token(letter, comma).label == "x"
    assert byte_level.token(letter, None).label == "x"
    assert byte_level.token(0, word).label == ENDS


def test_sentence_piece_marks_where_a_word_starts(sentence_piece):
    tokens = sentence_piece.tokens([2, 3, 5, 6, 0])

    assert [token.label for token in tokens] == ["film", "##s", ".", "<0xF0>", "</s>"]


def test_an_id_without_a_piece_has_a_name(word_piece, byte_level):
    for tokens in (word_piece, byte_level):
        assert tokens.tokens([5000])[0].text == "[5000]"
    assert byte_level.size == 259


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": None}), encoding="utf-8")

    with pytest.raises(BundleError, match="did not match any variant"):
        TargetTokens(tmp_path / "tokenizer.json", (0,))
