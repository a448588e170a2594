"""Tokens carry the reader's own characters, whatever the tokenizer made of them."""

import json

import pytest

from explorer.inference.tokenizing import TextEncoder


def texts_of(model, text, text_pair=""):
    return [token.text for token in model.encode(text, text_pair).tokens if not token.special]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The FILM", ["The", "FILM"]),  # lower case in the vocabulary
        ("café", ["c", "a", "f", "é"]),  # accents are stripped from the piece
        ("cafe\u0301", ["c", "a", "f", "e\u0301"]),  # e and a combining accent
        ("好电影", ["好", "电", "影"]),
        ("great 😍!", ["great", "😍", "!"]),
        ("👩‍🚀 good", ["👩‍🚀", "good"]),  # not in the vocabulary
        ("Ωμ", ["Ωμ"]),
        ("not\u00a0bad\tat\nall", ["not", "bad", "at", "all"]),
    ],
)
def test_tokens_show_the_original_characters(model, text, expected):
    assert texts_of(model, text) == expected


def test_an_unknown_word_keeps_its_text_beside_the_piece(model):
    token = model.encode("the Ωμ film").tokens[2]

    assert (token.piece, token.text, token.label) == ("[UNK]", "Ωμ", "Ωμ")


def test_later_pieces_of_a_word_say_so(model):
    tokens = model.encode("unbad filming").tokens[1:-1]

    assert "".join(token.text for token in tokens) == "unbadfilming"
    assert [token.continues for token in tokens] == [
        token.piece.startswith("##") for token in tokens
    ]
    assert any(token.continues for token in tokens)
    assert tokens[-1].label == "##ing"


def test_special_tokens_and_segments_of_a_pair(model):
    tokens = model.encode("good film", "bad").tokens

    assert [token.label for token in tokens] == ["[CLS]", "good", "film", "[SEP]", "bad", "[SEP]"]
    assert [token.special for token in tokens] == [True, False, False, True, False, True]
    assert [token.segment for token in tokens] == [0, 0, 0, 0, 1, 1]


def test_a_special_name_that_a_reader_typed_is_their_text(model):
    typed = model.encode("not [SEP] bad").tokens[2]

    assert (typed.piece, typed.text, typed.special) == ("[SEP]", "[SEP]", False)


def test_of_two_texts_the_longer_is_cut_and_all_that_is_cut_is_counted(model):
    encoded = model.encode("film " * 100, "good story")

    assert len(encoded.ids) == 32
    assert encoded.tokens_left_out == 100 + 2 + 3 - 32
    assert [token.text for token in encoded.tokens[-3:-1]] == ["good", "story"]


def test_a_text_that_just_fits_is_not_cut(model):
    encoded = model.encode("film " * 30)

    assert len(encoded.ids) == 32
    assert encoded.tokens_left_out == 0


def test_a_tokenizers_own_truncation_and_padding_are_switched_off(bundle, tmp_path):
    content = json.loads((bundle.folder / "tokenizer.json").read_text("utf-8"))
    content["truncation"] = {
        "max_length": 4, "stride": 0, "strategy": "LongestFirst", "direction": "Right",
    }  # fmt: skip
    content["padding"] = {
        "strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
    }  # fmt: skip
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    encoder = TextEncoder(file, 32)

    assert len(encoder.encode("the film is good").ids) == 6
    assert encoder.encode("film " * 100).tokens_left_out == 102 - 32
