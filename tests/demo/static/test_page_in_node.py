"""The page in the browser, under node: what its widgets receive is what Python would give them."""

import json
import re

import numpy as np
import pytest

from explorer.analyses import compare as comparing
from explorer.analyses.head_ablation import head_effects
from explorer.analyses.occlusion import OcclusionPlan, occlusion
from explorer.analyses.perturbation import Contrast
from explorer.bundle import open_bundle
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel
from explorer.inference.generator import TextGenerator
from explorer.inference.logits import Settings
from explorer.inference.tokens import own_words
from explorer.maps.view import first_cross_head, first_head
from explorer.ui import payloads, wording
from explorer.ui.map_viewer import maps_of_generation, maps_of_reading
from explorer.ui.panels.compare import drawn
from explorer.ui.panels.heads import HEAD_EFFECTS, effects_payload
from explorer.ui.panels.options import WordsAsked
from explorer.ui.panels.words import OCCLUSION, occlusion_payload
from explorer.ui.tasks.known import promise

TEXT = "Not bad at all, the story is great! But a dull film."
CLOSE = 1e-5
"""Two runtimes add up float32 in another order: of the log-odds of random weights, which are large,
that is so much; of probabilities and maps a fifth of it."""


def alike(found, wanted, where="", atol=CLOSE):
    """Whether plain data are equal, but for numbers that differ by next to nothing."""
    if isinstance(wanted, dict):
        for name, part in wanted.items():
            alike(found[name], part, f"{where}.{name}", atol)
    elif isinstance(wanted, list | tuple):
        assert len(found) == len(wanted), where
        for at, (one, part) in enumerate(zip(found, wanted, strict=True)):
            alike(one, part, f"{where}[{at}]", atol)
    elif isinstance(wanted, float) and not isinstance(found, str | None):
        assert found == pytest.approx(wanted, rel=atol, abs=atol), where
    else:
        assert found == wanted, where


@pytest.fixture(scope="module")
def found(ask_page):
    """All that is asked of the tiny bundle, in one process of node."""
    target, contrast = {"label": 1, "other": None}, {"label": 1, "other": 0}
    asked = {
        "read": {"ask": "read", "text": TEXT, "pair": "", "without": []},
        "pair": {"ask": "read", "text": "bad film", "pair": "good story", "without": [[1, 2]]},
        "empty": {"ask": "read", "text": "", "pair": "", "without": []},
        **{
            f"occlusion {way}": {
                "ask": "occlusion", "text": TEXT, "without": [[1, 1]], "target": target,
                "way": way, "room": 99,
            }
            for way in ("deleted", "masked")
        },
        "occlusion contrast": {
            "ask": "occlusion", "text": TEXT, "without": [], "target": contrast, "way": "deleted",
            "room": 99,
        },
        "occlusion long": {
            "ask": "occlusion", "text": TEXT, "without": [], "target": target, "way": "deleted",
            "room": 9,
        },
        "heads": {"ask": "heads", "text": TEXT, "without": [[1, 1]], "target": target, "room": 99},
        "compare": {"ask": "compare", "text": TEXT, "other": "Bad, the story is dull", "label": 0},
        "write": {"ask": "write", "text": TEXT, "most": 12},
    }  # fmt: skip
    return dict(zip(asked, ask_page(*asked.values()), strict=True))


@pytest.mark.parametrize(
    ("name", "text", "pair", "without"),
    [
        ("read", TEXT, "", ()),
        ("pair", "bad film", "good story", ((0, 1),)),
        ("empty", "", "", ()),
    ],
)
def test_an_answer_and_all_its_maps(found, float_model, name, text, pair, without):
    reading = float_model.read(text, pair, without)
    wanted, said = maps_of_reading(float_model, reading), found[name]["maps"]

    alike(found[name]["answer"], payloads.answer(reading, float_model.bundle))
    assert found[name]["notices"] == wording.notices(reading, float_model.bundle)
    (maps,), (own,) = said.pop("attentions"), wanted.pop("attentions")
    np.testing.assert_allclose(maps["weights"], reading.weights.ravel(), atol=2e-6)
    np.testing.assert_allclose(maps["norms"], reading.value_norms.ravel(), atol=1e-5)
    skipped = ("weights", "norms")
    assert {k: v for k, v in maps.items() if k not in skipped} == {
        k: v for k, v in own.items() if k not in skipped
    }
    for other in (said, wanted):
        for key in ("reading", "text"):
            del other[key]
        for token in other["sides"][0]["tokens"]:
            token["number"] = ""
    alike(said, wanted)
    layer, head = first_head(reading)
    assert found[name]["first"] == {"layer": layer + 1, "head": head + 1}
    assert found[name]["shorter"] == comparing.without_most_seen(reading)


