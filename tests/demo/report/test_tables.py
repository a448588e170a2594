"""Tables of texts are read row by row: what is wrong with a row is told, and the rest goes on."""

import json
import sys

import pytest

from explorer.report.tables import BadRow, Row, Table, TableError, choose_columns


@pytest.fixture
def read(tmp_path):
    """Writes a file and reads it: its good rows as tuples, its bad ones in words."""

    def of(name, content, **given):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        rows = list(Table(file, given).rows())
        good = [(one.text, one.text_pair, one.label) for one in rows if isinstance(one, Row)]
        return good, [one.describe() for one in rows if isinstance(one, BadRow)]

    return of


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_a_csv_is_read_by_whatever_parts_its_columns(read, mark):
    lines = ["label", "text"], ["1", f'"a ""good"" film{mark}\nreally"']
    content = "\r\n".join(mark.join(line) for line in lines)

    assert read("a.csv", content) == ([(f'a "good" film{mark}\nreally', "", "1")], [])


def test_bad_rows_of_a_csv_have_their_number_and_line_and_others_are_read(read):
    content = (
        'text,label\ngood,1\n\n ,1\nbad,1,2\n"two\nlines",0\nx"y"z"",1\n"open" shut,0\nend,0\n'
    )

    good, bad = read("a.csv", content)

    assert [text for text, _, _ in good] == ["good", "two\nlines", 'x"y"z""', "end"]
    assert bad == [
        "row 2 (line 4): no text: nothing in it can be seen (found ' ')",
        "row 3 (line 5): 3 fields, expected 2; quote a text that has ','",
        'row 6 (line 9): not CSV (\',\' expected after \'"\'); write quotes as "a ""quoted"" word"',
    ]


def test_a_quote_that_never_closes_ends_it_in_a_sentence_with_its_line(read):
    with pytest.raises(TableError, match="line 3: a quote opens in the row that begins here"):
        read("a.csv", 'text\ngood\n"bad\nand on\n')


def test_json_lines_and_arrays_give_the_same_rows(read):
    rows = [{"text": "a\u2028b", "label": 1, "text_pair": "c"}, {"text": "d", "text_pair": "e"}]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)

    expected = ([("a\u2028b", "c", "1"), ("d", "e", "")], [])
    assert read("a.jsonl", lines) == read("a.json", json.dumps(rows, indent=1)) == expected


def test_bad_rows_of_json_are_named(read):
    lines = '{"text":"a"}\nnope\n[1]\n{"text":5}\n{"text":"\\ud800"}\n{"text":"b","label":[1]}\n{}'

    good, bad = read("a.jsonl", lines, text="text")

    assert [text for text, _, _ in good] == ["a"]
    assert [one.partition(":")[0] for one in bad] == [f"row {n} (line {n})" for n in range(2, 8)]
    assert "not JSON" in bad[0]
    assert "a JSON list; expected an object" in bad[1]
    assert "no text (found 5)" in bad[2]
    assert "half of a character" in bad[3]


def test_parquet_gives_the_rows_that_a_csv_gives(read, tmp_path, skip_for_want):
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        skip_for_want("needs pyarrow: pip install -r demo/requirements-report.txt")
    columns = {"label": [1, None, 0], "text": ["good", None, "bad"], "other": [[1], [], None]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "b.parquet")

    found = read("a.parquet", (tmp_path / "b.parquet").read_bytes())

    assert found == ([("good", "", "1"), ("bad", "", "0")], ["row 2: no text (found nothing)"])


def test_parquet_without_pyarrow_is_a_sentence_that_says_what_to_install(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(TableError, match=r"pip install -r demo/requirements-report\.txt"):
        read("a.parquet", b"PAR1")


@pytest.mark.parametrize(
    ("names", "given", "chosen"),
    [
        (["Text ", "LABEL"], {}, {"text": "Text ", "label": "LABEL"}),
        (["sentence1", "sentence2", "labels"], {}, {"text": 0, "text_pair": 1, "label": 2}),
        (["premise", "hypothesis"], {}, {"text": 0, "text_pair": 1}),
        (["question", "sentence2"], {}, {"text": 0}),
        (["what"], {}, {"text": 0}),
        (["a", "b", "text"], {"text": "a", "label": "b"}, {"text": 0, "label": 1}),
    ],
)
def test_columns_are_guessed_as_people_call_them(names, given, chosen):
    found = choose_columns(names, given, "x")

    named = {role: names[at] if isinstance(at, int) else at for role, at in chosen.items()}
    assert found == named


@pytest.mark.parametrize(
    ("names", "given", "sentence"),
    [
        (["a", "b"], {}, "no column 'text' \\(found: 'a', 'b'\\); say which it is with --text"),
        (["content", "review"], {}, "2 columns that may be the text"),
        (["text", "b"], {"label": "c"}, "no column 'c'"),
        (["text", "b"], {"label": "text"}, "named for two things"),
    ],
)
def test_columns_that_cannot_be_told_are_a_sentence(names, given, sentence):
    with pytest.raises(TableError, match=sentence):
        choose_columns(names, given, "x")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"text\n\xff\xfe\xfa", "not in UTF-8"),
        ("a.txt", b"text", "of no kind that is known; expected .csv"),
        ("a.csv", b"", "no column 'text'"),
        ("a.json", b"[{", "cannot be read"),
    ],
)
def test_files_that_are_no_tables_are_a_sentence(read, name, content, sentence):
    with pytest.raises(TableError, match=sentence):
        read(name, content)


def test_what_excel_calls_unicode_is_read(read):
    assert read("a.tsv", "text\tlabel\nédité\t1\n".encode("utf-16")) == ([("édité", "", "1")], [])


def test_a_fingerprint_tells_rows_apart_whatever_moved_between_their_cells():
    rows = [("a", "b", ""), ("ab", "", ""), ("a", "", "b"), ("", "ab", "")]

    assert len({Row(1, *row).fingerprint for row in rows}) == 4
    assert Row(1, "a", "b", "c").fingerprint == Row(2, "a", "b", "c").fingerprint
