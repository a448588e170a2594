"""What Compare begins with: the text with one word less, in any language and spelling."""

import numpy as np
import pytest

from explorer.analyses import compare as changed_word
from explorer.analyses.compare import without_most_seen
from explorer.inference.source_text import SourceTokens
from explorer.inference.tokens import own_words


@pytest.fixture
def most_seen(monkeypatch):
    """Has [CLS] look most at the word of that place."""

    def look_at(place, count):
        shares = np.linspace(0.2, 0.1, count, dtype=np.float32)
        shares[place] = 0.9
        monkeypatch.setattr(changed_word, "attention_received", lambda _: shares)

    return look_at


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("the film is good", 0, "film is good"),
        ("The film  is   good.", 3, "The film  is."),
        ("not bad, the story is great!", 1, "not, the story is great!"),
        ("it was great (really)", 4, "it was great ()"),
        ("Une petite café est good", 2, "Une petite est good"),
        ("film film film", 1, "film film"),
    ],
)
def test_the_word_goes_and_the_rest_stays_as_it_was_typed(model, most_seen, text, place, expected):
    reading = model.read(text)
    most_seen(place, len(own_words(reading.tokens)))

    assert without_most_seen(reading) == expected


def test_a_sign_is_no_word_and_a_single_word_stays(model, most_seen):
    reading = model.read("good , film")
    most_seen(1, 3)
    assert without_most_seen(reading) == ", film"

    for text in ("good", "good!", "!?", "好"):
        reading = model.read(text)
        most_seen(0, len(own_words(reading.tokens)))
        assert without_most_seen(reading) == text


def test_only_the_first_text_of_a_pair_is_changed(model, most_seen):
    reading = model.read("the film", "was it good")
    most_seen(4, 5)

    assert without_most_seen(reading) in ("film", "the")


@pytest.mark.parametrize("file", ["byte_level_file", "unigram_file"])
def test_other_tokenizers_words_are_found_in_the_text(request, model, most_seen, file):
    from dataclasses import replace

    from tokenizers import Tokenizer

    text = "the film, 😍 and the story"
    tokenizer = Tokenizer.from_file(str(request.getfixturevalue(file)))
    tokens = SourceTokens(tokenizer).tokens(tokenizer.encode(text), (text, ""))
    words = [word.text for word in own_words(tokens)]
    most_seen(words.index("story"), len(words))

    reading = model.read("a")
    encoded = replace(reading.encoded, text=text, tokens=tokens)
    found = without_most_seen(replace(reading, encoded=encoded))

    assert found == "the film, 😍 and the"