@pytest.mark.parametrize(
    ("name", "target", "way", "room", "without"),
    [
        ("occlusion deleted", 1, "deleted", None, ((0, 0),)),
        ("occlusion masked", 1, "masked", None, ((0, 0),)),
        ("occlusion contrast", Contrast(1, 0), "deleted", None, ()),
        ("occlusion long", 1, "deleted", 9, ()),
    ],
)
def test_what_words_did(found, float_model, name, target, way, room, without):
    from explorer.analyses.perturbation import sentence_spans

    reading = float_model.read(TEXT, "", without)
    words, plan = own_words(reading.tokens), None
    if room:
        spans = sentence_spans(words, room // 2)
        plan = OcclusionPlan(words, spans, room - len(spans))
    result = run_to_end(occlusion(float_model, reading, target, way, plan))

    wanted = occlusion_payload(WordsAsked(float_model, reading, target, way), result)
    alike(found[name], wanted)
    assert found[name]["segments"] == [word.segment for word in words]
    assert found[name]["moves_answer"] == result.moves_answer
    assert found[name]["left_out"] == len(words) - len(result.tried)
    assert found[name]["looks"] == reading.tokens[0].label


def test_what_heads_did(found, float_model):
    reading = float_model.read(TEXT, "", ((0, 0),))
    result = run_to_end(head_effects(float_model, reading, 1))

    alike(found["heads"], effects_payload(float_model.bundle, reading, 1, result))


def test_two_texts_side_by_side(found, float_model):
    sides = [float_model.read(text) for text in (TEXT, "Bad, the story is dull")]
    wanted = drawn(*((float_model, reading) for reading in sides))

    alike(found["compare"], wanted, atol=2e-4)


def test_what_is_written_and_what_it_attended_to(found, tiny_folder):
    model = EncoderModel(open_bundle(tiny_folder, "float32"))
    generator = TextGenerator(model)
    *_, generation = generator.write(model.read(TEXT), Settings(max_tokens=12))
    said, wanted = found["write"], payloads.written(model, generator, generation, None)

    for other in (said["written"], wanted):
        del other["source"]
        for token in other["tokens"]:
            token["number"] = ""
            # Words that are as likely stand in any order.
            token["step"]["candidates"] = [one["share"] for one in token["step"]["candidates"]]
    alike(said["written"], wanted, atol=1e-5)
    for at, weights in enumerate((generation.cross_weights, generation.self_weights)):
        maps = said["maps"]["attentions"][at]
        np.testing.assert_allclose(maps["weights"], weights.ravel(), atol=1e-5)
    layer, head = first_cross_head(generation)
    assert said["first"] == {"layer": layer + 1, "head": head + 1}
    own = maps_of_generation(model, generation)
    assert said["maps"]["first"] == own["first"]


def test_sentences_are_those_of_the_served_page(ask_page, bundle, tiny_folder, demo_folder):
    folders = [tiny_folder, demo_folder / "bundles/reviews"]
    manifests = [json.loads((folder / "bundle.json").read_text("utf-8")) for folder in folders]

    said = ask_page(*({"ask": "said", "manifest": one} for one in manifests))

    for folder, one in zip(folders, said, strict=True):
        opened = open_bundle(folder)
        assert one["promise"] == promise([opened])
        assert one["facts"] == payloads.facts(opened)
        assert one["about"] == wording.about(opened)
        assert one["wanted"] == (wording.asked(opened.decoder) if opened.decoder else "")
        assert one["most"] == opened.most_tokens
        for analysis in (OCCLUSION, HEAD_EFFECTS):
            panel = one["panels"][analysis.name]
            assert panel == {"button": analysis.button, "look_for": analysis.look_for}


def test_the_name_of_a_mask_s_default_stands_once_in_a_graph(ask_page, tiny_folder, demo_folder):
    """It is overwritten there, so that the mask can be fed."""
    reviews = demo_folder / "bundles/reviews"
    question = {"ask": "masks", "files": ["onnx/model_quantized.onnx"]}
    question["files"].append("onnx/decoder_model_merged_quantized.onnx")

    for folder in (tiny_folder, reviews):
        (found,) = ask_page(question, folder=folder)
        assert [one["found"] for one in found] == [
            ["head_mask"],
            ["head_mask", "cross_head_mask"],
        ]
        assert [one["changed"] for one in found] == [1, 2]


def test_a_link_is_read_or_refused_in_a_sentence(ask_page, tiny_folder):
    manifest = json.loads((tiny_folder / "bundle.json").read_text("utf-8"))
    views = {"classify": ["maps", "mattered"], "write": ["write_maps"]}
    good = "text=a%20b&tab=classify&view=mattered&without=1.2-2.1&layer=2&head=mean&words=false"
    bad = {
        "text=a&text=b": "says text twice", "colour=red": "There is no “colour”",
        "tab=other": "tab is “other”", "view=x": "view is “x”", "without=9.9": "ablates 9.9",
        "without=x": "ablates x", "words=maybe": "words is “maybe”",
        "model=Another": "This link is of the model “Another”",
        "text=" + "a" * 2000: "more than 2,000",
    }  # fmt: skip

    asked = [
        {"ask": "link", "manifest": manifest, "views": views, "fragment": one}
        for one in (good, *bad)
    ]
    first, *others = ask_page(*asked)

    assert first == {
        "tab": "classify", "view": "mattered", "text": "a b", "text_pair": "",
        "without": [[1, 2], [2, 1]], "state": {"layer": 2, "head": "mean", "words": False},
    }  # fmt: skip
    for said, sentence in zip(others, bad.values(), strict=True):
        assert re.search(sentence, said["error"]), said
