"""Tables as people's programs and hands write them: read as they were meant, or refused by line."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from training.data.corpus import load_corpus
from training.data.hybrid_texts import load_pairs
from training.readers.hub_dataset import read_parts
from training.readers.rows import LABELLED, RawTexts, Reading, Row
from training.readers.table_file import make_row, read_table

GOOD = '"Hello, you","pos"\nplain,neg\n'


def read(folder: Path, content: str | bytes, name: str = "t.csv", **columns: str) -> RawTexts:
    path = folder / name
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(data)
    return read_table(path, columns)


def problems(folder: Path, content: str | bytes, name: str = "t.csv") -> dict[int, str]:
    """The bad rows that a file is refused for: line -> what is wrong."""
    with pytest.raises(ValueError, match="rows in") as caught:
        read(folder, content, name)
    lines = str(caught.value).splitlines()[1:]
    listed = [line.split(f"{name}:", 1)[1] for line in lines if not line.startswith("... and ")]
    return {int(line.partition(":")[0]): line.partition(": ")[2] for line in listed}


def typed_quotes(first: str, last: str, *, columns: str, row: str) -> str:
    """300 rows; every tenth text begins with a typed quote, and another one ends with one."""
    rows = []
    for i in range(300):
        text = f"text number {i}"
        rows.append(row.format(text=first + text if i % 10 == 0 else text, i=i, label=i % 3))
        if i % 10 == 4:
            rows[-1] = row.format(text=text + last, i=i, label=i % 3)
    return "\n".join([columns, *rows, ""])


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        ("text,label", "{text},{label}"),
        ("id,text,label", "{i},{text},{label}"),
        ("label;text", "{label};{text}"),
    ],
)
def test_a_typed_quote_swallows_no_rows(tmp_path: Path, columns: str, row: str) -> None:
    found = problems(tmp_path, typed_quotes('"', '"', columns=columns, row=row))

    assert list(found)[:4] == [2, 6, 12, 16]
    assert found[2].startswith("a quote opens here and closes on line 6, and the lines up to there")
    assert found[6].startswith("a quote inside of a field that is not in quotes")


def test_a_typed_quote_in_pairs_swallows_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(
        typed_quotes('"', '"', columns="source,target", row="{text},the answer to it, {i}").replace(
            ", ", " "
        )
    )

    with pytest.raises(ValueError, match=r"60 of 300 rows") as caught:
        load_pairs(str(path))
    assert f"{path}:2: a quote opens here and closes on line 6" in str(caught.value)


def test_pairs_parted_by_a_comma_and_a_space_are_seen_too(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text('source, target\n"a, b\nc", d\ne, f\n')

    with pytest.raises(ValueError, match=r"answers\.csv:2: a quote opens here and closes"):
        load_pairs(str(path))


def test_two_rows_in_one_are_seen_and_a_text_of_several_lines_is_one(tmp_path: Path) -> None:
    meant = 'text,label\n"Dear Bob,\nthanks, a lot\n\nfine, really",pos\nx,neg\n"a\nb",neg\n'
    swallowed = 'text,label\n"a,pos\nb",neg\nx,pos\n'

    rows = read(tmp_path, meant).parts["all"]

    assert [row.text for row in rows] == ["Dear Bob,\nthanks, a lot\n\nfine, really", "x", "a\nb"]
    assert list(problems(tmp_path, swallowed)) == [2, 3]


def test_quotes_and_fields_that_break_the_rules_are_named_by_their_line(tmp_path: Path) -> None:
    content = (
        "text,label\r\n"
        'say "no",pos\r\n'  # 2
        'a "quoted, word",pos\r\n'  # 3
        '"closed" early,pos\r\n'  # 4
        '"two\r\nlines" and more,pos\r\n'  # 5
        "fine, pos\r\n"  # 7
        "one\r\n"  # 8
        "a,pos,\r\n"  # 9
        "\r\n"
        'b, "pos"\r\n'  # 11
        '"doubled ""quotes"" are fine",pos\r\n'  # 12
        '"never closed,pos\r\n'  # 13
        "swallowed,neg\r\n"
    )

    found = problems(tmp_path, content)

    assert {line: sentence.partition(";")[0] for line, sentence in found.items()} == {
        2: "a quote inside of a field that is not in quotes",
        3: "a quote inside of a field that is not in quotes",
        4: "behind the quote that closes on line 4 stands no ','",
        5: "behind the quote that closes on line 6 stands no ','",
        6: "a quote inside of a field that is not in quotes",
        8: "1 field, expected 2",
        9: "3 fields, expected 2",
        11: "a quote inside of a field that is not in quotes",
        13: "a quote opens here and never closes",
    }


def test_empty_columns_and_rows_that_a_spreadsheet_leaves_are_nothing(tmp_path: Path) -> None:
    content = "text,label,,\na,pos,,\n,,,\n\n   \nb,neg,,\n"

    assert read(tmp_path, content).parts["all"] == [Row("a", "pos"), Row("b", "neg")]
    assert problems(tmp_path, content + "c,really,pos,\n") == {
        7: "a column without a name is not empty (found 'pos'); name it"
    }


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_the_separator_is_seen_and_said(tmp_path: Path, separator: str) -> None:
    content = f'text,label\n{GOOD}"a;b\tc|d",neg\n'.replace(",", separator)

    found = read(tmp_path, content)

    assert found.parts["all"][1] == Row("plain", "neg")
    assert found.parts["all"][2].text == "a;b\tc|d"
    assert found.notes == read(tmp_path, f"sep={separator}\n{content}").notes
    assert found.notes[0].startswith("columns parted by ")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, "text,label\nŁódź,pos\n".encode(encoding)).parts["all"] == [
        Row("Łódź", "pos")
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("text,label\nź,a\n".encode("utf-16-le"), r"t\.csv:1: a NUL character.*UTF-16 without"),
        (b"text,label\nab,c\nx\0y,d\n", r"t\.csv:3: a NUL character"),
        (b"\xff\xfet\0e\0x", r"begins with the mark of UTF-16 and is not UTF-16 \(byte 7"),
        (b"text,label\r\nfine,a\r\nna\xefve,b\r\n", r"byte 3 of line 3 is 0xEF; save it as UTF-8"),
        (
            b"text,label,Text\na,b,c\n",
            r"t\.csv:1: 2 columns called text \(found: text, label, Text",
        ),
        (b"text,label,text\na,b,c\n", r"2 columns called text .*leave but one, or rename"),
        (b'"text,label\na,b\n', r"t\.csv:1: a quote opens here and never closes"),
        (b"question,premise,label\na,b,c\n", r"2 columns that may be the text: .*--text-column"),
        (
            b"review,stars\na,b\n",
            "no column text and no column label .*--text-column and --la",
        ),
    ],
)
def test_what_is_no_table_is_said(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("header", "columns", "notes"),
    [
        ("Text,LABEL", {}, ()),
        (" text , Label", {}, ()),
        ("sentence,label", {}, ("text from the column 'sentence'",)),
        ("Review,Stars", {"text": "review", "label": "Stars"}, ("'Review'", "'Stars'")),
        ("Text,text", {"text": "Text", "label": "text"}, ("label from the column 'text'",)),
    ],
)
def test_columns_are_found_by_any_case_or_by_the_names_that_are_given(
    tmp_path: Path, header: str, columns: Mapping[str, str], notes: tuple[str, ...]
) -> None:
    found = read(tmp_path, f"{header}\na,pos\n", **columns)

    assert found.parts["all"] == [Row("a", "pos")]
    assert len(found.notes) == min(len(notes), 1)
    assert all(note in found.notes[0] for note in notes)


def test_a_column_that_is_named_and_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no column stars \(found: text, label\); .*--label-col"):
        read(tmp_path, "text,label\na,b\n", label="stars")
    with pytest.raises(ValueError, match="the column text is named for two things"):
        read(tmp_path, "text,label\na,b\n", label="text")


@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_an_array_of_objects_is_read_and_its_bad_rows_have_lines(tmp_path: Path, name: str) -> None:
    rows = [{"Text": f"a {i}", "label": "x"} for i in range(3)]
    bad = [{"Text": "a", "label": None}, [], {"Text": "\ud800", "label": "x"}]

    array = read(tmp_path, json.dumps(rows, indent=1), name).parts
    lines = read(tmp_path, "\n".join(json.dumps(row) for row in rows), name).parts

    assert array == lines == {"all": [Row(f"a {i}", "x") for i in range(3)]}
    found = problems(tmp_path, json.dumps([*rows, *bad], indent=1), name)
    assert list(found) == [14, 18, 19]
    assert found[14].startswith("no label (found nothing, or null)")
    assert found[18].startswith("a JSON list; expected one object a line, or an array of objects")
    assert found[19].startswith("text has half of a character")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"text": "a", "label": 1, "label": 2}', "the key 'label' twice in one object"),
        ('{"text": "a", "label": ' + "[" * 100_000 + "}", "nested too deeply"),
        ('{"text": "a", "label": ' + "1" * 5000 + "}", "not JSON .*digits"),
        ('{"text": "a", "label": NaN}', "no label .found nan.; expected a word or a whole"),
        ('{"text": "a", "label": "x"} {}', "not JSON .something behind its end"),
        ('[\n{"text": "a", "label": "x"}\n{}]', ":3: not JSON .no comma or . behind an object"),
        ('[\n{"text": "a", "label": "x"}\n] 1', ":3: not JSON: '1' behind the array"),
        ('[\n{"text": "a", "label": "x"},\n{"te\n', ":3: not JSON"),
        ('{"text": "a", "label": "x\\ny"}', "a label of several lines"),
        ('{"text": "a", "label": "x\\ry"}', "a label of several lines"),
        ('{"text": "a", "label": "x\\u2028y"}', "a label of several lines"),
        ('{"text": "a", "label": "x\\u001b[31m"}', "control characters .found 'x.x1b.31m'"),
        ('{"text": "a\\u0000", "label": "x"}', "text has a NUL character"),
        ("{}", ":1: an object without anything in it; expected the columns as its keys"),
        ("{}\n{}", ":2: an object without anything in it"),
        ('{"text": {"0": "a"}, "label": {"0": "x"}}', "one object holds all .*orient=.records."),
        ('{\n"version": "1",\n"data": [{"text": "a"}]}', "one object holds all .in 'data'"),
        ('{\n"text": "a", "label": "x"}\n{\n"text":', "an object that goes over several lines"),
        (
            '{"text": "a", "label": "x", "text_pair": "b"}\n{"text": "a", "label": "x"}',
            ":2: no text_pair .found nothing, or null",
        ),
    ],
)
def test_json_that_is_odd_is_refused_by_line(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read(tmp_path, content, "t.json")


def test_a_line_of_json_ends_at_a_line_feed_alone(tmp_path: Path) -> None:
    content = '{"text": "a\u2028b\u0085c", "label": "x"}\r\n{"text": "d", "label": "x"}'

    assert [row.text for row in read(tmp_path, content, "t.jsonl").parts["all"]] == [
        "a\u2028b\u0085c",
        "d",
    ]


def test_odd_labels_are_pointed_out_and_left_as_they_are(tmp_path: Path) -> None:
    labels = ["Positive", "positive", "1", "1.0", "nan", " nan"]
    rows = [f"text number {i},{labels[i % 6]}" for i in range(600)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["text,label", *rows]))

    corpus = load_corpus(str(path))

    assert corpus.labels == ("1", "1.0", "Positive", "nan", "positive")
    assert corpus.notes == (
        "100 labels have white space around them, which does not count",
        "'Positive' (100 texts) and 'positive' (100 texts) are nearly the same, and are taken for "
        "2 labels; if they are one, write them alike",
        "'1' (100 texts) and '1.0' (100 texts) are nearly the same, and are taken for 2 labels; if "
        "they are one, write them alike",
        "'nan' (200 texts) is taken for a label's name; if it stands for a missing one, leave "
        "those rows out",
    )


def test_what_was_removed_is_shown_and_can_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"text number {i},{i % 2}" for i in range(200)]
    path.write_text("\n".join(["text,label", *rows, "Text number 4!,0", "so,0", "so,1"]))

    cleaned, whole = load_corpus(str(path)), load_corpus(str(path), Reading(keep_duplicates=True))

    assert cleaned.notes == (
        "removed 'Text number 4!', a near-duplicate of 'text number 4'",
        "removed 'so', which has several labels, '0' here",
        "removed 'so', which has several labels, '1' here",
    )
    sizes = [len(c.train) + len(c.validation) + len(c.test) for c in (cleaned, whole)]
    assert (sizes, whole.notes) == ([200, 203], ())


def test_nothing_left_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "".join(f"a {i},x\na {i},y\n" for i in range(50)))

    with pytest.raises(ValueError, match=r"nothing is left of .*: 100 rows .*--keep-duplic"):
        load_corpus(str(path))


def numbered(text: str, label: str) -> str:
    """120 rows of these, with their number for {}."""
    rows = (f"{text},{label}".format(i, i) for i in range(120))
    return "\n".join(["text,label", *rows, ""])


LONG = "a long review " * 10


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (numbered("good", "a review {} " + LONG), "nothing is left of .*--text-column and --label"),
        (numbered("text {}", "a review {} " + LONG), "no text in the train part .*--text-column"),
        (numbered("text {}", LONG), "has only the label 'a long"),
        (LONG + ",good\n", "no column text .*put a line with the columns' names before it"),
        (",".join(f"column {i}" for i in range(3000)) + "\n", "and 2,990 more"),
        ('"text,label"\n"a,b"\n', r"the names of the columns are one field \('text,label'\)"),
    ],
)
def test_a_message_is_short_however_long_the_table(
    tmp_path: Path, content: str, sentence: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)

    with pytest.raises(ValueError, match=sentence) as caught:
        load_corpus(str(path))
    assert len(str(caught.value).replace(str(path), "")) < 1200


def test_a_key_of_any_length_is_cut(tmp_path: Path) -> None:
    key = json.dumps("k" * 5000)

    found = problems(tmp_path, f"{{{key}: 1, {key}: 2}}", "t.json")

    assert len(found[1]) < 200


def test_a_column_of_numbers_without_a_name_is_left_out_and_said(tmp_path: Path) -> None:
    found = read(tmp_path, ",text,label\n0,a,pos\n7,b,neg\n")

    assert found.parts["all"] == [Row("a", "pos"), Row("b", "neg")]
    assert found.notes == ("the first column numbers the rows, has no name, and is left out",)


@pytest.mark.parametrize("content", ["", "\ufeff", "text,label\n"])
def test_a_part_without_rows_is_none_and_all_parts_without_are_a_sentence(
    tmp_path: Path, content: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "test.csv").write_text(content, encoding="utf-8")
    (folder / "train.csv").write_text("text,label\na,b\n")

    assert list(read_parts(str(folder), make_row, roles=LABELLED, given={}).parts) == ["all"]

    (folder / "train.csv").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="no part called train with rows to learn from"):
        read_parts(str(folder), make_row, roles=LABELLED, given={})
