"""What a bundle says of its model: from the flags, from the record, from the folder's name."""

from pathlib import Path

import pytest

from export.card import read_examples

_INSIDE = "before\u2028after\u0085 and\x0b the rest"
"""What `str.splitlines` takes for the ends of lines."""


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with a byte order mark"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_examples_are_cut_at_line_feeds_alone(tmp_path: Path, mark: str, end: str) -> None:
    plain, objects = tmp_path / "texts.txt", tmp_path / "texts.jsonl"
    plain.write_bytes(f"{mark}{_INSIDE}{end}{end}second{end}".encode())
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
        ("texts.jsonl", b'{"text": "\\ud800"}', "line 1 is .*; expected an object with a `text`"),
        ("texts.jsonl", b"[" * 100_000, "line 1 is no JSON .*recursion"),
        ("texts.jsonl", b'{"text": ' + b"1" * 5000 + b"}", "line 1 is no JSON .*4300 digits"),
    ],
    ids=["not UTF-8", "half a character", "nested", "a long number"],
)
def test_what_is_no_example_is_told_by_its_line(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    with pytest.raises(ValueError, match=sentence):
        read_examples(file)
