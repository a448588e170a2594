"""A bundle is opened whole or refused in a sentence: found, expected, what to do."""

import hashlib
import json
import re
import shutil

import pytest

from bundle_format.folder import BundleError
from bundle_format.graphs import MapError
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel


def graph_of(folder):
    graphs = json.loads((folder / "bundle.json").read_text("utf-8"))["graphs"]
    return graphs, folder / graphs["classify"]["float32"]["file"]


def test_a_bundle_says_what_its_json_says(bundle):
    content = json.loads((bundle.folder / "bundle.json").read_text("utf-8"))

    assert bundle.title == content["title"]
    assert list(bundle.labels) == content["labels"]
    assert bundle.layers == content["sizes"]["layers"]
    assert bundle.heads == content["sizes"]["heads"]
    assert bundle.max_tokens == content["max_tokens"]
    assert [e.text for e in bundle.examples] == [e["text"] for e in content["examples"]]


def test_no_name_can_turn_the_direction_of_what_is_read(copy_of_tiny):
    labels = ["I-\u202eRTL", "\u2066joy\u2069", "شادی‌بخش"]

    bundle = open_bundle(copy_of_tiny(labels=labels, title="by \u202eme"))

    assert bundle.title == "by ⟨U+202E⟩me"
    assert bundle.labels == ("I-⟨U+202E⟩RTL", "⟨U+2066⟩joy⟨U+2069⟩", labels[2])


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(BundleError, match=r"nowhere is no folder.*python export/to_onnx\.py"):
        open_bundle(tmp_path / "nowhere")


def test_an_empty_folder_is_told_from_a_missing_one(tmp_path):
    with pytest.raises(BundleError, match=r"has no bundle\.json \(found: nothing\)"):
        open_bundle(tmp_path)


def test_a_missing_file_is_named(copy_of_tiny):
    folder = copy_of_tiny()
    (folder / "tokenizer.json").unlink()

    with pytest.raises(BundleError, match=r"has no tokenizer\.json, which its bundle\.json lists"):
        open_bundle(folder)


def test_a_missing_graph_is_named(copy_of_tiny):
    folder = copy_of_tiny()
    graph_of(folder)[1].unlink()

    with pytest.raises(BundleError, match=r"has no onnx/model\.onnx, which"):
        open_bundle(folder, "float32")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format": 1,', r"not readable as JSON .*line 1 column 14"),
        ("[1, 2]", r"holds a JSON list; expected an object"),
        ("\xff", r"not readable as JSON"),
    ],
)
def test_unreadable_json_is_refused_with_the_place(copy_of_tiny, content, message):
    folder = copy_of_tiny()
    (folder / "bundle.json").write_text(content, encoding="latin-1")

    with pytest.raises(BundleError, match=message):
        open_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, r"has 2 as format; expected 1\. Export it again"),
        ({"format": None}, r"has nothing as format; expected 1\."),
        (
            {"tasks": ["dance"]},
            r"lists the tasks \['dance'\]; expected classify, tag, answer, fill, ",
        ),
        ({"title": None}, r"has nothing as title; expected a string of length 1 to 300"),
        ({"max_tokens": "512"}, r"has '512' as max_tokens; expected an integer from 2 to"),
        ({"max_tokens": True}, r"has True as max_tokens; expected an integer from 2 to"),
        ({"max_tokens": 0}, r"has 0 as max_tokens; expected an integer from 2 to"),
        ({"temperature": -1.5}, r"has -1\.5 as temperature; expected a finite number from 0\.0001"),
        ({"temperature": float("nan")}, r"is not readable as JSON \(NaN is no JSON number\)"),
        ({"problem_type": "ranking"}, r"'ranking' as problem_type; expected one of single_label"),
        ({"labels": []}, r"has \[\] \(0 long\) as labels; expected an array of length 1"),
        ({"labels": ["a", 3]}, r"has 3 as labels\[1\]; expected a string"),
        ({"labels": ["a", "a", "b"]}, r"has 'a' twice as labels; expected .* with no item twice"),
        ({"examples": [{"text": "a"}, "b"]}, r"has 'b' as examples\[1\]; expected an object"),
        (
            {"examples": [{"text": " "}]},
            r"has ' ' as examples\[0\]\.text; .* something to see",
        ),
        ({"examples": [{"text": "a", "text_pair": 3}]}, r"has 3 as examples\[0\]\.text_pair"),
        ({"sizes": {"layers": 2}}, r"has nothing as sizes\.heads; expected an integer from 1"),
        ({"graphs": {}}, r"has nothing as graphs\.classify; expected a graph"),
        ({"graphs": {"classify": {"4bit": {}}}}, r"has nothing as graphs\.classify\.4bit\.file"),
        ({"graphs": {"classify": {"float32": 3}}}, r"has 3 as graphs\.classify\.float32"),
    ],
)
def test_a_wrong_field_is_named_with_its_value(copy_of_tiny, changes, message):
    with pytest.raises(BundleError, match=message):
        open_bundle(copy_of_tiny(**changes))


