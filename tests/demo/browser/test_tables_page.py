"""The table of each analysis as a CSV file, as a reader saves it."""

import csv
import io
from pathlib import Path

import pytest

TABLES = {
    "occlusion": ("Words", ["unit", "text", "effect", "log_odds_effect", "attention"]),
    "pairs": ("Words", ["word", "other", "interaction", "log_odds_interaction"]),
    "smallest_flip": ("Words", ["word", "removed"]),
    "trust": ("Words", ["ranking", "comprehensiveness", "comprehensiveness_percentile"]),
    "head_effects": ("Heads", ["layer", "head", "effect", "log_odds_effect", "answer"]),
    "pruning": ("Heads", ["heads_gone", "last", "value", "log_odds", "answer"]),
    "compare": ("Compare", ["layer", "head", "moved"]),
    "source_reliance": ("Source", ["token", "source_word", "effect", "attention"]),
    "decoder_heads": ("Heads", ["attention", "layer", "head", "token", "effect"]),
}


@pytest.fixture(scope="module")
def page(open_page, url):
    with open_page(url) as page:
        yield page


def saved(page, name):
    """What the button below a result saves, as rows of cells."""
    with page.expect_download() as download:
        page.locator(f"#{name}_result .save-table").click()
    assert download.value.suggested_filename.endswith(".csv")
    text = Path(download.value.path()).read_text("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", TABLES)
def test_every_analysis_saves_its_table(page, name):
    tab, columns = TABLES[name]
    task = "write" if name in ("source_reliance", "decoder_heads") else "classify"
    page.locator(f"#{task}_tab-button").click()
    page.locator(f"#{task}_tab").get_by_role("tab", name=tab, exact=True).click()
    page.locator(f"#{name}_cost", has_text="Reads ").wait_for()
    page.locator(f"#{name}_start").click()
    page.locator(f"#{name}_result .save-table").wait_for()

    head, *rows = saved(page, name)

    assert head[: len(columns)] == columns
    assert len(rows) > 3
    assert {len(row) for row in rows} == {len(head)}


def test_what_a_spreadsheet_would_run_is_made_harmless(page):
    words = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", 'a "quoted" word', "two\nlines", "a-b"]
    given = [["text", "number"], *([word, -0.5] for word in words), [None, True]]

    text = page.evaluate("rows => window.attentionTables.csv(rows)", given)

    head, *rows, last = csv.reader(io.StringIO(text, newline=""))
    assert head == ["text", "number"]
    assert [row[1] for row in rows] == ["-0.5"] * len(words)
    assert [row[0] for row in rows] == [*(f"'{word}" for word in words[:6]), *words[6:]]
    assert last == ["", "true"]
