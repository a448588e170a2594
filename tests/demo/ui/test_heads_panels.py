"""What the panels and endpoints on heads give: plain numbers that say what the analyses found."""

import json
from dataclasses import replace

import numpy as np
import pytest

from explorer.analyses.head_ablation import HeadEffects, PruningCurve, PruningPlan
from explorer.analyses.perturbation import LEAST
from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.ui.models import PageModels
from explorer.ui.panel import Asked
from explorer.ui.panels.generated_text import DECODER_HEADS
from explorer.ui.panels.heads import (
    HEAD_EFFECTS,
    MEASURED,
    PRUNING,
    effects_payload,
    pruning_payload,
)
from explorer.ui.panels.options import refresh_label
from explorer.writing.decoder import Sources
from explorer.writing.settings import Settings

TEXT = "the film is good"


@pytest.fixture(scope="module")
def api(model, endpoints_of):
    return endpoints_of(PageModels([model]))


@pytest.fixture(scope="module")
def asked(model, bundle):
    options = {"label": bundle.labels[1], "measured": MEASURED[0]}
    return Asked(of=model, text=model.read(TEXT), options=options)


def without(model, *heads):
    mask = np.ones((1, 2, 2), np.float32)
    for layer, head in heads:
        mask[0, layer, head] = 0
    (reading,) = model.run([model.encode(TEXT)], mask)
    return reading.probabilities


def test_the_grid_has_the_effect_of_every_head(model, bundle, asked):
    drawn = run_to_end(HEAD_EFFECTS.run(asked))

    whole = without(model)
    for layer, head in np.ndindex(2, 2):
        fall = whole[1] - without(model, (layer, head))[1]
        assert drawn["effects"][layer][head] == pytest.approx(fall, abs=1e-5)
    assert drawn["label"] == bundle.labels[1]
    json.dumps(drawn)  # plain data


def test_heads_that_were_not_measured_and_answers_that_changed_are_said(bundle, model, answered):
    whole = np.array([0.6, 0.3, 0.1], np.float32)
    less = np.full((2, 2, 3), [0.5, 0.4, 0.1], np.float32)
    less[0, 1], less[1, 0] = np.nan, [0.2, 0.3, 0.5]
    found = HeadEffects(*(answered(bundle, each) for each in (whole, less, less[:, 0])), 1)

    drawn = effects_payload(bundle, model.read(TEXT, ablated=((0, 1),)), 0, found)

    assert drawn["effects"][0][1] is None
    assert drawn["effects"][0][0] == pytest.approx(0.1)
    assert drawn["answers"] == [[None, None], [bundle.labels[2], None]]
    assert drawn["layer_answers"] == [None, bundle.labels[2]]
    assert drawn["before"] == [[1, 2]]


def test_the_curve_says_where_the_answer_changes(bundle, model, copy_of_tiny, answered):
    groups = (((0, 0),), ((0, 1),), ((1, 0), (1, 1)))
    points = np.array([[0.6, 0.4, 0], [0.55, 0.45, 0], [0.3, 0.7, 0], [0.8, 0.2, 0]], np.float32)

    def curve(bundle):
        return PruningCurve(PruningPlan(groups, 3), groups, answered(bundle, points))

    several, number = (
        open_bundle(copy_of_tiny(problem_type=kind)) for kind in ("multi_label", "regression")
    )

    drawn = pruning_payload(bundle, model.read(TEXT), 0, curve(bundle))

    names = bundle.labels
    assert drawn["flip"] == 2
    assert drawn["answers"] == [names[0], names[0], names[1], names[0]]
    assert drawn["heads_gone"] == [0, 1, 2, 4]
    assert drawn["order"] == [[[1, 1]], [[1, 2]], [[2, 1], [2, 2]]]
    assert (drawn["every"], drawn["at_once"]) == (None, 2)
    answers = pruning_payload(several, model.read(TEXT), 1, curve(several))["answers"]
    assert answers == [f"not {names[1]}", f"not {names[1]}", names[1], f"not {names[1]}"]
    drawn = pruning_payload(number, model.read(TEXT), 1, curve(number))
    assert (drawn["flip"], drawn["number"], drawn["answers"]) == (None, True, [None] * 4)