def test_a_precision_that_is_not_there_is_refused(copy_of_tiny):
    folder = copy_of_tiny()
    graphs, _ = graph_of(folder)
    graphs["classify"].pop("8bit", None)
    folder = copy_of_tiny(graphs=graphs)

    with pytest.raises(BundleError, match=r"no graph of precision 8bit to .* \(found: float32\)"):
        open_bundle(folder, "8bit")


def test_the_smaller_graph_is_preferred_and_the_other_can_be_asked_for(copy_of_tiny):
    graphs, _ = graph_of(copy_of_tiny())
    entry = {**graphs["classify"]["float32"], "map_error": {"mean": 0.008}}
    folder = copy_of_tiny(graphs={**graphs, "classify": {"float32": entry, "8bit": entry}})

    assert open_bundle(folder).graph.precision == "8bit"
    assert open_bundle(folder).graph.map_error == MapError(mean=0.008)
    assert open_bundle(folder, "float32").graph.precision == "float32"


def test_a_changed_byte_of_the_graph_is_noticed(copy_of_tiny):
    folder = copy_of_tiny()
    _, graph = graph_of(folder)
    content = bytearray(graph.read_bytes())
    content[-1] ^= 1
    graph.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()

    with pytest.raises(BundleError, match=rf"has {len(content)} bytes with sha256 {found[:12]}"):
        open_bundle(folder, "float32")


def test_a_graph_outside_the_bundle_is_not_opened(copy_of_tiny, tmp_path):
    graphs, graph = graph_of(copy_of_tiny())
    shutil.copy(graph, tmp_path / "outside.onnx")
    for name in (str(tmp_path / "outside.onnx"), "../../outside.onnx"):
        graphs["classify"] = {"float32": {**graphs["classify"]["float32"], "file": name}}

        found = re.escape(repr(name)[:40])
        with pytest.raises(BundleError, match=found + ".* the path of a file in the bundle"):
            open_bundle(copy_of_tiny(graphs=graphs))


def test_a_file_that_is_no_graph_is_refused(copy_of_tiny, relist):
    folder = copy_of_tiny()
    graph_of(folder)[1].write_bytes(b"not a graph")
    relist(folder)

    with pytest.raises(BundleError, match=r"model\.onnx is no graph that opens"):
        EncoderModel(open_bundle(folder, "float32"))


def test_a_file_that_is_no_tokenizer_is_refused(copy_of_tiny, relist):
    folder = copy_of_tiny()
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    relist(folder)

    with pytest.raises(BundleError, match=r"tokenizer\.json is no tokenizer that opens: .*Export"):
        EncoderModel(open_bundle(folder))


def test_missing_outputs_are_counted_and_named(copy_of_tiny, bundle):
    sizes = {"layers": bundle.layers + 1, "heads": bundle.heads, "hidden": 8, "vocabulary": 101}

    with pytest.raises(
        BundleError,
        match=r"lacks 2 of 8 outputs: encoder_attentions\.2, encoder_value_norms\.2\. "
        r"bundle\.json says 3 layers",
    ):
        EncoderModel(open_bundle(copy_of_tiny(sizes=sizes)))


def test_labels_that_the_graph_does_not_have_are_counted(copy_of_tiny):
    folder = copy_of_tiny(labels=["a", "b", "c", "d"])

    with pytest.raises(BundleError, match=r"gives logits of shape \(1, 3\) .* it has \(1, 4\)"):
        EncoderModel(open_bundle(folder))
