"""Cutting texts into sentences and words, and parts that share no sentence."""

from copy import deepcopy
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from training.data.corpus import load_corpus
from training.data.hybrid_texts import check_words, load_sentences, split_sentences, to_words
from training.hybrid.tasks import DenoisingTask


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dull. Great! Why? 10 stars.", ["Dull.", "Great!", "Why?", "10 stars."]),
        ("it was 3.5 of 5 . and dull", ["it was 3.5 of 5 . and dull"]),
        ("Скучно. Это было плохо! 10 из 10.", ["Скучно.", "Это было плохо!", "10 из 10."]),
        ("Été. État (Élan) vu. à voir", ["Été.", "État (Élan) vu. à voir"]),
        ("यह अच्छा है। यह बुरा है।", ["यह अच्छा है।", "यह बुरा है।"]),
        ("好电影。不错！他说“好。”了", ["好电影。", "不错！", "他说“好。", "”了"]),
        ("One line", ["One line"]),
        ("  ", []),
    ],
)
def test_a_text_is_cut_after_an_ending_mark_before_a_capital(
    text: str, sentences: list[str]
) -> None:
    assert split_sentences(text) == sentences


def test_what_is_held_back_is_cut_before_small_letters_too() -> None:
    assert split_sentences("a dull . b great . 3", before_small=True) == [
        "a dull .",
        "b great .",
        "3",
    ]


@pytest.mark.parametrize("text", ["Not bad, at ALL!", "it’s a film... [x]-like", "ça va? 12.5"])
def test_words_joined_by_spaces_have_the_token_ids_of_the_text(text: str, tokenizer) -> None:
    assert (
        tokenizer(" ".join(to_words(text, tokenizer)))["input_ids"] == tokenizer(text)["input_ids"]
    )


@pytest.fixture
def data(tmp_path: Path) -> str:
    """Reviews of three sentences; one sentence stands in every one of them."""
    letters = "abcdefghijklmnopqrst"
    rows = [
        f"The film is not {a} {b}. It was great. A dull story and {b} {a} {a}.,{label}"
        for label, a in (("bad", "dull"), ("good", "bright"))
        for b in [x + y for x in letters for y in letters[:6]]
    ]
    path = tmp_path / "notes.csv"
    path.write_text("text,label\n" + "\n".join(rows), encoding="utf-8")
    return str(path)


def test_parts_share_no_sentence_and_follow_the_corpus(data: str, tokenizer) -> None:
    found = load_sentences([data], tokenizer, shortest=3, longest=9)

    parts = [set(found.train), set(found.validation), set(found.test)]
    assert all(parts)
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
    assert ("it", "was", "great", ".") in parts[2]  # the last part that has it keeps it
    words = {
        to_words(s, tokenizer) for e in load_corpus(data).test for s in split_sentences(e.text)
    }
    assert parts[2] <= words


def test_lengths_are_kept_and_the_same_data_has_the_same_fingerprint(data: str, tokenizer) -> None:
    found = load_sentences([data], tokenizer, shortest=5, longest=7)

    assert {len(words) for words in found.train} <= {5, 6, 7}
    assert found.fingerprint == load_sentences([data], tokenizer, shortest=5, longest=7).fingerprint
    assert found.fingerprint != load_sentences([data], tokenizer, shortest=4, longest=7).fingerprint


def test_texts_without_such_sentences_are_refused(data: str, tokenizer) -> None:
    with pytest.raises(ValueError, match=r"test part of .* has no sentence of 40 to 50 words"):
        load_sentences([data], tokenizer, shortest=40, longest=50)


def byte_level() -> Tokenizer:
    found = Tokenizer(models.BPE(unk_token="<unk>"))
    found.pre_tokenizer = pre_tokenizers.ByteLevel()
    trainer = trainers.BpeTrainer(special_tokens=["<unk>"], show_progress=False)
    found.train_from_iterator(["the film is not bad"] * 9, trainer)
    return found


def sentence_piece() -> Tokenizer:
    found = Tokenizer(models.Unigram())
    found.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    found.train_from_iterator(["the film is not bad", "it was great"] * 9, trainer)
    return found


@pytest.mark.parametrize("made", [byte_level, sentence_piece])
def test_a_tokenizer_whose_words_are_not_joined_by_spaces_restores_nothing(made) -> None:
    other = PreTrainedTokenizerFast(tokenizer_object=made(), mask_token="<mask>")

    with pytest.raises(ValueError, match="does not part words by spaces and punctuation"):
        check_words(other)


def test_the_mask_is_the_tokenizers_own(data: str, tokenizer) -> None:
    check_words(tokenizer)
    other = deepcopy(tokenizer)
    other.add_special_tokens({"mask_token": "<gap>"})
    check_words(other)
    sentences = load_sentences([data], other, shortest=3, longest=9)

    sources = [pair.source for pair in DenoisingTask(sentences, other).questions("test")]

    masked = [source for source in sources if "<gap>" in source]
    assert masked
    assert not any("[MASK]" in source for source in sources)
    assert other.mask_token_id in other(masked[0])["input_ids"]