def test_the_class_that_is_chosen_first_is_the_likeliest(asked, bundle):
    update = refresh_label(asked)["label"]

    assert update["value"] == bundle.labels[int(asked.reading.probabilities.argmax())]
    assert update["choices"] == list(bundle.labels)


@pytest.mark.parametrize("analysis", [HEAD_EFFECTS, PRUNING])
@pytest.mark.parametrize("label", [None, "dreadful", 1, ["positive"]])
def test_what_is_no_class_gets_a_sentence(asked, bundle, analysis, label):
    with pytest.raises(
        RequestError, match=rf"There is no class .*this model has {bundle.labels[0]}"
    ):
        run_to_end(analysis.run(replace(asked, options={**asked.options, "label": label})))


def test_what_is_no_way_to_measure_gets_a_sentence(asked):
    with pytest.raises(
        RequestError, match="measured is 'often'; expected again as heads go or once"
    ):
        PRUNING.cost(replace(asked, options={**asked.options, "measured": "often"}))


def test_programs_ask_for_the_effects_of_heads(api, model, bundle):
    answer = api.head_effects(TEXT, label=bundle.labels[2], without=[[2, 2]])

    whole, less = without(model, (1, 1)), without(model, (1, 1), (0, 0))
    assert answer["effects"][0][0] == pytest.approx(whole[2] - less[2], abs=1e-5)
    assert answer["effects"][1][1] is None
    assert answer["whole"] == pytest.approx(whole[2], abs=1e-5)
    assert answer["bundle"] == bundle.title
    likeliest = bundle.labels[int(without(model).argmax())]
    assert api.head_effects(TEXT)["label"] == likeliest


def test_programs_ask_how_many_heads_can_go(api, model):
    answer = api.pruning(TEXT, measured="once")

    heads = [(layer - 1, head - 1) for group in answer["order"] for layer, head in group]
    label = model.bundle.labels.index(answer["label"])
    points = [without(model, *heads[:gone])[label] for gone in answer["heads_gone"]]
    np.testing.assert_allclose(answer["values"], points, atol=1e-5)
    assert answer["every"] is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"label": "dreadful"}, "There is no class 'dreadful'"),
        ({"without": [[9, 1]]}, "There is no layer 9"),
        ({"text": ""}, "There is no text yet"),
        ({"bundle": "Other"}, "There is no bundle 'Other'"),
    ],
)
def test_programs_are_told_what_cannot_be_asked(api, values, message):
    for endpoint in (api.head_effects, api.pruning):
        with pytest.raises(RequestError, match=message):
            endpoint(**{"text": TEXT, **values})


def test_programs_and_the_panel_are_told_what_each_head_of_a_decoder_did(float_model, endpoints_of):
    models = PageModels([float_model])
    *_, generation = models.write(float_model.bundle.title, TEXT, Settings())
    generator = models.generator(float_model.bundle.title)
    asked = Asked(
        of=float_model, text=generation.source, generator=generator, generation=generation
    )

    answer = endpoints_of(models).decoder_head_effects(TEXT)
    drawn = run_to_end(DECODER_HEADS.run(asked))

    mask = np.ones((1, generator.decoder.layers, generator.decoder.heads), np.float32)
    mask[0, 1, 0] = 0
    hidden = generation.source.hidden[None]
    given = Sources(hidden, np.ones(hidden.shape[:2], np.int64))
    whole, less = (
        generator.session.log_probabilities(generation.ids, given, masks)[0]
        for masks in (None, {"cross_head_mask": mask})
    )
    np.testing.assert_allclose(answer["effects"]["cross"][1][0], whole - less, atol=1e-3)
    np.testing.assert_allclose(drawn["effects"]["cross"][1][0], whole - less, atol=1e-3)
    np.testing.assert_allclose(drawn["log_probabilities"], whole, atol=1e-3)
    assert answer["text"] == generation.text
    assert drawn["least"] == LEAST
    json.dumps(drawn)
