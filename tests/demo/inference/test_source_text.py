"""What byte-level BPE and SentencePiece cut is shown in the reader's own characters, by words."""

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from explorer.drawing import axis_labels
from explorer.inference.reading import Reading
from explorer.inference.tokenizing import TextEncoder, masked
from explorer.inference.tokens import group_words
from explorer.maps.maps import text_axis
from explorer.ui.payloads import chip
from explorer.ui.wording import notices

TEXTS = [
    "The film, not bad!",
    "  two  spaces\tand\na line ",
    "great 😍😍! 👩‍🚀 👍🏽 ❤️",
    "好电影 很好看。ok",
    "cafe\u0301 naïve Ωμ ﬁlm",
    "don't [MASK] <mask>it</s>",
    "ไทย 한국어 עברית",
    "go\u00adod خانه\u200cها",
]


@pytest.fixture(scope="session")
def byte_level(byte_level_file):
    return TextEncoder(byte_level_file, 64)


@pytest.fixture(scope="session")
def unigram(unigram_file):
    return TextEncoder(unigram_file, 64)


@pytest.fixture(params=["byte_level", "unigram"])
def encoder(request):
    return request.getfixturevalue(request.param)


def words_of(encoder, text, text_pair=""):
    tokens = encoder.encode(text, text_pair).tokens
    return [word.text for word in group_words(tokens) if not word.special]


@pytest.mark.parametrize("text", TEXTS)
def test_every_character_belongs_to_one_token_and_no_mark_of_a_space_is_shown(encoder, text):
    tokens = encoder.encode(text).tokens

    assert "".join("".join(token.text for token in tokens).split()) == "".join(text.split())
    for place, token in enumerate(tokens):
        shown = chip(token, place)
        assert not set("Ġ▁Ċ") & set(shown["text"] + shown["piece"] + token.label)
        assert shown["text"].strip()


@pytest.mark.parametrize("text", TEXTS)
def test_words_are_those_that_were_typed(encoder, text):
    typed = words_of(encoder, text)

    assert "".join("".join(typed).replace("␣", "").replace("⏎", "").replace("⇥", "").split()) == (
        "".join(text.split())
    )
    assert not any(" " in word for word in typed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The film, not bad!", ["The", "film", ",", "not", "bad", "!"]),
        ("great 😍! 👩‍🚀 👍🏽", ["great", "😍", "!", "👩‍🚀", "👍🏽"]),
        ("好电影!", ["好", "电", "影", "!"]),
        ("cafe\u0301 한국어 हिन्दी abc123", ["cafe\u0301", "한국어", "हिन्दी", "abc123"]),
    ],
)
def test_byte_level_words(byte_level, text, expected):
    assert words_of(byte_level, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The film, not bad!", ["The", "film", ",", "not", "bad", "!"]),
        ("great 😍! 👩‍🚀", ["great", "😍", "!", "👩‍🚀"]),
        ("好电影!", ["好", "电影", "!"]),
        ("cafe\u0301 ﬁlm", ["cafe\u0301", "ﬁlm"]),
    ],
)
def test_unigram_words(unigram, text, expected):
    assert words_of(unigram, text) == expected


def test_parts_of_a_character_are_named_by_their_bytes(byte_level):
    tokens = byte_level.encode("电!").tokens[1:-1]

    assert [token.text for token in tokens] == ["电", "", "", "!"]
    assert [token.label for token in tokens] == ["电", "##⟨94⟩", "##⟨b5⟩", "!"]
    assert [token.continues for token in tokens] == [False, True, True, False]
    assert bytes.fromhex("".join(token.entry.strip("⟨⟩") for token in tokens[:3])).decode() == "电"


def test_an_emoji_that_is_one_piece_is_shown_as_it_is(byte_level):
    token = byte_level.encode("a 😍").tokens[2]

    assert (token.piece, token.text, token.entry, token.label) == ("ĠðŁĺį", "😍", "␣😍", "😍")


def test_a_space_by_itself_belongs_to_the_word_behind_it(byte_level, unigram):
    for encoder, word in ((byte_level, "a unbad"), (unigram, "a 好")):
        tokens = encoder.encode(word).tokens[2:-1]

        assert (tokens[0].text, tokens[0].label, tokens[0].continues) == ("", "␣", False)
        assert all(token.continues for token in tokens[1:])


def test_what_normalising_split_is_shown_once(unigram):
    """One ligature, two pieces."""
    tokens = unigram.encode("ﬁt").tokens[1:-1]

    assert [token.text for token in tokens] == ["", "ﬁ", "", "t"]
    assert [token.label for token in tokens] == ["␣", "##ﬁ", "##i", "##t"]


def test_both_texts_of_a_pair_have_their_special_tokens(encoder):
    tokens = encoder.encode("film", "bad").tokens

    ends = [(place, token.segment) for place, token in enumerate(tokens) if token.special]
    assert [segment for _, segment in ends] == [0, 0, 0, 1]
    assert [tokens[place].label for place, _ in ends] == ["<s>", "</s>", "</s>", "</s>"]
    assert "".join(token.text for token in tokens if token.segment == 1) == "bad"


def test_a_word_can_be_masked(encoder):
    encoded = encoder.encode("a bad film")
    (place,) = [i for i, token in enumerate(encoded.tokens) if token.text == "film"]

    changed = masked(encoded, [place], encoder.mask_id)

    assert encoder.mask == "<mask>"
    assert changed.ids[place] == encoder.encode("<mask>").ids[1]


def test_an_unknown_piece_is_called_as_its_tokenizer_calls_it(unigram, bundle):
    encoded = unigram.encode("Ωμ film")
    reading = Reading(
        encoded=encoded,
        **dict.fromkeys(
            ("logits", "probabilities", "hidden", "weights", "value_norms"), np.empty(0)
        ),
        map_layers=(),
    )

    (notice,) = notices(reading, bundle)

    assert "1 of 3 tokens is not in the model's vocabulary" in notice
    assert notice.endswith("read as <unk>, the same for all unknown ones.")


def test_a_tokenizer_without_words_of_its_own_has_them_by_the_marks(tmp_path):
    """SentencePiece converted without cutting at spaces first: one word for the whole text."""
    pieces = ["▁", "▁good", "▁film", "s", "!"]
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), *[(p, -1.0) for p in pieces]], unk_id=0))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    assert words_of(TextEncoder(tmp_path / "tokenizer.json", 9), "good films!") == [
        "good", "films", "!",
    ]  # fmt: skip


def test_axes_name_pieces_and_words(byte_level):
    tokens = byte_level.encode("the unbad 😍").tokens

    assert axis_labels(text_axis(tokens))[:4] == ["<s>", "the", "␣", "##u"]
    (joined,) = [one for one in text_axis(tokens, words=True).whole if one.text == "unbad"]
    assert joined.entry.split()[:2] == ["␣", "u"]
