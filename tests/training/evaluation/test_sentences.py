"""The sentences by kind: what the file has, how they are counted, and that no data has them."""

from collections import Counter

import numpy as np
import pytest

from training.data.splits import normal_form
from training.evaluation.sentences import (
    LABELS,
    NEUTRAL,
    KindSentence,
    Share,
    measure_sentences,
    read_sentences,
    show_each,
    show_kinds,
)
from training.readers.packaged import SOURCES, read_reviews

SENTENCES = read_sentences()
ONE_SIDED = {"praise without adjectives": "positive", "blame without adjectives": "negative"}
# Known to be read wrongly by an earlier model, so that later ones were made to read them.
KNOWN = (
    "I could not find a single flaw.",
    "It never puts a foot wrong.",
    "I laughed until my stomach hurt.",
    "Not a dull minute.",
)


def test_there_are_enough_of_each_kind_and_as_many_good_as_bad() -> None:
    kinds = Counter(one.kind for one in SENTENCES)

    assert sum(one.label != NEUTRAL for one in SENTENCES) >= 120
    assert min(kinds.values()) >= 10
    for kind in kinds:
        labels = Counter(one.label for one in SENTENCES if one.kind == kind)
        if kind == NEUTRAL:
            assert set(labels) == {NEUTRAL}
        elif kind in ONE_SIDED:
            assert set(labels) == {ONE_SIDED[kind]}
        elif kind == "irony":  # blame in words of praise is what irony mostly is
            assert min(labels[label] for label in LABELS) >= 4
        else:
            assert labels["positive"] == labels["negative"]
    judged = Counter(one.label for one in SENTENCES if one.label != NEUTRAL)
    assert abs(judged["positive"] - judged["negative"]) <= 6


def test_none_stands_there_twice_or_is_one_that_a_model_was_made_for() -> None:
    forms = [normal_form(one.text) for one in SENTENCES]

    assert len(set(forms)) == len(forms)
    assert not {*forms} & {*map(normal_form, KNOWN)}


@pytest.mark.slow
def test_no_packaged_text_has_one_of_them_in_it() -> None:
    packaged = "\n".join(
        normal_form(row.text)
        for source in SOURCES
        for part in read_reviews(source).parts.values()
        for row in part
    )

    assert [one.text for one in SENTENCES if normal_form(one.text) in packaged] == []


def test_a_label_is_right_above_a_half_and_a_neutral_text_where_neither_label_is_sure() -> None:
    some = [
        KindSentence("irony", "negative", "a"),
        KindSentence("irony", "positive", "b"),
        KindSentence("idiom", "positive", "c"),
        *(KindSentence("neutral", "neutral", text) for text in "defg"),
    ]
    positive = np.array([0.49, 0.4, 0.51, 0.31, 0.69, 0.29, 0.71])

    kinds, total = measure_sentences(some, positive)

    assert kinds == {"irony": Share(1, 2), "idiom": Share(1, 1), "neutral": Share(2, 4)}
    assert total == Share(2, 3)


def test_the_interval_is_wilsons() -> None:
    # By hand: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), z = 1.96, p = 0.5, n = 100.
    assert Share(50, 100).interval == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_the_tables_have_a_row_for_each_kind_and_for_each_sentence() -> None:
    sure = np.array([0.9 if one.label == "positive" else 0.1 for one in SENTENCES])
    models = {"right": sure, "unsure": np.full(len(SENTENCES), 0.5)}

    rows = show_kinds(SENTENCES, models).splitlines()
    each = show_each(SENTENCES, models).splitlines()

    judged = sum(one.label != NEUTRAL for one in SENTENCES)
    assert "| negation | 16 | 1.00 | 0.50 |" in rows
    assert f"| {judged} | **1.00** (0.98–1.00) | **0.5" in rows[-2]
    assert rows[-1] == "| neutral: neither label above 0.7 | 14 | 0.00 | 1.00 |"
    assert len(each) == 2 + len(SENTENCES)
    assert each[2] == "| I wouldn't change a frame of it. | negation | positive | 0.90 | 0.50 |"
