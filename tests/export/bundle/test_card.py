"""What a bundle says of its model: from the flags, from the record, from the folder's name."""

from pathlib import Path

import pytest

from export.bundle.card import read_examples

_INSIDE = "before\u2028after\u0085 and\x0b the rest"
"""What `str.splitlines` takes for the ends of lines."""


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with a byte order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_examples_are_cut_at_line_feeds_alone(tmp_path: Path, mark: str, end: str) -> None:
    plain, objects = tmp_path / "texts.txt", tmp_path / "texts.jsonl"
    plain.write_bytes(f"{mark}{_INSIDE}{end}{end}second{end}".encode())
    end = "\n" if end == "\r" else end  # in JSON it parts nothing
    objects.write_bytes(f'{mark}{{"text": "{_INSIDE}"}}{end}{{"text": "second"}}'.encode())

    expected = ({"text": _INSIDE}, {"text": "second"})
    assert read_examples(plain) == expected
    # JSON lets no vertical tab stand in a text as it is.
    objects.write_bytes(objects.read_bytes().replace(b"\x0b", b"\\u000b"))
    assert read_examples(objects) == expected


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            "texts.txt",
            b"good\n\xff\xfe",
            "texts.txt is not UTF-8: byte 1 of line 2 is 0xFF; save",
        ),
        ("texts.jsonl", b'{"text": "\\ud800"}', "jsonl:1: text has half of a char"),
        ("texts.jsonl", b"[" * 100_000, "jsonl:1: not JSON .*too deeply"),
        ("texts.jsonl", b'{"text": ' + b"1" * 5000 + b"}", "jsonl:1: not JSON .*4300"),
        ("texts.jsonl", b'{"text": "a", "text": "b"}', "the key 'text' twice"),
        ("texts.json", b'["one", "two"]', "json:1: a JSON str; expected one object a line"),
        ("texts.csv", b"review,label\ngood,1\n", "no column text .*; call it that in the file"),
        ("texts.tsv", b"text\tlabel\n\t1\n", "tsv:2: no text"),
        ("texts.txt", b'{"text": "good", "label": 1}\n', "holds JSON, .* call it .jsonl"),
        ("texts.txt", b'[\n{"text": "good"}\n]\n', "holds JSON, .* call it .jsonl"),
        ("texts.md", b"# Texts", "ends in .md, which is not read; expected"),
        ("texts.txt", b"one\n" * 1_001, "1,001 texts; a bundle offers 1,000 at most"),
    ],
)
def test_what_is_no_example_is_told_by_its_line(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    with pytest.raises(ValueError, match=sentence):
        read_examples(file)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.ndjson", '{"text": "a", "label": 1}\n{"text": "b", "text_pair": "c"}'),
        ("t.json", '[{"text": "a", "text_pair": null}, {"text": "b", "text_pair": "c"}]'),
        ("t.jsonl", '{"text": "a", "text_pair": ""}\n{"text": "b", "text_pair": "c"}'),
        ("t.csv", "text,text_pair,label\na,,1\nb,c,0\n"),
        ("t.CSV", "label;text;text_pair\r1;a;\r0;b;c\r"),
        ("t.tsv", "text\ttext_pair\tname\na\t\tJANE\nb\tc\tJANE\n"),
    ],
)
def test_a_table_gives_its_texts_and_pairs_alone(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)

    assert read_examples(tmp_path / name) == ({"text": "a"}, {"text": "b", "text_pair": "c"})
