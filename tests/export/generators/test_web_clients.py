"""What writes, in the clients of JavaScript under node: a decoder alone and an encoder-decoder."""

import json
import subprocess
from pathlib import Path

import onnxruntime
import pytest

from bundle_format.folder import read_generation, read_manifest
from decoding.rules import rules_of
from export.runtime.other_runtimes import NODE, missing_for_web
from export.runtime.strategies import write_by_rules
from export.verify import main as verify

pytestmark = pytest.mark.slow
TEXTS = [[5, 17, 30, 31], [18, 19, 40], [4, 9, 12, 20, 33]]
NEW = 9


@pytest.mark.parametrize("family", ["llama", "bart"])
def test_transformers_js_writes_the_same_text(exported, steps_of, skip_for_want, family) -> None:
    if command := missing_for_web("@huggingface/transformers"):
        skip_for_want(f"needs transformers.js under node: {command}")
    _, out = exported(family)
    settings_of_js = {"max_new_tokens": NEW, "guidance_scale": None}  # which is not ours

    done = subprocess.run(
        ["node", str(NODE / "generate.mjs"), str(out), "fp32", json.dumps(settings_of_js)],
        input=json.dumps(TEXTS),
        check=True,
        capture_output=True,
        text=True,
    )

    decoder = read_manifest(out).decoder
    assert decoder
    settings = read_generation(out, decoder)
    graph = out / "onnx" / Path(read_manifest(out).graphs.generate["float32"].file).name
    names = {value.name for value in onnxruntime.InferenceSession(graph).get_outputs()}
    for text, found in zip(TEXTS, json.loads(done.stdout)["results"], strict=True):
        given = text if decoder.alone else [settings.start]
        rules = rules_of(settings, given=len(given), limit=len(given) + NEW)
        assert found["ids"] == [*given, *write_by_rules(steps_of(out, text), given, rules)]
        assert {*found["outputs"]} == names, "the maps are among them"


@pytest.mark.parametrize("family", ["llama", "bart"])
def test_onnxruntime_web_gives_the_same_numbers_step_by_step(
    exported, skip_for_want, family, capsys: pytest.CaptureFixture[str]
) -> None:
    if command := missing_for_web():
        skip_for_want(f"needs onnxruntime-web under node: {command}")
    _, out = exported(family)

    assert verify([str(out), "--runtimes", "onnxruntime-web"]) == 0, capsys.readouterr().err
