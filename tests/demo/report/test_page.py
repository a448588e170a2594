"""The page of a report in a browser, from disk and without a network."""

import json

import pytest

FIRST = ".texts > tbody > tr"


@pytest.fixture
def shown(browser):
    """Opens a report's page; gives it with all that it complained of or fetched."""
    pages = []

    def open_report(folder):
        page = browser.new_page()
        page.troubles = troubles = []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: (troubles.append("a dialog"), dialog.dismiss()))
        page.on(
            "request",
            lambda one: None if one.url.startswith("data:") or one.url.endswith("/index.html")
            else troubles.append(one.url),
        )  # fmt: skip
        page.goto((folder / "index.html").as_uri())
        page.locator(FIRST).first.wait_for()
        pages.append(page)
        return page

    yield open_report
    for page in pages:
        page.close()


def rows(page):
    cells = page.locator(FIRST).evaluate_all(
        "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
    )
    return [row for row in cells if len(row) > 1]


def test_texts_are_sorted_and_filtered(make, shown):
    page = shown(make("--format", "jsonl")[1])

    assert page.locator("[role=status]").inner_text() == "58 texts of 58; 1 to 50 are shown"
    page.get_by_role("button", name="Next", exact=True).click()
    assert [row[0] for row in rows(page)] == ["53", "54", "55", "56", "57", "58", "59", "60"]
    page.get_by_role("button", name="Confidence").click()
    shares = [float(row[3].rstrip("%")) for row in rows(page)]
    assert shares == sorted(shares)
    page.get_by_role("button", name="Given", exact=True).click()
    given = [row[4] for row in rows(page)]
    assert given == sorted(given)
    assert {"", "negative"} <= set(given)
    page.get_by_label("Only errors").check()
    wrong = rows(page)
    assert wrong
    assert all(row[2] != row[4] and row[5] == "wrong" for row in wrong)
    least = sorted(float(row[3].rstrip("%")) for row in wrong)[len(wrong) // 2]
    page.get_by_label("Confidence from, %").fill(str(least))
    assert 0 < len(rows(page)) < len(wrong)
    page.get_by_role("button", name="Show all").click()
    page.get_by_text("58 texts of 58").wait_for()
    page.get_by_label("Given label").select_option("neutral")
    assert {row[4] for row in rows(page)} == {"neutral"}
    page.get_by_label("Words that disagree").fill("1")
    assert all(int(row[6].split()[0]) >= 1 for row in rows(page))
    assert page.troubles == []


def test_texts_that_agree_are_counted_all_of_them_where_all_do(make, shown, tmp_path, model):
    texts = ["good film", "a dull story"]
    labels = [model.bundle.labels[model.read(text).likeliest] for text in texts]
    file = tmp_path / "agreed.jsonl"
    lines = [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]
    file.write_text("\n".join(map(json.dumps, lines)))

    page = shown(make("--classes", file=file)[1])

    page.get_by_text("The model agrees with the given label in 2 of 2 texts, 100.0%.").wait_for()


def test_a_number_of_the_confusion_table_shows_its_texts(make, shown):
    page = shown(make("--classes", "--format", "jsonl")[1])

    cell = page.locator(".confusion button").filter(has_not_text="0").first
    count = int(cell.inner_text())
    cell.click()

    assert len(rows(page)) == count
    assert len({(row[2], row[4]) for row in rows(page)}) == 1
    assert page.troubles == []


def test_a_text_opens_with_words_heads_rankings_and_its_map(make, shown, few):
    _, out, _ = make("--heads", "--faithfulness", "--figures", "--format", "jsonl", file=few)
    page = shown(out)
    found = [json.loads(line) for line in (out / "results.jsonl").read_text("utf-8").splitlines()]

    page.locator(".texts .open").nth(5).click()
    page.locator(".details").wait_for()

    chips = page.locator(".details .chip bdi").all_inner_texts()
    assert chips == [word["text"] for word in found[5]["words"]]
    assert page.locator(".details .grid td").count() == 4
    assert page.locator(".details .trust tbody tr").count() == 4
    page.locator(".details img").scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.details img').naturalWidth > 0")
    assert [one.rpartition("/")[2] for one in page.troubles] == ["000006.png"]
    page.locator(".texts .open").nth(5).click()
    assert page.locator(".details").count() == 0


def test_hostile_texts_labels_and_titles_stay_text(make, shown, hostile, copy_of_tiny, tmp_path):
    file = tmp_path / "<img src=x onerror=alert(1)>.jsonl"
    lines = [{"text": text, "text_pair": text, "label": text[:40]} for text in hostile]
    file.write_text(
        "\n".join(map(json.dumps, [*lines, {"text": "</script><script>alert(2)", "text_pair": 7}]))
    )
    labels = ["</script><script>alert(1)</script>", "<b>bold</b>", "${alert(1)}"]
    folder = copy_of_tiny(title="<img src=x onerror=alert(3)>", labels=labels, licence="<i>x</i>")

    code, out, _ = make("--heads", "--figures", file=file, bundle=folder)
    page = shown(out)

    assert code == 0
    assert page.locator("h1").inner_text() == "<img src=x onerror=alert(3)>"
    for number, text in enumerate(hostile):
        page.locator(".texts .open").nth(number).click()
        whole = page.locator(".details .whole").nth(2 * number)
        whole.wait_for()
        assert whole.evaluate("node => node.textContent") == text
    assert page.locator("main :is(script, b, i, iframe, img:not(.details img))").count() == 0
    assert all(one.endswith(".png") for one in page.troubles)
    assert {row[2] for row in rows(page)} <= set(labels)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_it_shuts_nobody_out_and_fits_a_phone(make, shown, few, serious_faults, scheme):
    page = shown(make("--heads", "--faithfulness", file=few)[1])
    page.emulate_media(color_scheme=scheme)
    page.locator(".texts .open").first.click()
    page.locator(".details").wait_for()

    assert page.troubles == []
    for width in (1200, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert serious_faults(page) == []
        cell = page.locator(".details .grid td").first
        assert cell.evaluate("cell => getComputedStyle(cell).display") == "table-cell"
