"""Models of other families that write: a folder becomes a bundle with the numbers and the texts of
`transformers`, and so does the page with it, by the settings of the folder and in other languages.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from bundle_format.folder import BundleError, read_generation, read_manifest
from bundle_format.graphs import WritingGraph
from bundle_format.schema import Example, Languages
from decoding.rules import rules_of
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.ui.models import PageModels
from explorer.ui.sources.offered import offered_sources
from explorer.writing.generation import WRITTEN
from explorer.writing.generator import TextGenerator
from explorer.writing.prompt import PromptModel
from explorer.writing.settings import Settings
from export.bundle.provenance import sha256
from export.eval_texts import draw_ids
from export.graphs.names import empty_cache
from export.loading.generators import load_generator
from export.pipeline.writers import AnyDecoder
from export.quantize.schemes import missed_in_writing
from export.report import show_checkpoint
from export.runtime.session import open_session, run
from export.runtime.strategies import (
    lone_next_logits,
    write_by_beams,
    write_by_rules,
)
from export.to_onnx import main
from export.verification.checks import Checks
from export.verify import main as verify

LANGUAGES = {"en_XX": 4, "de_DE": 5, "ro_RO": 6}
PREFIXES = ("the first thing ", "the capital of ")
TEXTS = ("the first thing that she saw", "France", "was the capital of France in the morning")


def test_a_decoder_alone_goes_on_as_transformers_does(exported) -> None:
    folder, out = exported("llama")
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    session = open_session(out / "onnx" / "model.onnx")
    ids = torch.tensor([[5, 17, 30, 31], [0, 0, 18, 19]])
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1]])
    places = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        expected = theirs(ids, attention_mask=mask, position_ids=places, output_attentions=True)

    feed = {"input_ids": ids, "attention_mask": mask, "position_ids": places}
    found = run(
        session, {name: one.numpy() for name, one in feed.items()} | empty_cache(session, 2)
    )

    real = mask.bool().numpy()
    np.testing.assert_allclose(found["logits"][real], expected.logits[real], atol=1e-4)
    assert "decoder_attentions.1" not in found, "--layers leaves it out"
    for layer, weights in enumerate(expected.attentions):
        if layer == 1:
            continue
        rows = found[f"decoder_attentions.{layer}"].transpose(0, 2, 1, 3)[real]
        np.testing.assert_allclose(rows, weights.numpy().transpose(0, 2, 1, 3)[real], atol=1e-4)
    manifest = read_manifest(out)
    assert manifest.decoder
    assert (manifest.continues, manifest.decoder.key_value_heads) == (True, 2)
    assert [*manifest.graphs.by_task()] == ["generate"]
    assert any("guidance_scale 1.5, which is not impl" in said for said in manifest.assumed)


def test_the_page_joins_the_norms_of_each_steps_new_tokens(exported) -> None:
    prompts = PromptModel(open_bundle(exported("llama")[1]))
    prompt, generator = prompts.read("the first thing that", chat=False), TextGenerator(prompts)

    *_, written = generator.write(prompt, Settings(max_tokens=5))

    found = written.value_norms(WRITTEN)
    whole = generator.follow(prompt, written.ids).value_norms(WRITTEN)
    assert found is not None
    assert found.shape == (2, 6, len(prompt.tokens) + 4)
    np.testing.assert_allclose(found, whole, rtol=1e-4)


def test_a_graph_with_norms_of_the_past_is_refused_as_an_older_one(exported, tmp_path) -> None:
    shutil.copytree(exported("llama")[1], tmp_path, dirs_exist_ok=True)
    graph = onnx.load(tmp_path / "onnx" / "model.onnx")
    start = numpy_helper.from_array(np.array([0]), "from_the_first")
    graph.graph.initializer.append(start)
    for node in graph.graph.node:
        if node.output[0].startswith("decoder_value_norms.") and node.op_type == "Slice":
            node.input[1] = start.name
    onnx.save(graph, tmp_path / "onnx" / "model.onnx")
    content = json.loads((tmp_path / "bundle.json").read_text("utf-8"))
    content["files"]["onnx/model.onnx"] = sha256(tmp_path / "onnx" / "model.onnx")
    (tmp_path / "bundle.json").write_text(json.dumps(content), "utf-8")

    with pytest.raises(BundleError, match=r"gives decoder_value_norms of shape \(1, 2, 6, \d\d\)"):
        TextGenerator(PromptModel(open_bundle(tmp_path, "float32")))


@pytest.mark.parametrize("family", ["llama", "bart"])
def test_it_writes_what_generate_writes_by_the_settings_of_its_folder(
    exported, steps_of, family: str
) -> None:
    folder, out = exported(family)
    decoder = read_manifest(out).decoder
    assert decoder
    settings = read_generation(out, decoder)
    auto = AutoModelForCausalLM if family == "llama" else AutoModelForSeq2SeqLM
    theirs = auto.from_pretrained(folder).eval()
    longest = min(settings.max_length or 24, 24)
    texts = [torch.randint(4, 67, (1, n), generator=torch.manual_seed(n)) for n in range(3, 9)]
    for ids, beams in [*((ids, 1) for ids in texts), *((ids, 3) for ids in texts[::2])]:
        given = ids[0].tolist() if family == "llama" else [settings.start]
        rules = rules_of(settings, given=len(given), limit=longest)
        steps = steps_of(out, ids[0].tolist())

        if beams == 1:
            written = write_by_rules(steps, given, rules)
        else:
            written = write_by_beams(steps, given, rules, settings, beams)

        expected = theirs.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, num_beams=beams,
            max_length=longest, guidance_scale=1.0,
        )[0, len(given) :].tolist()  # fmt: skip
        assert written == expected


def test_beam_texts_are_proven_where_the_settings_ask_for_them(exported) -> None:
    folder, out = exported("bart")
    part = load_generator(str(folder)).generator
    assert part
    writer, checks = AnyDecoder(part), Checks(errors_pass=True)
    session = open_session(out / "onnx" / "decoder_model_merged.onnx")
    graphs = writer.open(session, onnx.load(out / "onnx" / "encoder_model.onnx"))

    told = writer.prove_beams(graphs, draw_ids(67, 5, (3, 8)), checks)

    assert (told, checks.failures) == ("4 of 4 as torch writes, with 3 beams", [])


def test_in_8_bit_it_is_held_to_limits_along_its_texts(exported) -> None:
    _, out = exported("llama")

    graph = read_manifest(out).graphs.generate["8bit"]

    assert graph.file == "onnx/model_quantized.onnx"
    assert graph.limits
    assert graph.greedy
    assert graph.map_error
    assert graph.map_error.cross_attentions is None
    assert graph.map_error.decoder_attentions.mean < 0.05
    assert graph.greedy.same_token > 0.8
    assert graph.misses == missed_in_writing_of(graph)
    assert any(miss.startswith("size 0.4") for miss in graph.misses), "its matrices are tiny"
    held = lone_next_logits(open_session(out / graph.file))(np.array([[5, 17, 30]]))
    exact = lone_next_logits(open_session(out / "onnx" / "model.onnx"))(np.array([[5, 17, 30]]))
    assert 0 < np.abs(held - exact).max() < 1


def missed_in_writing_of(graph: WritingGraph) -> tuple[str, ...]:
    assert graph.limits
    return tuple(missed_in_writing(graph, graph.limits))


def test_of_an_encoder_and_a_decoder_two_graphs_are_made(exported) -> None:
    _, out = exported("bart")

    manifest = read_manifest(out)
    assert sorted(path.name for path in (out / "onnx").iterdir()) == [
        "decoder_model_merged.onnx", "encoder_model.onnx",
    ]  # fmt: skip
    assert not (out / "decoder").exists()
    assert json.loads((out / "config.json").read_text())["is_encoder_decoder"]
    graph = onnx.load(out / "onnx" / "decoder_model_merged.onnx").graph
    assert {node.op_type for node in graph.node}.isdisjoint({"If"})
    assert manifest.decoder
    assert (manifest.sizes.heads, manifest.decoder.heads) == (5, 4)
    assert manifest.graphs.generate["float32"].greedy.same_text == 1.0
    assert verify([str(out), "--runtimes"]) == 0


@pytest.mark.slow
def test_a_bundle_whose_graph_was_exchanged_is_told(
    exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = exported("llama")
    for path in out.rglob("*"):
        if path.is_file():
            (tmp_path / path.relative_to(out)).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path.relative_to(out)).write_bytes(path.read_bytes())
    graph = onnx.load(tmp_path / "onnx" / "model.onnx")
    for node in graph.graph.node:
        for names in (node.input, node.output):
            names[:] = ["keys" if name == "present.0.key" else name for name in names]
    graph.graph.node.append(onnx.helper.make_node("Neg", ["keys"], ["present.0.key"]))
    onnx.save(graph, tmp_path / "onnx" / "model.onnx")

    assert verify([str(tmp_path), "--runtimes"]) == 1

    assert "present.0.key differs from one run over the whole target" in capsys.readouterr().err


def test_what_is_wrong_in_a_folder_and_what_is_left_out_is_shown(save_generator) -> None:
    folder = save_generator("llama")
    (folder / "chat_template.jinja").write_text("{{ messages[0].content")
    config = folder / "config.json"
    config.write_text(config.read_text().replace("LlamaForCausalLM", "OurForCausalLM"))

    loaded = load_generator(str(folder))

    part = loaded.generator
    assert part
    assert part.tokenizer.chat_template is None
    shown = show_checkpoint("ours", replace(loaded, decoder=replace(part, map_layers=(0, 2))))
    assert "'OurForCausalLM'" in shown
    assert "taken for a LlamaForCausalLM" in shown
    assert "chat template cannot be applied to a message (unexpected end of template" in shown
    assert "of layers 0, 2 alone, of 0 to 2" in shown


def test_a_model_that_names_no_start_is_refused(save_generator, tmp_path: Path, capsys) -> None:
    folder = save_generator("bart")
    file = folder / "generation_config.json"
    noted = json.loads(file.read_text())
    for name in ("decoder_start_token_id", "bos_token_id"):
        noted.pop(name)
    file.write_text(json.dumps(noted))

    assert main([str(folder), "--out", str(tmp_path / "bundle")]) == 2

    assert "does not say which token begins a text" in capsys.readouterr().err


@pytest.fixture(scope="module")
def theirs(exported) -> tuple[Any, Any]:
    folder, _ = exported("bart")
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, attn_implementation="eager").eval()
    return model, AutoTokenizer.from_pretrained(folder)


@pytest.fixture
def page(exported) -> PageModels:
    return PageModels([EncoderModel(open_bundle(exported("bart")[1]))])


def written_by(theirs: tuple[Any, Any], text: str, language: str = "", **how: Any) -> list[int]:
    model, tokenizer = theirs
    given = tokenizer(text, return_tensors="pt")
    if language:  # as `src_lang` of tokenizers that translate
        given["input_ids"][0, 0] = LANGUAGES[language]
    return model.generate(**given, **how)[0, 1:].tolist()


def test_at_first_it_is_written_as_generate_writes(page: PageModels, theirs) -> None:
    title = page.first("write")
    first = page.settings(title)
    assert (first.strategy, first.beams, first.max_tokens) == ("beam", 3, 13)
    assert first.no_repeat_ngram == 2

    for text in TEXTS:
        assert page.written(title, text).ids == written_by(theirs, text)
    shorter = page.settings(title, strategy="greedy", max_tokens=8)
    wanted = written_by(theirs, TEXTS[0], num_beams=1, max_length=9)
    assert page.written(title, TEXTS[0], shorter).ids == wanted


@pytest.mark.parametrize(("source", "target"), [("ro_RO", "en_XX"), ("en_XX", "de_DE")])
def test_another_language_is_read_and_written(page, theirs, source: str, target: str) -> None:
    title = page.first("write")
    asked = page.settings(title, {"source_language": source, "target_language": target})

    found = page.written(title, TEXTS[0], asked)

    wanted = written_by(theirs, TEXTS[0], source, forced_bos_token_id=LANGUAGES[target])
    assert found.ids == wanted
    assert (found.source.tokens[0].piece, found.tokens[0].piece) == (source, target)
    again = page.target(title, TEXTS[0], "she saw", target_language=target)[0]
    assert [token.piece for token in again.tokens] == [target, "she", "saw", "</s>"]


def test_a_language_may_begin_a_text(page: PageModels, theirs) -> None:
    """As in mBART, whose settings have a language as `decoder_start_token_id`."""
    title = page.first("write")
    generator = page.generator(title)
    start = replace(generator.decoder.settings, decoder_start_token_id=4, forced_bos_token_id=None)
    generator.decoder = generator.session.decoder = replace(generator.decoder, settings=start)
    assert generator.decoder.target_language == "en_XX"

    for target in LANGUAGES:
        found = page.written(title, TEXTS[0], page.settings(title, target_language=target))
        begins = {"decoder_start_token_id": LANGUAGES[target], "forced_bos_token_id": None}
        assert found.ids == written_by(theirs, TEXTS[0], **begins), target
        assert found.given_ids == (LANGUAGES[target],)


def test_its_bundle_says_what_may_be_chosen(exported, page: PageModels) -> None:
    decoder = page.bundles[0].decoder
    assert decoder
    assert decoder.languages == Languages(tokens=LANGUAGES, source="de_DE")
    assert decoder.target_language == "de_DE", "which its settings force"
    assert decoder.prefixes == PREFIXES
    (model,) = page.by_title.values()
    model.bundle = replace(model.bundle, examples=tuple(Example(text=text) for text in TEXTS))
    begun = [one.text for one in offered_sources(model)]
    assert begun == [TEXTS[0], *(PREFIXES[0] + text for text in TEXTS[1:])]
    alone = read_manifest(exported("llama")[1]).decoder
    assert alone
    assert (alone.languages, alone.prefixes) == (None, ())
    assert page.settings(page.first("write")) == Settings(
        strategy="beam", beams=3, max_tokens=13, no_repeat_ngram=2,
        source_language="de_DE", target_language="de_DE",
    )  # fmt: skip
