"""The page in the browser, under node: what its widgets receive is what Python would give them."""

import json
import shutil
from copy import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from tokenizers import Tokenizer, processors

from explorer.analyses import compare as comparing
from explorer.analyses.head_ablation import head_effects
from explorer.analyses.occlusion import OcclusionPlan, occlusion
from explorer.analyses.perturbation import Contrast, sentence_spans
from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel
from explorer.inference.reading import Reading
from explorer.inference.tokens import own_words
from explorer.maps.view import first_head, first_written_head
from explorer.ui import payloads, wording
from explorer.ui.checks import LANGUAGES, check_texts, unusual_settings
from explorer.ui.map_viewer import maps_of_generation, maps_of_reading
from explorer.ui.panels.compare import drawn
from explorer.ui.panels.decoding import lay_out_settings
from explorer.ui.panels.heads import HEAD_EFFECTS, effects_payload
from explorer.ui.panels.options import WordsAsked
from explorer.ui.panels.words import OCCLUSION, occlusion_payload
from explorer.ui.tasks.known import promise
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings

TEXT = "Not bad at all, the story is great! But a dull film."
OTHER = "Bad, the story is dull"
WRITINGS = {
    "greedy": {},
    "against repeats": {"repetition_penalty": 1.3, "no_repeat_ngram": 2, "max_tokens": 20},
    "sampled": {"strategy": "sample", "seed": 3, "temperature": 0.7, "max_tokens": 12},
    "of few": {"strategy": "sample", "seed": 2**31 - 1, "top_k": 40, "top_p": 0.8},
    "beams": {"strategy": "beam", "beams": 3, "max_tokens": 12},
}
CLOSE = 1e-6
"""By how much two languages may differ that work on the same numbers."""
RUNTIMES = {"logits": 2e-6, "weights": 2e-6, "norms": 2e-5, "written": 1e-5}
"""By how much two runtimes do, which add up float32 in another order: onnxruntime and its build for
browsers. The scores of the tiny bundle's random weights are large, and so are its differences."""


class Recorded:
    """A model, whose answers to changed texts are kept for the page's arithmetic."""

    def __init__(self, model: EncoderModel) -> None:
        self.model, self.given = copy(model), []
        answer = model.answer

        def recorded(batch, head_mask=None):
            found = answer(batch, head_mask)
            for row, (encoded, logits) in enumerate(zip(batch, found, strict=True)):
                mask = None if head_mask is None else head_mask[row % len(head_mask)].ravel()
                own = None if mask is None else mask.tolist()
                self.given.append([encoded.ids, encoded.segment_ids, own, logits.tolist()])
            return found

        self.model.answer = recorded

    def asked(self, reading: Reading, **more: Any) -> dict[str, Any]:
        """A question about a reading, with all that was answered until now."""
        given = {"logits": reading.logits.tolist(), "weights": reading.weights.ravel().tolist()}
        texts = {"text": reading.text, "pair": reading.text_pair, "without": reading.ablated}
        return {**texts, "given": given, "answers": self.given, **more}


@pytest.fixture(scope="module")
def last_cls(tmp_path_factory, tiny_folder, relist) -> Path:
    """The tiny bundle, as if its answers were read from the end of a text."""
    folder = tmp_path_factory.mktemp("last") / "bundle"
    shutil.copytree(tiny_folder, folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    marks = [(mark, tokenizer.token_to_id(mark)) for mark in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A [SEP] [CLS]", pair="$A [SEP] $B:1 [SEP]:1 [CLS]:1", special_tokens=marks
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    relist(folder)
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory, tiny_folder, relist) -> Path:
    """The tiny bundle without [CLS] and [SEP], so that nothing is left of some texts."""
    folder = tmp_path_factory.mktemp("bare") / "bundle"
    shutil.copytree(tiny_folder, folder)
    file = folder / "tokenizer.json"
    rules = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**rules, "post_processor": None}), "utf-8")
    relist(folder)
    return folder


