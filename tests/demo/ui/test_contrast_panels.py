"""“Rather than”, on the page and for programs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel
from explorer.ui.models import PageModels
from explorer.ui.panel import Asked
from explorer.ui.panels.compare import COMPARE
from explorer.ui.panels.heads import HEAD_EFFECTS, PRUNING
from explorer.ui.panels.options import has_contrasts
from explorer.ui.panels.trust import FAITHFULNESS
from explorer.ui.panels.words import OCCLUSION, PAIRS, SMALLEST_FLIP

TEXT = "Not bad at all, the story is great!"
FREE = (OCCLUSION, PAIRS, HEAD_EFFECTS, PRUNING)
PANELS = (*FREE, SMALLEST_FLIP, FAITHFULNESS, COMPARE)
OPTIONS = {"label": "positive", "way": "deleted", "measured": "once", "text": "it was dull"}


@pytest.fixture
def api(float_model, endpoints_of):
    return endpoints_of(PageModels([float_model]))


@pytest.fixture
def asked(float_model):
    models = PageModels([float_model])
    reading = models.answer(float_model.bundle.title, TEXT, "")[1]
    options = {**OPTIONS, "model": float_model.bundle.title}
    return Asked(of=float_model, text=reading, options=options, models=models)


def rather_than(asked, label):
    return replace(asked, options={**asked.options, "rather_than": label})


def another(asked):
    likeliest = asked.reading.likeliest
    return asked.model.bundle.labels[(likeliest + 1) % 3]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_every_panel_sets_one_class_against_another(panel, asked):
    plain = run_to_end(panel.run(asked))
    as_before = run_to_end(panel.run(rather_than(asked, "")))
    other = "neutral" if panel in FREE else another(asked)
    drawn = run_to_end(panel.run(rather_than(asked, other)))

    assert as_before == plain
    assert "rather_than" not in json.dumps(plain)
    assert (drawn["contrast"] if panel is COMPARE else drawn)["rather_than"] == other
    json.dumps(drawn, allow_nan=False)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_every_panel_checks_what_is_set_against(panel, asked):
    itself = "positive" if panel in FREE else asked.model.bundle.labels[asked.reading.likeliest]

    with pytest.raises(RequestError, match="set against itself"):
        run_to_end(panel.run(rather_than(asked, itself)))
    with pytest.raises(RequestError, match="There is no class 'funny'"):
        run_to_end(panel.run(rather_than(asked, "funny")))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.name)
def test_it_is_offered_where_it_says_something_new(panel, asked, copy_of_tiny):
    def offered(**changes):
        bundle = open_bundle(copy_of_tiny(**changes))
        one = replace(asked, of=replace_bundle(asked.model, bundle))
        control = panel.lay_out_options(bundle)["rather_than"]
        update = panel.refresh_options(one)["rather_than"]
        assert control.visible == update["visible"] == has_contrasts(bundle)
        assert update["choices"][0] == ("all others", "")
        return control.visible

    assert offered()
    assert offered(problem_type="multi_label")
    assert not offered(problem_type="regression")


def replace_bundle(model, bundle):
    changed = object.__new__(EncoderModel)
    changed.__dict__.update(model.__dict__, bundle=bundle)
    return changed


def test_of_two_classes_under_one_softmax_it_is_not_offered(bundle):
    two = replace(bundle, labels=("no", "yes"))

    assert not has_contrasts(two)
    assert has_contrasts(replace(two, problem_type="multi_label"))


def test_programs_get_the_log_odds_between_two(api, float_model):
    logits = float_model.read(TEXT).logits
    between = pytest.approx(float(logits[2] - logits[0]), abs=1e-5)
    named = {"label": "positive", "rather_than": "negative"}

    words = api.occlusion(TEXT, **named)
    assert words["log_odds"] == between
    assert (words["label"], words["rather_than"]) == ("positive", "negative")
    assert words["value"] == pytest.approx(1 / (1 + np.exp(-words["log_odds"])), abs=1e-5)
    assert api.pairs(TEXT, **named)["log_odds"] == between
    assert api.head_effects(TEXT, **named)["log_odds"] == between
    assert api.pruning(TEXT, **named)["log_odds"][0] == between
    likeliest = api.classify(TEXT)["label"]
    other = next(label for label in ("negative", "neutral") if label != likeliest)
    for endpoint in (api.smallest_flip, api.trust):
        found = endpoint(TEXT, rather_than=other)
        assert (found["label"], found["rather_than"]) == (likeliest, other)
    contrast = api.compare(TEXT, "it was dull", rather_than=other)["contrast"]
    assert contrast["label"] == likeliest
    assert len(contrast["log_odds"]) == 2


def test_a_regression_has_no_class_to_set_against(copy_of_tiny, endpoints_of):
    models = PageModels([EncoderModel(open_bundle(copy_of_tiny(problem_type="regression")))])

    with pytest.raises(RequestError, match="gives a number, so there is no class"):
        endpoints_of(models).occlusion(TEXT, rather_than="negative")
