"""CSV and JSON Lines files as people write them, and the sentences for what cannot be read."""

from pathlib import Path

import pytest

from training.readers.rows import Row
from training.readers.table_file import read_table


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_a_csv_is_read_with_quotes_line_breaks_and_columns_in_any_order(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", '\ufefflabel,id,text\ngood,1,"two\nlines, one text"\n\n3,2,x\n')

    assert read_table(path).parts == {"all": [Row("two\nlines, one text", "good"), Row("x", "3")]}


def test_json_lines_are_read_with_pairs_and_whole_numbers_as_labels(tmp_path: Path) -> None:
    content = '{"text": "a", "text_pair": "b", "label": 1}\n\n'
    content += '{"text": "c", "text_pair": "d", "label": "no"}\n'

    assert read_table(write(tmp_path, "my_notes.jsonl", content)).parts == {
        "all": [Row("a", "1", "b"), Row("c", "no", "d")]
    }


def test_the_title_comes_from_the_files_name(tmp_path: Path) -> None:
    assert read_table(write(tmp_path, "my_help-tickets.csv", "text,label\na,b\n")).title == (
        "My help tickets"
    )


def test_every_bad_csv_row_is_named_by_the_line_on_which_it_begins(tmp_path: Path) -> None:
    content = 'text,label\nfine,good\n"two\nlines",\n ,bad\nmany,commas,here\n'
    path = write(tmp_path, "bad.csv", content)

    with pytest.raises(ValueError, match=r"3 of 4 rows in .*bad\.csv cannot be used") as caught:
        read_table(path)

    assert [line.split("bad.csv:")[1] for line in str(caught.value).splitlines()[1:]] == [
        "3: no label (found ''); expected a word or a whole number",
        "5: no text (found ' ')",
        "6: 3 fields, expected 2; quote a text that has commas",
    ]


def test_every_bad_json_line_is_named(tmp_path: Path) -> None:
    lines = ['{"text": "a", "label": true}', "{", "[1]", '{"text": 7, "label": 1}']
    lines += ['{"text": "a", "label": 1, "text_pair": ""}', '{"label": 1}']
    path = write(tmp_path, "bad.jsonl", "\n".join(lines))

    with pytest.raises(ValueError, match="6 of 6 rows") as caught:
        read_table(path)

    listed = str(caught.value).splitlines()[1:]
    assert [line.split("bad.jsonl:")[1].partition(" (")[0] for line in listed] == [
        "1: no label",
        "2: not JSON",
        "3: a JSON list; expected one object a line, or an array of objects",
        "4: no text",
        "5: no text_pair",
        "6: no text",
    ]


def test_a_long_list_of_bad_rows_is_cut_and_says_how_many_more_there_are(tmp_path: Path) -> None:
    path = write(tmp_path, "bad.csv", "text,label\n,a\n" + "x,\n" * 32)

    with pytest.raises(ValueError, match="33 of 33 rows") as caught:
        read_table(path)

    listed = str(caught.value).splitlines()[1:]
    assert len(listed) == 21
    assert listed[-1] == "... and 13 more"


def test_one_cause_of_all_bad_rows_is_said_with_their_number(tmp_path: Path) -> None:
    path = write(tmp_path, "bad.csv", "text,label\n" + "x,\n" * 33)

    with pytest.raises(ValueError, match="33 of 33 rows") as caught:
        read_table(path)

    assert str(caught.value).splitlines()[3:] == [
        f"{path}:4: no label (found ''); expected a word or a whole number",
        "... and 30 more for the same cause",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("text,answer\na,b\n", r"t\.csv:1: no column label \(found: text, answer\)"),
        ("a,b\n", "no column text and no column label"),
        ("", r"has no rows"),
        ("text,label\n", "t.csv has no rows"),
    ],
)
def test_a_csv_without_its_columns_or_rows_is_refused(
    tmp_path: Path, content: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_table(write(tmp_path, "t.csv", content))


def test_a_file_that_is_not_utf_8_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes("text,label\ncafé,good\n".encode("latin-1"))

    with pytest.raises(ValueError, match=r"old\.csv is not UTF-8: byte 4 of line 2 is 0xE9; save"):
        read_table(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.csv is no file"):
        read_table(tmp_path / "none.csv")
