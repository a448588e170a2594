"""Words of scripts without spaces between them, by every kind of tokenizer: each piece is a word,
no character is lost, and none is cut off its marks. The tokenizers are trained here."""

import unicodedata
from itertools import pairwise

import pytest
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from explorer.inference.tokenizing import TextEncoder
from explorer.inference.tokens import group_words, placed_words
from explorer.writing.target_text import TargetTokens

TEXTS = {
    "Chinese": "这部电影很好看，故事也不错。我喜欢电影",
    "Japanese": "この映画はとても良かった。ストーリーも悪くない。",
    "Thai": "ภาพยนตร์เรื่องนี้ดีมาก น้ำเสียงไม่เลว",
    "Burmese": "ဒီရုပ်ရှင်က အရမ်းကောင်းတယ်",
    "mixed": "我看了iPhone的film，ไทย ok",
}
MARKS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
SPECIAL = {"special_tokens": MARKS, "show_progress": False}


def trained(kind: str) -> Tokenizer:
    """A tokenizer of a kind, trained on the texts above, with marks around a text as BERT has."""
    pieces = {
        # As BERT's: lower case, spaces around Chinese characters, marks taken off the letters.
        "WordPiece": (
            models.WordPiece(unk_token="[UNK]"),
            normalizers.BertNormalizer(),
            pre_tokenizers.BertPreTokenizer(),
            trainers.WordPieceTrainer(vocab_size=150, **SPECIAL),
        ),
        "BPE": (
            models.BPE(unk_token="[UNK]"),
            normalizers.NFKC(),
            pre_tokenizers.Whitespace(),
            trainers.BpeTrainer(vocab_size=150, max_token_length=2, **SPECIAL),
        ),
        "uncut BPE": (
            models.BPE(unk_token="[UNK]"),
            None,
            None,
            trainers.BpeTrainer(vocab_size=150, max_token_length=2, **SPECIAL),
        ),
        "byte-level": (
            models.BPE(),
            None,
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            trainers.BpeTrainer(vocab_size=330, max_token_length=6, **SPECIAL),
        ),
        "Unigram": (
            models.Unigram(),
            normalizers.NFKC(),
            pre_tokenizers.Metaspace(),
            trainers.UnigramTrainer(vocab_size=150, unk_token="[UNK]", **SPECIAL),
        ),
    }
    model, normalizer, pre_tokenizer, trainer = pieces[kind]
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    if kind == "byte-level":
        tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([*TEXTS.values()] * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(mark, tokenizer.token_to_id(mark)) for mark in ("[CLS]", "[SEP]")],
    )
    return tokenizer


KINDS = ("WordPiece", "BPE", "uncut BPE", "byte-level", "Unigram")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unspaced")
    for kind in KINDS:
        trained(kind).save(str(folder / f"{kind}.json"))
    return {kind: folder / f"{kind}.json" for kind in KINDS}


def letters(text):
    return "".join(text.split())


def begins_with_a_mark(word):
    return unicodedata.category(word[0])[0] == "M" or word[0] in "\u0e33\u0eb3"


@pytest.mark.parametrize("script", TEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_piece_is_a_word_and_each_character_is_in_one(files, kind, script):
    text = TEXTS[script]
    tokens = TextEncoder(files[kind], 200).encode(text, text).tokens

    words = [word for word in group_words(tokens) if not word.special and word.segment == 0]
    assert letters("".join(word.text.replace("␣", "") for word in words)) == letters(text)
    spans = Tokenizer.from_file(str(files[kind])).encode(text, text).offsets
    for word in words:
        assert not begins_with_a_mark(word.text), word
        for (_, end), (start, _) in pairwise(spans[place] for place in word.places):
            # A byte-level piece may end, and begin, inside of a character; a space is no word.
            before, after = text[end - 1 : end], text[start : start + 1]
            shared = start < end or before.isspace()
            assert shared or (before + after).isascii() or begins_with_a_mark(after), word


@pytest.mark.parametrize("script", TEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_words_are_found_where_they_stand(files, kind, script):
    text = TEXTS[script]
    tokens = TextEncoder(files[kind], 200).encode(text, text).tokens

    for segment in (0, 1):
        places = [at for word, at in placed_words(tokens, (text, text)) if word.segment == segment]
        assert all(before[1] <= after[0] for before, after in pairwise(places))
        assert letters("".join(text[start:end] for start, end in places)) == letters(text)


@pytest.mark.parametrize("kind", ["WordPiece", "Unigram"])
def test_what_is_written_has_the_words_of_what_is_read(files, kind):
    text = "电影很好看"
    read = TextEncoder(files[kind], 200).encode(text).tokens
    target = TargetTokens(files[kind], ())

    written = target.tokens(target.ids(text))

    own = [word.text for word in group_words(read) if not word.special]
    assert [word.text for word in group_words(written) if word.text != "▁"] == own
