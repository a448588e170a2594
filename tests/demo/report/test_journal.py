"""A journal survives whatever ends its program, and is gone on with by the same report alone."""

import os

import pytest

from explorer.report.journal import FILE, Journal, JournalError
from explorer.report.tables import Row

ABOUT = {"input": {"sha256": "12"}, "settings": {"heads": False}}
ROWS = [Row(number, f"text {number} — é", "", "") for number in range(1, 6)]


def result(row):
    return {"row": row.number, "hash": row.fingerprint, "text": row.text}


@pytest.fixture
def written(tmp_path):
    """A journal of three rows, not in their order; its folder."""
    journal = Journal(tmp_path / "report", ABOUT, 5)
    journal.add([result(ROWS[3]), result(ROWS[0])])
    journal.add([result(ROWS[1]), result(ROWS[0])])
    journal.close()
    return tmp_path / "report"


def test_results_come_in_the_order_of_the_rows_each_once(written):
    journal = Journal(written, ABOUT, 5)

    assert journal.done == 3
    assert [one["row"] for one in journal.results()] == [1, 2, 4]
    assert [row.number for row in ROWS if journal.has(row)] == [1, 2, 4]
    journal.close()


def test_wherever_it_was_cut_off_it_goes_on_and_comes_out_the_same(written):
    content = (written / FILE).read_bytes()
    for length in range(len(content)):
        (written / FILE).write_bytes(content[:length])
        journal = Journal(written, ABOUT, 5)
        assert journal.done <= content[:length].count(b"\n")
        journal.add([result(row) for row in (ROWS[3], ROWS[0], ROWS[1]) if not journal.has(row)])
        assert list(journal.results()) == [result(ROWS[n]) for n in (0, 1, 3)]
        journal.close()
        assert (written / FILE).read_bytes() == content


@pytest.mark.parametrize("changed", ["input", "settings", "bundle"])
def test_a_report_of_something_else_is_refused(written, changed):
    with pytest.raises(JournalError, match=f"report with (an)?other {changed} .*another --out"):
        Journal(written, {**ABOUT, changed: {"sha256": "13"}}, 5)


def test_a_row_of_another_content_is_refused(written):
    journal = Journal(written, ABOUT, 5)

    with pytest.raises(JournalError, match="row 4 with another content"):
        journal.has(Row(4, "other", "", ""))
    journal.close()


@pytest.mark.parametrize("line", [b"nope\n", b"[]\n", b'{"row": 99, "hash": "0"}\n', b"{}\n"])
def test_a_damaged_journal_is_refused_with_its_line(written, line):
    content = (written / FILE).read_bytes()
    (written / FILE).write_bytes(content + line + content)

    with pytest.raises(JournalError, match="damaged in line 5"):
        Journal(written, ABOUT, 5)


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(JournalError, match="not empty and holds no report"):
        Journal(tmp_path, ABOUT, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.skipif(os.name != "posix", reason="the lock is POSIX's")
def test_two_programs_do_not_write_one_report(written):
    journal = Journal(written, ABOUT, 5)

    with pytest.raises(JournalError, match="being written by another program"):
        Journal(written, ABOUT, 5)
    journal.close()
    Journal(written, ABOUT, 5).close()
