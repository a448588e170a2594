"""The panels and endpoints on words: what the page draws, what programs get, what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from explorer.analyses.faithfulness import attention_received
from explorer.analyses.occlusion import occlusion
from explorer.analyses.smallest_flip import Flip
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.ui.models import PageModels
from explorer.ui.panel import Asked
from explorer.ui.panels import trust as trust_panel
from explorer.ui.panels.trust import FAITHFULNESS
from explorer.ui.panels.words import OCCLUSION, PAIRS, SMALLEST_FLIP, flip_sentence
from explorer.ui.reading_tab import ANALYSES

TEXT = "Not bad at all, the story is great!"
PANELS = (OCCLUSION, PAIRS, SMALLEST_FLIP, FAITHFULNESS)


@pytest.fixture
def asked(float_model):
    reading = float_model.read(TEXT, "it was dull")
    options = {"label": "positive", "way": "deleted"}
    return Asked(of=float_model, text=reading, options=options)


@pytest.fixture
def api(float_model, endpoints_of):
    return endpoints_of(PageModels([float_model]))


def draw(panel, asked):
    """What the widget gets; it must survive as JSON, without NaN."""
    drawn = run_to_end(panel.run(asked))
    return json.loads(json.dumps(drawn, allow_nan=False))


def test_the_words_of_both_texts_stand_with_effect_and_attention(asked):
    drawn = draw(OCCLUSION, asked)

    found = run_to_end(occlusion(asked.model, asked.reading, 2, "deleted"))
    assert drawn["effects"] == pytest.approx(found.effects.tolist())
    shares = attention_received(asked.reading)
    assert drawn["attention"] == pytest.approx(shares.tolist())
    assert set(drawn["segments"]) == {0, 1}
    assert (drawn["label"], drawn["looks"], drawn["left_out"]) == ("positive", "[CLS]", 0)
    assert set(drawn["disagreements"]) > {None}


def test_words_that_were_not_tried_have_no_number(asked, monkeypatch):
    monkeypatch.setattr(asked.model.throughput, "texts_within", lambda *_: 8)

    drawn = draw(OCCLUSION, asked)

    assert drawn["effects"].count(None) == drawn["left_out"] > 0
    assert len(drawn["sentences"]) == 2


def test_pairs_and_trust_and_flip_are_plain_data(asked):
    pairs, flip, trust = (draw(panel, asked) for panel in (PAIRS, SMALLEST_FLIP, FAITHFULNESS))

    assert len(pairs["interactions"]) == len(pairs["words"]) == len(pairs["effects"]) == 13
    assert len(pairs["strongest"]) == 6
    assert set(flip["removed"] or ()) <= set(range(len(flip["words"])))
    assert len(trust["removed_by_chance"]) == len(trust["kept_by_chance"]) == 20
    assert list(trust["methods"])[::3] == ["attention", "occlusion"]
    assert "of 20 random orders did" in trust["methods"]["attention"]["sentences"][0]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_every_panel_checks_its_options_and_tells_its_cost(panel, asked, monkeypatch):
    assert panel.cost(asked).texts >= 13
    with pytest.raises(RequestError, match="way is 'burnt'"):
        panel.cost(replace(asked, options={**asked.options, "way": "burnt"}))
    with pytest.raises(RequestError, match="way is None"):
        run_to_end(panel.run(replace(asked, options={"label": "positive"})))
    monkeypatch.setattr(asked.model, "mask_id", None)
    with pytest.raises(RequestError, match="has no mask token"):
        panel.cost(replace(asked, options={**asked.options, "way": "masked"}))
    assert panel in next(group for group in ANALYSES if group.name == "mattered").analyses


def test_what_is_said_of_a_flip(float_model, answered):
    bundle = float_model.bundle
    single = run_to_end(occlusion(float_model, float_model.read("not bad at all"), 0, "deleted"))
    other = answered(bundle, [0, 0, 1])
    whole = answered(bundle, [1, 0, 0])

    def said(places, *, tried_pairs=False, changed=other):
        found = Flip(single._replace(whole=whole), places, changed, tried_pairs)
        return flip_sentence(found, "deleted")

    assert said([1]) == (
        "1 word was enough: with it deleted, the answer is positive, not negative."
    )
    assert said([0, 1]) == (
        "2 words were enough: with them deleted, the answer is positive, not negative. "
        "Every smaller set was tried: no one of them is enough."
    )
    assert said([0, 1, 2], tried_pairs=True).startswith("3 words were enough")
    assert said([0, 1, 2]) == (
        "At most 3 words were enough: with them deleted, the answer is positive, not negative. "
        "Greedy: a smaller set may exist, though no one word that was tried is enough."
    )
    assert said([0, 1, 2, 3], tried_pairs=True).endswith(
        "though no one word and no pair is enough."
    )
    never = said(None, tried_pairs=True, changed=whole)
    assert never.startswith("The answer stays negative")
    assert never.endswith("not even with all 4 deleted. Other sets may change it; no pair does.")


def test_of_a_label_by_itself_it_is_said_whether_it_fits(float_model, answered):
    bundle = replace(float_model.bundle, problem_type="multi_label")
    single = run_to_end(occlusion(float_model, float_model.read("not bad at all"), 0, "deleted"))
    fits, not_fitting = (answered(bundle, [share, 0.1, 0.1]) for share in (0.9, 0.2))

    def said(whole, places, changed):
        return flip_sentence(Flip(single._replace(whole=whole), places, changed, False), "deleted")

    begun = "1 word was enough: with it deleted,"
    assert said(not_fitting, [1], fits) == f"{begun} negative fits."
    assert said(fits, [1], not_fitting) == f"{begun} negative no longer fits."
    never = "The answer stays that negative does not fit: with the words deleted"
    assert said(not_fitting, None, not_fitting).startswith(never)


def test_what_is_said_of_a_ranking(float_model):
    from explorer.analyses.faithfulness import Faithfulness, FaithfulnessScores

    single = run_to_end(occlusion(float_model, float_model.read("not bad"), 0, "deleted"))
    chance = np.arange(20) / 20
    found = Faithfulness(
        single, (50, 100), ("attention",),
        FaithfulnessScores(*np.array([[0.85], [0.2], [0.5], [0.85], [0.2]])),
        FaithfulnessScores(chance, chance, chance - 0.5, chance, chance),
    )  # fmt: skip

    assert trust_panel.sentences(found, 0, "deleted") == [
        "Removing the words that attention ranks highest moved the answer more than 17 of 20 "
        "random orders did.",
        "Keeping only them held it better than 15 of 20 random orders.",
        "It agrees with the size of occlusion's effects better than 20 of 20 random orders do "
        "(Kendall's τ 0.50; 0 is chance, 1 the same order).",
    ]
    constant = found._replace(found=found.found._replace(agreement=np.array([np.nan])))
    assert len(trust_panel.sentences(constant, 0, "masked")) == 2


def test_programs_get_the_same_numbers(api, asked):
    answer = api.occlusion(TEXT, "it was dull", "positive")
    drawn = draw(OCCLUSION, asked)
    assert answer["effects"] == pytest.approx(drawn["effects"], abs=1e-5)
    assert answer["disagreements"] == drawn["disagreements"]

    pairs = api.pairs(TEXT, "it was dull", "positive")
    np.testing.assert_allclose(pairs["interactions"], draw(PAIRS, asked)["interactions"], atol=1e-5)
    likeliest = asked.model.bundle.labels[int(asked.reading.probabilities.argmax())]
    assert api.smallest_flip(TEXT)["label"] == api.trust(TEXT, "it was dull")["label"] == likeliest
    trust = api.trust(TEXT, "it was dull", "masked")
    assert trust["way"] == "masked"
    for method in trust["methods"].values():
        assert 0 <= method["sufficiency_percentile"] <= 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"text": ""}, "no text yet"),
        ({"text": "good", "label": "splendid"}, "There is no class 'splendid'"),
        ({"text": "good", "way": "burnt"}, "way is 'burnt'"),
        ({"text": "good", "bundle": "None"}, "There is no bundle 'None'"),
    ],
)
def test_programs_are_told_what_is_wrong(api, given, message):
    with pytest.raises(RequestError, match=message):
        api.occlusion(**given)


def test_one_word_cannot_be_ranked(api):
    with pytest.raises(RequestError, match="fewer than two words"):
        api.trust("good")
