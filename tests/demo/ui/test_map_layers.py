"""A bundle with the maps of some layers: these are called by their true numbers everywhere, and
what takes the maps of all layers is not there or says so."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from explorer.analyses.faithfulness import for_want_of_maps
from explorer.errors import RequestError
from explorer.maps.view import first_head
from explorer.ui import wording
from explorer.ui.map_viewer import maps_of_reading
from explorer.ui.models import MapControls, PageModels

TITLE, TEXT = "Second layer", "Not bad at all, the story is great!"
ALONE = "exported with the maps of layer 2 alone"
SOURCE = Path(__file__).parents[3] / "demo" / "explorer" / "web" / "maps"


@pytest.fixture(scope="module")
def models(second_layer, float_model):
    return PageModels([second_layer, float_model])


@pytest.fixture(scope="module")
def api(models, endpoints_of):
    return endpoints_of(models)


def test_a_map_is_that_of_its_layer(api, float_model):
    whole = float_model.bundle.title

    found = api.attention(TEXT, head=2)

    assert found["layer"] == 2
    np.testing.assert_allclose(
        found["weights"], api.attention(TEXT, layer=2, head=2, bundle=whole)["weights"], atol=1e-5
    )
    types, of_all = (api.head_types(TEXT, bundle=title) for title in (TITLE, whole))
    assert (types["layers"], of_all["layers"]) == ([2], [1, 2])
    assert [head["type"] for head in types["heads"][0]] == [
        head["type"] for head in of_all["heads"][1]
    ]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (1, f"{ALONE}, so there is none of layer 1"),
        ("mean", f"{ALONE}, so there is none over all layers"),
        (3, f"There is no layer 3; this model has layers 1 to 2 and was {ALONE}\\."),
    ],
)
def test_a_layer_without_maps_is_told_from_one_that_is_not_there(api, layer, expected):
    with pytest.raises(RequestError, match=expected):
        api.attention(TEXT, layer=layer)


def test_what_follows_attention_through_all_layers_is_not_there(api, second_layer, endpoints_of):
    said = "has no rollout: that takes the maps of all its 2 layers"
    with pytest.raises(RequestError, match=said):
        api.rollout(TEXT, bundle=TITLE)

    alone = vars(endpoints_of(PageModels([second_layer])))
    assert "rollout" not in alone
    assert {"attention", "occlusion", "trust", "head_effects", "pruning"} <= alone.keys()


def test_rankings_are_tested_but_rollout_and_it_is_said(api, second_layer, float_model):
    found, whole = (api.trust(TEXT, bundle=one) for one in (TITLE, float_model.bundle.title))

    assert list(found["methods"]) == ["attention", "norm-weighted attention", "occlusion"]
    for name, those in found["methods"].items():
        assert those["comprehensiveness"] == pytest.approx(
            whole["methods"][name]["comprehensiveness"], abs=1e-5
        )
    said = "Rollout is left out: it takes the maps of all 2 layers, and this model was exported "
    assert found["for_want_of_maps"] == f"{said}with those of layer 2 alone."
    assert whole["for_want_of_maps"] == ""
    first = replace(second_layer.bundle, map_layers=(0,))
    assert for_want_of_maps(first).endswith(
        "layer 1 alone. Attention and norm-weighted attention are of layer 1, the last one with "
        "maps."
    )


def test_heads_of_all_layers_can_be_removed(api, models):
    effects = api.head_effects(TEXT, bundle=TITLE)["effects"]
    model, reading = models.read(TITLE, TEXT, "", [[1, 1], [2, 2]])

    assert np.shape(effects) == (2, model.bundle.heads)
    assert reading.ablated == [[1, 1], [2, 2]]
    assert reading.kept_heads.tolist() == [[head != 1 for head in range(model.bundle.heads)]]


def test_readings_are_compared_layer_by_layer_of_the_same_number(api, float_model):
    found = api.compare(TEXT, "Not good at all!")

    assert (found["layers"], len(found["moved"])) == ([2], 1)
    assert {layer for layer, _ in found["most_moved"]} == {2}
    assert api.compare(TEXT, TEXT, other_bundle=float_model.bundle.title)["moved"] is None


def test_the_page_offers_the_layers_that_are_there(second_layer, models):
    reading = second_layer.read(TEXT)
    maps = maps_of_reading(second_layer, reading)

    assert (maps["layers"], maps["all_layers"], maps["rollout"]) == ([2], False, None)
    assert first_head(reading)[0] == 1
    assert wording.encoder(second_layer.bundle).endswith("heads, maps of layer 2")
    shown = {"bundle": TITLE, "text": TEXT, "text_pair": "", "without": []}
    controls = MapControls(
        shown=shown, layer=2, head=1, special_tokens=True, words=True, by_norms=False
    )
    assert models.select(controls).view.name == "Layer 2, head 1"


def test_the_last_layer_with_maps_is_named(second_layer):
    first = replace(second_layer.bundle, map_layers=(0,))

    assert wording.last_with_maps(second_layer.bundle) == "the last layer"
    assert wording.last_with_maps(first) == "layer 1, the last one with maps"
    assert wording.encoder(replace(first, layers=12, map_layers=(0, 5, 11))).endswith(
        "maps of layers 1, 6 and 12"
    )


IN_NODE = """
import { openMaps } from "%(maps)s/source.js";
import { fittingState } from "%(maps)s/state.js";
import { viewOf } from "%(maps)s/maths.js";
let text = "";
for await (const part of process.stdin) text += part;
const { data, states } = JSON.parse(text);
const { self } = await openMaps(data);
const found = states.map((asked) => {
  const state = fittingState({ ...asked, words: false }, data);
  return { ...state, weights: [...viewOf(...self.chosen(state)).weights] };
});
process.stdout.write(JSON.stringify(found));
"""


def test_a_browser_finds_a_layers_map_by_its_number(second_layer, skip_for_want):
    if not shutil.which("node"):
        skip_for_want("needs node")
    reading = second_layer.read(TEXT)
    data = maps_of_reading(second_layer, reading)
    states = [{"layer": 2, "head": 2}, {"layer": 1, "head": 2}, {"layer": "mean", "head": 2}]

    done = subprocess.run(
        ["node", "--input-type=module", "-e", IN_NODE % {"maps": SOURCE.as_uri()}],
        input=json.dumps({"data": data, "states": states}),
        capture_output=True,
        text=True,
        check=True,
    )

    for found in json.loads(done.stdout):
        assert (found["layer"], found["head"]) == (2, 2)
        expected = reading.weights[0, 1]
        np.testing.assert_allclose(
            np.reshape(found["weights"], expected.shape), expected, atol=0.01
        )
