"""The widgets' own arithmetic in a real browser: how effects are written and inked."""

import pytest

from explorer.ui.widgets import WEB, maps_script, widget_script

SHARED = "signed, points, percent, amount, effectChip, fullInk, cellText"


@pytest.fixture(scope="module")
def page(browser):
    """A page with the scripts that widgets share."""
    page = browser.new_page()
    page.add_script_tag(content=maps_script())
    for name in ("csv.js", "lib.js"):
        page.add_script_tag(path=WEB / name)
    yield page
    page.close()


@pytest.fixture(scope="module")
def calculate(page):
    """Evaluates an expression among what widgets share."""
    given = f"const {{ {SHARED} }} = attentionExplorer({{ element: document }});"
    return lambda expression: page.evaluate(f"() => {{ {given} return {expression}; }}")


def draw(page, name, value):
    """Has a widget draw a value."""
    page.evaluate(
        f"""(given) => {{
          const [props, watch, trigger] = [{{ value: given }}, () => {{}}, () => {{}}];
          document.body.innerHTML = '<div class="{name}-widget"><div class="widget"></div></div>';
          const element = document.body.firstChild;
          {widget_script(name)}
        }}""",
        value,
    )


def test_what_is_not_nothing_never_reads_as_nothing(calculate):
    told = calculate(
        "[[0, 1], [0.04, 1], [-0.04, 1], [0.05, 1], [3e-9, 2], [-12.34, 1]]"
        ".map(([value, digits]) => signed(value, digits))"
    )
    assert told == ["0", "+<0.1", "−<0.1", "+0.1", "+<0.01", "−12.3"]
    assert calculate("[points(3e-9), points(-0.1234), points(0)]") == ["+<0.1", "−12.3", "0"]
    assert calculate("[0, 2e-5, 0.0421, 0.5, 0.97, 0.9971, 0.99996, 1].map(percent)") == [
        "0.0%", "<0.1%", "4.2%", "50%", "97%", "99.7%", ">99.9%", "100%",
    ]  # fmt: skip


def test_an_effect_stands_in_log_odds_with_points_beside_it(calculate):
    sure = "{ effect: -3e-9, log_odds_effect: -1.234 }"
    number = "{ effect: 0.051, log_odds_effect: null }"

    assert calculate(f"amount({sure})") == "−1.23 log-odds (−<0.1 points)"
    assert calculate(f"amount({number})") == "+0.05"
    chip = calculate(f"effectChip('not', {sure}, 1.234).outerHTML")
    assert "−1.23" in chip
    assert "signed minus" in chip
    assert "--ink-share: 1.000" in chip


def test_ink_hangs_on_log_odds_and_next_to_nothing_never_fills_a_cell(calculate):
    effects = "[{ effect: 1e-9, log_odds_effect: %s }, { effect: null, log_odds_effect: null }]"

    assert calculate(f"fullInk({effects % -2.5}, 0.1)") == 2.5
    assert calculate(f"fullInk({effects % 0.004}, 0.1)") == 0.1
    assert calculate("[[0.84, 0.84], [-0.84, 3], [0.04, 3], [12.3, 12.3], [0.004, 0.1], [null, 1]]"
                     ".map(([effect, top]) => cellText(effect, top))") == [
        "+.84", "−.8", "", "+12.3", "", "",
    ]  # fmt: skip


