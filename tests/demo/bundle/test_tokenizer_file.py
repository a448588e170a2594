"""A tokenizer is opened if its rules leave a text about as long as it was, else it is refused."""

import base64
import json

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from bundle_format.folder import BundleError
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.tokenizer_file import open_tokenizer

MILLION = "b" * 10**6


def charsmap(*replacements: str) -> str:
    """A table of SentencePiece's form: an empty trie, and what it would put in place."""
    pieces = "".join(f"{piece}\0" for piece in replacements).encode()
    return base64.b64encode((0).to_bytes(4, "little") + pieces).decode()


def precompiled(*replacements: str) -> dict:
    return {"type": "Precompiled", "precompiled_charsmap": charsmap(*replacements)}


@pytest.fixture
def saved(tmp_path):
    """Saves a tokenizer with such parts, given as objects of the library or as JSON."""

    def save(vocabulary=("a", "b"), **parts):
        words = {word: index for index, word in enumerate(vocabulary)}
        tokenizer = Tokenizer(models.WordLevel(words, unk_token="a"))
        content = json.loads(tokenizer.to_str())
        for name, part in parts.items():
            content[name] = part if isinstance(part, dict) else json.loads(part.__getstate__())
        file = tmp_path / "tokenizer.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        return file

    return save


@pytest.mark.parametrize(
    "parts",
    [
        {"normalizer": normalizers.Replace("a", MILLION)},
        {"normalizer": normalizers.Replace(Regex("(?=a)"), MILLION)},
        {"normalizer": normalizers.Prepend(MILLION)},
        {"normalizer": normalizers.Sequence([normalizers.Replace("a", "aa")] * 30)},
        {"normalizer": normalizers.Sequence([normalizers.ByteLevel()] * 30)},
        {
            "normalizer": normalizers.Sequence(
                [normalizers.Sequence([normalizers.Replace("a", "a" * 17)])] * 2
            )
        },
        {"normalizer": {"type": "Sequence", "normalizers": [precompiled("a" * 1_000)]}},
        {
            "normalizer": normalizers.Replace("a", "b" * 80),
            "pre_tokenizer": pre_tokenizers.ByteLevel(),
        },
        {"pre_tokenizer": pre_tokenizers.Sequence([pre_tokenizers.ByteLevel()] * 30)},
        {"decoder": decoders.Replace("a", MILLION)},
        {"decoder": decoders.Sequence([decoders.Replace("a", "aa")] * 30)},
    ],
)
def test_rules_that_flood_are_refused_before_any_text(saved, parts):
    with pytest.raises(BundleError, match=r"its rules for (reading|writing) can make [\d,]+ char"):
        open_tokenizer(saved(**parts))


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"normalizer": normalizers.BertNormalizer(), "decoder": decoders.WordPiece()},
        {"pre_tokenizer": pre_tokenizers.ByteLevel(), "decoder": decoders.ByteLevel()},
        {
            "normalizer": normalizers.Sequence(
                [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
            ),
            "decoder": decoders.Sequence(
                [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
            ),
        },
        {
            "normalizer": normalizers.Sequence(
                [
                    normalizers.Replace("``", '"'),
                    normalizers.Replace("''", '"'),
                    normalizers.NFKD(),
                    normalizers.StripAccents(),
                    normalizers.Lowercase(),
                    normalizers.Replace(Regex(" {2,}"), "▁"),
                ]
            ),
            "pre_tokenizer": pre_tokenizers.Metaspace(),
        },
    ],
)
def test_rules_of_tokenizers_in_use_are_taken(saved, parts):
    assert open_tokenizer(saved(**parts)).get_vocab_size() == 2


def test_the_longest_replacement_of_a_table_counts(saved):
    """The real tables are not at hand: they need SentencePiece. Their longest has 18 characters."""
    parts = {"pre_tokenizer": pre_tokenizers.ByteLevel()}
    rest = [{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]

    def file(longest: int):
        table = precompiled("ab", "é" * longest, "")
        return saved(normalizer={"type": "Sequence", "normalizers": [table, *rest]}, **parts)

    assert open_tokenizer(file(18))
    with pytest.raises(BundleError, match="can make 320 characters of one"):
        open_tokenizer(file(40))


def test_a_piece_that_fills_a_page_is_refused(saved):
    with pytest.raises(BundleError, match=r"a piece of its vocabulary has 1,001 characters"):
        open_tokenizer(saved(vocabulary=("a", "b" * 1001)))


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 10_000, b"\xff", b'{"model": null}'])
def test_what_is_no_tokenizer_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "tokenizer.json"
    file.write_bytes(content)

    with pytest.raises(BundleError, match=r"^\S+ is no tokenizer that opens: [^\n]{5,210} Export"):
        open_tokenizer(file)


def test_a_file_larger_than_any_tokenizer_is_not_read(tmp_path):
    file = tmp_path / "tokenizer.json"
    with file.open("wb") as opened:
        opened.truncate(2**36)

    with pytest.raises(BundleError, match=r"it has 68,719,476,736 bytes"):
        open_tokenizer(file)


def test_a_template_that_leaves_no_room_for_a_text_is_refused(copy_of_tiny, relist):
    folder = copy_of_tiny()
    file = folder / "tokenizer.json"
    content = json.loads(file.read_text("utf-8"))
    mark = {"SpecialToken": {"id": "[CLS]", "type_id": 0}}
    content["post_processor"]["pair"] = [mark] * 40 + content["post_processor"]["pair"]
    file.write_text(json.dumps(content), encoding="utf-8")
    relist(folder)

    with pytest.raises(BundleError, match=r"adds 43 tokens to a pair of texts, and max_tokens is"):
        EncoderModel(open_bundle(folder))
