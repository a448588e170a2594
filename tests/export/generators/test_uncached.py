"""A family that keeps no keys and values: each step reads the whole text again. The bundle of
tests/demo is a first GPT, with the texts that `transformers` wrote."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from bundle_format.folder import read_generation, read_manifest
from decoding.rules import rules_of
from explorer.bundle import open_bundle
from explorer.ui.models import PageModels
from explorer.writing.prompt import PromptModel
from export.runtime.session import open_session
from export.runtime.strategies import lone_next_logits, write_by_beams, write_by_rules
from export.runtime.timing import decoder_step
from export.verification.bundle import verify_bundle

DEMO = Path(__file__).parents[2] / "demo"
BUNDLE = DEMO / "uncached_bundle"
GRAPH = BUNDLE / "onnx" / "model.onnx"


def test_its_bundle_is_proven_by_itself() -> None:
    found = verify_bundle(BUNDLE, ())

    assert found.failures == []
    (graph,) = found.graphs
    assert "2 x 4+1+1+2 tokens, padded on the left" in graph.checks.batches
    assert graph.checks.differences["logits"] < 1e-4, "of a text so far, against the whole"


def test_it_writes_what_transformers_wrote() -> None:
    decoder = read_manifest(BUNDLE).decoder
    assert decoder
    settings, session = read_generation(BUNDLE, decoder), open_session(GRAPH)
    tokenizer = Tokenizer.from_file(str(BUNDLE / "tokenizer.json"))
    texts = json.loads((DEMO / "prompt_texts.json").read_text("utf-8"))["uncached_bundle"]
    for asked in texts:
        given = tokenizer.encode(asked["prompt"]).ids
        rules = rules_of(settings, given=len(given), limit=len(given) + 16)
        steps = lone_next_logits(session)

        if asked["way"] == "beam":
            written = write_by_beams(steps, given, rules, settings, 3)
        else:
            repeats = {"repetition_penalty": 1.5, "no_repeat_ngram": 2}
            changed = repeats if asked["way"] == "no repeats" else {}
            written = write_by_rules(steps, given, replace(rules, **changed))

        assert written == asked["ids"], asked


def test_a_step_that_is_timed_reads_what_was_written_too() -> None:
    session = open_session(GRAPH)

    outputs = decoder_step(session, past=6)()

    names = [output.name for output in session.get_outputs()]
    assert dict(zip(names, outputs, strict=True))["logits"].shape() == [1, 7, 25]


@pytest.mark.slow
def test_a_folder_becomes_a_bundle_that_writes_as_generate_does(exported) -> None:
    folder, out = exported("openai-gpt")
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    manifest = read_manifest(out)
    page = PageModels([PromptModel(open_bundle(out, "float32"))])
    title = page.first("write")

    assert manifest.decoder
    assert not manifest.decoder.cached
    assert any("reads the whole text again" in said for said in manifest.assumed)
    assert {*manifest.graphs.generate} == {"float32", "8bit"}
    assert manifest.graphs.generate["float32"].greedy.same_text == 1.0
    for text in ("the first thing that she saw", "France is"):
        given = tokenizer(text, return_tensors="pt")
        for strategy, beams in (("greedy", 1), ("beam", 3)):
            asked = page.settings(title, strategy=strategy, max_tokens=12)
            found = page.written(title, text, asked)
            wanted = theirs.generate(**given, num_beams=beams, do_sample=False, max_new_tokens=12)
            assert found.ids == wanted[0, given["input_ids"].shape[1] :].tolist()
            assert np.isfinite(found.self_weights).all()