def test_two_words_count_for_more_or_less_by_what_each_does_alone(page):
    value = {
        "words": ["not", "bad", "<b>", "good"],
        "effects": [0.1, 0.1, -0.1, -0.1],
        "log_odds_effects": [1.0, 1.0, -1.0, -1.0],
        "interactions": [[0.05] * 4] * 4,
        "log_odds_interactions": [
            [0, 0.5, 0.5, 0.5], [0.5, 0, 0.5, -0.5], [0.5, 0.5, 0, 0.5], [0.5, -0.5, 0.5, 0],
        ],
        "strongest": [[0, 1], [0, 2], [1, 3], [2, 3]],
        "label": "positive", "log_odds": 2.0, "way": "deleted", "least": 0.1, "words_left_out": 0,
    }  # fmt: skip
    draw(page, "pairs", value)
    said = page.locator("li").all_inner_texts()

    alone = "while the other is there; alone"
    assert [one.partition(", ")[2] for one in said] == [
        f"each counts more for it {alone} +1.00 and +1.00.",
        f"“not” counts more for it and “<b>” less against it {alone} +1.00 and −1.00.",
        f"“bad” counts less for it and “good” more against it {alone} +1.00 and −1.00.",
        f"each counts less against it {alone} −1.00 and −1.00.",
    ]
    assert said[0].startswith("“not” and “bad”: +0.50 log-odds (+5.0 points), ")


HEADS = {
    "effects": [[0.001, None], [None, None]], "log_odds_effects": [[0.01, None], [None, None]],
    "layer_effects": [0.001, 0], "layer_log_odds_effects": [0.01, 0], "least": 0.1,
    "answers": [[None, None], [None, None]], "layer_answers": [None, None], "before": [],
    "matters": False, "number": False, "label": "positive", "log_odds": 2.0, "whole": 0.88,
}  # fmt: skip


def test_only_of_heads_that_were_tried_is_anything_said(page):
    draw(page, "head_effects", {**HEADS, "not_tried": 3})
    said = page.locator("body").inner_text()
    assert "Of the heads that were tried (1), none matters on its own: without any one of " in said
    assert "Of the heads that were tried (1), none changes the answer when it is ablated" in said
    assert (
        "since it would have taken too long: 3; those of the layers that matter most came first."
        in said
    )

    draw(page, "head_effects", {**HEADS, "not_tried": 3, "matters": True, "least": 0.001})
    verdict = page.locator(".verdict").inner_text()
    assert verdict.startswith(
        "The largest effects of the heads that were tried (1): layer 1, head 1"
    )

    draw(page, "head_effects", {**HEADS, "not_tried": 0})
    assert page.locator(".verdict").inner_text().startswith("No head matters on its own: ")

    out = [[1, 1], [1, 2], [2, 1], [2, 2]]
    none = {"effects": [[None] * 2] * 2, "log_odds_effects": [[None] * 2] * 2, "before": out}
    draw(page, "head_effects", {**HEADS, **none, "not_tried": 0})
    verdict = page.locator(".verdict").inner_text()
    assert verdict == "No head is left to try: all of them are ablated."


WORDS = {
    "words": ["not", "bad"], "segments": [0, 0], "attention": [0.5, 0.5], "sentences": [],
    "effects": [0.001, None], "log_odds_effects": [0.01, None], "disagreements": [None, None],
    "matters": False, "moves_answer": False, "least": 0.1, "number": False, "pair": False,
    "label": "positive", "log_odds": 2.0, "value": 0.88, "way": "deleted", "held": False,
    "looks": "[CLS]", "layer": "the last layer",
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"left_out": 1}, "Of the words that were tried (1), none matters on its own"),
        (
            {"left_out": 1, "matters": True},
            "Of the words that were tried (1), none moves the answer",
        ),
        (
            {"left_out": 1, "matters": True, "moves_answer": True},
            "disagree on none of the words that were tried (1)",
        ),
        ({"left_out": 0}, "No word matters on its own"),
        (
            {"left_out": 2, "effects": [None] * 2, "log_odds_effects": [None] * 2},
            "No word was tried: without what is asked about",
        ),
    ],
)
def test_only_of_words_that_were_tried_is_anything_said(page, given, said):
    draw(page, "occlusion", {**WORDS, **given})
    text = page.locator("body").inner_text()

    assert said in text
    left = given["left_out"]
    assert (f"Words without a number were not tried: {left}." in text) == bool(left)
