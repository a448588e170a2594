"""Words that a tokenizer does not know are told before a training, whatever its kind."""

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from training.data.corpus import UnknownWords, most_words, show_unknown, unknown_words

TEXTS = ["the film is great 😀", "the film is dull 😡 😡", "a story, and it was Ωmega 😀!"]


def test_emoji_are_unknown_words_of_bert_and_the_commonest_are_named(tokenizer) -> None:
    found = unknown_words(TEXTS, tokenizer)

    assert found == UnknownWords(
        words=20, unknown=5, commonest=(("😀", 2), ("😡", 2), ("Ωmega", 1))
    )
    assert show_unknown(found) == (
        "25 % of the words of the train part, which all read alike to this model: 😀 (2), 😡 (2), "
        "Ωmega (1)"
    )


def test_a_byte_level_tokenizer_knows_every_word(byte_level_file: Path) -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(byte_level_file), unk_token="<unk>")

    found = unknown_words(TEXTS, tokenizer)

    assert (found.unknown, found.commonest) == (0, ())
    assert show_unknown(found) == "none of the words: this tokenizer reads every one"


def test_a_unigram_tokenizer_names_the_characters_that_it_lacks(unigram_file: Path) -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(unigram_file), unk_token="<unk>")

    found = unknown_words(["the film 😍", "the filmż 😡"], tokenizer)

    assert found == UnknownWords(words=6, unknown=2, commonest=(("ż", 1), ("😡", 1)))


def test_the_longest_text_is_counted_in_words_as_far_as_it_is_read(tokenizer) -> None:
    texts = ["it was great", "the storys ending", "a b c d e f g h"]

    assert most_words(texts, tokenizer, max_tokens=64) == 8
    assert most_words(texts, tokenizer, max_tokens=6) == 4  # [CLS], four words, [SEP]
    assert most_words([], tokenizer, max_tokens=6) == 0


@pytest.mark.parametrize(("unknown", "shown"), [(123, "0.123 %"), (5, "0.005 %"), (10**5, "100 %")])
def test_a_share_is_told_however_small(unknown: int, shown: str) -> None:
    words = UnknownWords(words=100_000, unknown=unknown, commonest=(("é", unknown),))

    assert show_unknown(words).startswith(f"{shown} of the words")