@pytest.fixture(scope="module")
def wanted(float_model, last_cls) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """What is asked of the page, and what Python finds, by name."""
    recorded = Recorded(float_model)
    model, found = recorded.model, {}
    for name, target, way, room, without in (
        ("occlusion deleted", 1, "deleted", None, ((0, 0),)),
        ("occlusion masked", 1, "masked", None, ((0, 0),)),
        ("occlusion contrast", Contrast(1, 0), "deleted", None, ()),
        ("occlusion long", 1, "deleted", 9, ()),
    ):
        reading = model.read(TEXT, "", without)
        words, plan = own_words(reading.tokens), None
        if room:
            spans = sentence_spans(words, room // 2)
            plan = OcclusionPlan(words, spans, room - len(spans))
        result = run_to_end(occlusion(model, reading, target, way, plan))
        payload = occlusion_payload(WordsAsked(model, reading, target, way), result)
        payload["left_out"] = len(words) - len(result.tried)
        other = target.rather_than if isinstance(target, Contrast) else None
        said = {"target": {"label": 1, "other": other}, "way": way, "room": room or 99}
        found[name] = {"ask": "occlusion", **recorded.asked(reading, **said)}, payload
    reading = model.read(TEXT, "", ((0, 0),))
    effects = effects_payload(model.bundle, reading, 1, run_to_end(head_effects(model, reading, 1)))
    asked = recorded.asked(reading, target={"label": 1, "other": None}, room=99)
    found["heads"] = {"ask": "heads", **asked}, effects
    readings = [model.read(text) for text in (TEXT, OTHER)]
    sides = [{**recorded.asked(reading), "answers": []} for reading in readings]
    both = drawn(*((model, reading) for reading in readings))
    found["compare"] = {"ask": "compare", "sides": sides, "label": 0}, both
    last = Recorded(EncoderModel(open_bundle(last_cls, "float32")))
    reading = last.model.read("[CLS] is not bad at all")  # what a reader writes stands for nothing
    payload = occlusion_payload(
        WordsAsked(last.model, reading, 1, "deleted"),
        run_to_end(occlusion(last.model, reading, 1, "deleted")),
    )
    said = {"target": {"label": 1, "other": None}, "way": "deleted", "room": 99}
    question = {"ask": "occlusion", "folder": str(last_cls), **last.asked(reading, **said)}
    found["occlusion last"] = question, payload
    return found


@pytest.fixture(scope="module")
def found(ask_page, wanted, last_cls):
    """All that is asked of the tiny bundle, in one process of node."""
    read = {"ask": "read", "pair": "", "without": []}
    asked = {
        "read": {**read, "text": TEXT},
        "pair": {**read, "text": "bad film", "pair": "good story", "without": [[1, 2]]},
        "empty": {**read, "text": "..."},
        "last": {**read, "text": "[CLS] is not bad at all", "folder": str(last_cls)},
        **{name: question for name, (question, _) in wanted.items()},
        **{
            name: {"ask": "write", "text": TEXT, "settings": settings}
            for name, settings in WRITINGS.items()
        },
    }
    return dict(zip(asked, ask_page(*asked.values()), strict=True))


@pytest.mark.parametrize(
    ("name", "text", "pair", "without"),
    [
        ("read", TEXT, "", ()),
        ("pair", "bad film", "good story", ((0, 1),)),
        ("empty", "...", "", ()),
        ("last", "[CLS] is not bad at all", "", ()),
    ],
)
def test_an_answer_and_all_its_maps(found, alike, float_model, last_cls, name, text, pair, without):
    model = EncoderModel(open_bundle(last_cls, "float32")) if name == "last" else float_model
    reading = model.read(text, pair, without)
    wanted, said = maps_of_reading(model, reading), found[name]["maps"]

    alike(found[name]["answer"], payloads.answer(reading, model.bundle), atol=RUNTIMES["logits"])
    assert found[name]["notices"] == wording.notices(reading, model.bundle)
    np.testing.assert_allclose(found[name]["logits"], reading.logits, atol=RUNTIMES["logits"])
    (maps,), (own,) = said.pop("attentions"), wanted.pop("attentions")
    weights, norms = reading.weights.ravel(), reading.value_norms.ravel()
    np.testing.assert_allclose(maps["weights"], weights, atol=RUNTIMES["weights"])
    np.testing.assert_allclose(maps["norms"], norms, atol=RUNTIMES["norms"])
    skipped = ("weights", "norms")
    assert {k: v for k, v in maps.items() if k not in skipped} == {
        k: v for k, v in own.items() if k not in skipped
    }
    for other in (said, wanted):
        for key in ("reading", "text"):
            del other[key]
        for token in other["sides"][0]["tokens"]:
            token["number"] = ""
    alike(said, wanted, atol=RUNTIMES["weights"])
    layer, head = first_head(reading)
    assert found[name]["first"] == {"layer": layer + 1, "head": head + 1}
    assert found[name]["shorter"] == comparing.without_most_seen(reading)


def test_a_text_without_a_token_is_refused_as_python_refuses_it(ask_page, bare):
    accent = "\u0301"  # which the normalizer strips
    question = {"ask": "refused", "folder": str(bare), "text": accent, "pair": ""}

    (said,) = ask_page(question)

    with pytest.raises(RequestError) as refused:
        EncoderModel(open_bundle(bare, "float32")).read(accent)
    assert said == str(refused.value)


def test_an_answer_is_read_from_the_token_of_the_whole_text_wherever_it_stands(found):
    tokens = found["last"]["maps"]["sides"][0]["tokens"]

    assert found["last"]["maps"]["rollout"]["query"] == len(tokens) - 1
    assert tokens[-1]["piece"] == found["occlusion last"]["looks"] == "[CLS]"


@pytest.mark.parametrize(
    "name",
    [
        *("occlusion deleted", "occlusion masked", "occlusion contrast", "occlusion long"),
        *("occlusion last", "heads", "compare"),
    ],
)
def test_an_analysis_finds_in_the_same_answers_what_python_finds(found, wanted, alike, name):
    rounded = name == "compare"  # to six decimals, of which the last may be the next one
    alike(found[name], wanted[name][1], atol=CLOSE + 1e-6 * rounded)


@pytest.mark.parametrize("name", WRITINGS)
def test_what_is_written_and_what_it_attended_to(found, alike, tiny_folder, name):
    model = EncoderModel(open_bundle(tiny_folder, "float32"))
    generator, settings = TextGenerator(model), Settings(**WRITINGS[name])
    *_, generation = generator.write(model.read(TEXT), settings)
    said, wanted = found[name], payloads.written(model, generator, generation, None, settings)

    assert said["notices"] == wording.write_notices(generation, model.bundle, settings.max_tokens)
    for other in (said["written"], wanted):
        del other["source"]
        for token in other["tokens"]:
            token["number"] = ""
            # Words that are as likely stand in any order.
            token["step"]["candidates"] = [one["share"] for one in token["step"]["candidates"]]
    alike(said["written"], wanted, atol=RUNTIMES["written"])
    own, reading = maps_of_generation(model, generation), generation.read
    seen = (generation.cross_weights, generation.self_weights, reading.weights)
    norms = (generation.value_norms("source"), None, reading.value_norms)
    attentions = zip(said["maps"]["attentions"], own["attentions"], seen, norms, strict=True)
    for maps, served, weights, of_values in attentions:
        np.testing.assert_allclose(maps["weights"], weights.ravel(), atol=RUNTIMES["written"])
        if of_values is not None:
            np.testing.assert_allclose(maps["norms"], of_values.ravel(), atol=RUNTIMES["norms"])
        numbers = {"weights": None, "norms": None}
        assert {**maps, **numbers} == {**served, **numbers}
    layer, head = first_written_head(generation)
    assert said["first"] == {"layer": layer + 1, "head": head + 1}
    assert said["maps"]["first"] == own["first"]
    assert said["maps"]["of"] == {**own["of"], "settings": unusual_settings(settings)}


def controls() -> dict[str, dict[str, Any]]:
    """Those of decoding, as the served page has them."""
    with gr.Blocks():
        found = lay_out_settings()
    chosen = found.pop("strategy")
    for name in ("chat", *LANGUAGES):  # nothing goes on from a prompt there, or translates
        del found[name]
    choices = [[value, name] for name, value in chosen.choices]
    fields = {name: {"label": one.label, "info": one.info} for name, one in found.items()}
    return {"strategy": {"label": chosen.label, "choices": choices}, **fields}


def test_sentences_are_those_of_the_served_page(ask_page, tiny_folder, demo_folder, copy_of_tiny):
    """Those of names that turn the direction of text as well."""
    turned = [f"{name} \u202e{name} \u2066" for name in ("title", "good", "bad", "so so", "text")]
    examples = [{"text": turned[-1], "text_pair": turned[0]}, {"text": turned[1]}]
    hostile = copy_of_tiny(title=turned[0], labels=turned[1:4], examples=examples)
    folders = [tiny_folder, demo_folder / "bundles/reviews", hostile]
    manifests = [json.loads((folder / "bundle.json").read_text("utf-8")) for folder in folders]

    said = ask_page(*({"ask": "said", "manifest": one} for one in manifests))

    for folder, one in zip(folders, said, strict=True):
        opened = open_bundle(folder)
        assert one["promise"] == promise([opened])
        assert one["facts"] == payloads.facts(opened)
        assert one["title"] == opened.title
        assert one["examples"] == payloads.examples(opened.examples)
        shown = [one["title"], one["facts"], one["examples"]]
        assert not {"\u202e", "\u2066"} & {*json.dumps(shown, ensure_ascii=False)}
        assert one["about"] == wording.about(opened)
        assert one["wanted"] == (wording.asked(opened.decoder) if opened.decoder else "")
        assert one["most"] == opened.most_tokens
        assert one["settings"] == controls()
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


def test_what_a_reader_gives_is_checked_as_the_served_page_does(ask_page):
    """Fields of a way of writing that is not chosen are out of sight: nobody could mend one."""
    fields = {**asdict(Settings()), "temperature": 99999, "beams": None, "max_tokens": 7}
    texts, ways = ("\u200b", "\u200b\x00", "a"), ("sample", "greedy", "beam")
    told = []
    for text in texts[:2]:
        with pytest.raises(RequestError) as refused:
            check_texts(text)
        told.append(str(refused.value))

    said = ask_page(
        *(
            {"ask": "checks", "text": text, "fields": {**fields, "strategy": way}}
            for text, way in zip(texts, ways, strict=True)
        )
    )

    assert [text for text, _ in said] == [*told, ["a", ""]]
    sample, greedy, beam = (settings for _, settings in said)
    assert sample.startswith("temperature is “99999”; expected a number")
    assert beam.startswith("beams is empty")
    assert (greedy["temperature"], greedy["beams"], greedy["max_tokens"]) == (1, 4, 7)
