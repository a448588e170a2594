"""Hostile bundles: whatever stands in one is refused in one short sentence, at once."""

import json

import pytest

from bundle_format.folder import BundleError, list_files
from bundle_format.schema import Checkpoint, Manifest
from bundle_format.typed_json import WrongJson, as_json, load_object, read_object
from explorer.bundle import open_bundle

SHA = "0" * 64
DEEP = {"a": 1}
for _ in range(40):
    DEEP = {"a": DEEP}

VALUES = [
    ("format", True), ("format", 1.0), ("format", "1"), ("format", 0), ("format", [1]),
    ("tasks", []), ("tasks", "classify"), ("tasks", [1]), ("tasks", ["classify", "classify"]),
    ("tasks", {"classify": 1}), ("tasks", ["x" * 10**6]), ("tasks", ["generate"]),
    ("problem_type", 3), ("problem_type", "softmax"), ("problem_type", None),
    ("labels", "negative"), ("labels", {"0": "a"}), ("labels", ["a"]), ("labels", None),
    ("labels", ["a", "b", "a"]), ("labels", ["a", ""]), ("labels", ["a", " \u200b"]),
    ("labels", ["a", "\ud800"]), ("labels", ["a", "b\0"]), ("labels", ["a", "b" * 10**6]),
    ("labels", [["a"], "b"]), ("labels", [str(i) for i in range(100_001)]),
    ("tasks", ["classify", "tag"]), ("tasks", ["embed", "generate"]),
    ("pooling", {"mode": "mean", "normalize": True}),
    ("temperature", 0), ("temperature", -1), ("temperature", 1e-320), ("temperature", 10**400),
    ("temperature", 1e308), ("temperature", True), ("temperature", "1"), ("temperature", None),
    ("title", ""), ("title", " "), ("title", 5), ("title", "a" * 10**6), ("title", "\udc80"),
    ("title", ["a"]), ("title", "a\0b"), ("licence", None), ("licence", 1),
    ("licence", "a" * 10**6),
    ("examples", None), ("examples", {}), ("examples", [None]), ("examples", [{"text": ""}]),
    ("examples", [{"text": "a" * 10_001}]), ("examples", [{"text": "\ud800"}]),
    ("examples", [{"text": "a", "text_pair": "b" * 10_001}]), ("examples", [{"texts": "a"}]),
    ("examples", [{"text": "a", "pair": "b"}]), ("examples", [{"text": "a"}] * 1_001),
    ("examples", [{"text": "\u200b\n"}]), ("examples", [["a"]]),
    ("map_layers", []), ("map_layers", [1, 0]), ("map_layers", [0, 0]), ("map_layers", [2]),
    ("map_layers", [-1]), ("map_layers", ["0"]), ("map_layers", 1),
    ("max_tokens", 1), ("max_tokens", 0), ("max_tokens", -5), ("max_tokens", 10**9),
    ("max_tokens", 10**400), ("max_tokens", 32.0), ("max_tokens", True),
    ("sizes", None), ("sizes", []), ("sizes.layers", 10**9), ("sizes.layers", 10**7),
    ("sizes.layers", 0), ("sizes.layers", -1), ("sizes.layers", 2.5), ("sizes.layers", True),
    ("sizes.heads", 10**9), ("sizes.heads", "2"), ("sizes.hidden", 10**300),
    ("sizes.vocabulary", 10**18), ("sizes.vocabulary", None),
    ("graphs", None), ("graphs", {}), ("graphs.classify", []), ("graphs.generate", {}),
    ("graphs.classify.8bit", 3), ("graphs.classify.8bit.file", None),
    ("graphs.classify.8bit.file", "onnx/\0.onnx"), ("graphs.classify.8bit.file", "\ud800"),
    ("graphs.classify.8bit.file", "/etc/passwd"), ("graphs.classify.8bit.file", "../a.onnx"),
    ("graphs.classify.8bit.file", "onnx//model.onnx"), ("graphs.classify.8bit.file", ""),
    ("graphs.classify.8bit.file", "onnx\\model.onnx"), ("graphs.classify.8bit.file", "C:/a"),
    ("graphs.classify.8bit.file", "onnx/other.onnx"), ("graphs.classify.8bit.file", "a" * 10**6),
    ("graphs.classify.8bit.bytes", -1), ("graphs.classify.8bit.map_error", "small"),
    ("graphs.classify.8bit.map_error", {"mean": "0.1"}),
    ("graphs.classify.8bit.map_error", {"mean": 10**400}),
    ("graphs.classify.8bit.map_error", {"mean": -0.1}),
    ("graphs.generate.8bit.map_error", {"cross_attentions": 0.1}),
    ("graphs.classify.8bit.difference_from_float32", {"logits": "a"}),
    ("graphs.classify.8bit.limits", DEEP), ("graphs.classify.8bit.size_ratio", 10**400),
    ("files", None), ("files", {}), ("files", []), ("files", {"tokenizer.json": SHA}),
    ("files.tokenizer.json", SHA[1:]), ("files.tokenizer.json", SHA.replace("0", "A")),
    ("files.tokenizer.json", None), ("files.tokenizer.json", 5), ("files.tokenizer.json", SHA),
    ("files.more.txt", SHA), ("files.a\0", SHA), ("files.\ud800", SHA), ("files.../x", SHA),
    ("files./etc/passwd", SHA), ("files.bundle.json", SHA), ("files.onnx", SHA),
    ("files." + "a" * 299, SHA),
    ("metrics", 3), ("metrics.test", {"accuracy": 10**400}), ("metrics.test", {"accuracy": "1"}),
    ("metrics.test", {"accuracy": 1.5}), ("metrics.test", {"texts": -1}),
    ("metrics.test", {"texts": 2.5}), ("metrics.other", "\ud800"), ("metrics.other", DEEP),
    ("metrics.other", {"a\nb" * 10**5: "\0"}), ("checkpoint", "none"),
    ("checkpoint.recipe", []), ("versions", {"torch": 2}), ("versions", {"a" * 10**6: "1"}),
    ("decoder", None), ("decoder", []), ("decoder.layers", 10**9), ("decoder.heads", 10**9),
    ("decoder.hidden", -1), ("decoder.vocabulary", 10**12), ("decoder.vocabulary", 2),
    ("decoder.max_tokens", 10**9), ("decoder.max_tokens", 1), ("decoder.task", None),
    ("decoder.task", 1), ("decoder.examples", [{"text": 3}]), ("decoder.metrics", []),
    ("decoder.metrics", {"test": {"word_error_rate": "none"}}),
    ("decoder.metrics", {"test": {"rougeL": -1}}),
    ("decoder.cached", False), ("decoder.cached", "no"),
    ("decoder.checkpoint", {"recipe": {"longest": 0.5}}), ("proof", 1), ("more", DEEP),
]  # fmt: skip

WHOLE = [
    b"", b"\0", b"null", b"[]", b'"a"', b"{", b"\xff\xfe{\0}\0", "\ufeff{}".encode(),
    b"[" * 100_000, b'{"a":' * 100_000, b'{"format": ' + b"9" * 5_000 + b"}",
    b'{"format": NaN}', b'{"format": 1, "x": -Infinity}', b'{"format": 1, "format": 1}',
    b'{"a": {"b": 1, "b": 2}}', b'{"format": 1e999}', b" " * (16 * 2**20 + 1),
    b'{"format": 1, "labels": ["' + b"a" * 10**6,
    b'{"' + b"a" * 10**6 + b'": 1, "' + b"a" * 10**6 + b'": 1}',
]  # fmt: skip


@pytest.fixture(scope="module")
def refused(copy_of_tiny):
    """Writes a bundle.json into a copy and gives the sentence that refuses it."""
    folder = copy_of_tiny()

    def refuse(content: bytes) -> str:
        (folder / "bundle.json").write_bytes(content)
        with pytest.raises(BundleError) as error:
            open_bundle(folder)
        return str(error.value).replace(str(folder), "")

    return refuse


def changed(content, path, value):
    """Sets what stands at a path of names; the names of files hold dots themselves."""
    first, _, rest = path.partition(".")
    if first == "files" or not rest:
        content = content[first] if rest else content
        content[rest or first] = value
    else:
        changed(content.setdefault(first, {}), rest, value)


@pytest.mark.parametrize(("path", "value"), VALUES, ids=range(len(VALUES)))
def test_a_hostile_value_is_refused_in_one_sentence(refused, tiny_folder, path, value):
    content = json.loads((tiny_folder / "bundle.json").read_text("utf-8"))
    changed(content, path, value)

    said = refused(json.dumps(content).encode())

    assert len(said) <= 500
    assert said.isprintable()
    assert "expect" in said or "Copy" in said


POOLED = {"pooling": {"mode": "mean", "normalize": True}}
OF_TASKS = {
    "tag": {"labels": ["O", "B-PER"]},
    "answer": {},
    "fill": {},
    "embed": POOLED,
}


@pytest.fixture
def reads_only(tiny_folder):
    """The tiny bundle's JSON without a task, and without what only some tasks have."""
    content = json.loads((tiny_folder / "bundle.json").read_text("utf-8"))
    for name in ("problem_type", "labels", "temperature", "decoder"):
        del content[name]
    content["graphs"] = {"classify": content["graphs"]["classify"]}

    def of(task, **others):
        graphs = {task: content["graphs"]["classify"]}
        return {**content, "tasks": [task], "graphs": graphs, **others}

    return of


@pytest.mark.parametrize("task", OF_TASKS)
def test_every_reading_task_has_a_graph_by_its_name(reads_only, task):
    manifest = read_object(Manifest, reads_only(task, **OF_TASKS[task]))

    assert manifest.reads == task
    assert list(manifest.graphs.by_task()) == [task]
    assert as_json(manifest) == reads_only(task, **OF_TASKS[task])


@pytest.mark.parametrize(
    ("task", "others", "said"),
    [
        ("tag", {}, "has nothing as labels; expected it of the task tag"),
        ("tag", {"labels": ["O"], "temperature": 1.0}, "has temperature, which only classify has"),
        ("tag", {"labels": ["O"], "problem_type": "single_label"}, "has problem_type, which only"),
        ("answer", {"labels": ["yes"]}, "has labels, which only classify and tag have"),
        ("fill", POOLED, "has pooling, which only embed has"),
        ("embed", {}, "has nothing as pooling; expected it of the task embed"),
        ("embed", {"pooling": {"mode": "sum", "normalize": True}}, "has 'sum' as pooling.mode"),
        ("embed", {"pooling": {"mode": "cls", "normalize": 1}}, "expected true or false"),
        ("embed", {"pooling": {"mode": "cls"}}, "has nothing as pooling.normalize"),
        ("guess", {}, "expected classify, tag, answer, fill, embed or generate among them"),
        ("answer", {"tasks": ["answer", "fill"]}, "the tasks answer, fill, which no one bundle"),
        ("answer", {"tasks": ["answer"], "graphs": {}}, "has nothing as graphs.answer; expected"),
    ],
)
def test_what_a_task_has_not_or_lacks_is_said(reads_only, task, others, said):
    with pytest.raises(WrongJson) as error:
        read_object(Manifest, reads_only(task, **others))

    assert said in str(error.value)


@pytest.mark.parametrize("content", WHOLE, ids=range(len(WHOLE)))
def test_a_hostile_file_is_refused_in_one_sentence(refused, content):
    said = refused(content)

    assert len(said) <= 500
    assert said.isprintable()
    assert said.startswith("/bundle.json ")


def test_what_no_type_names_is_kept_and_written_again(tiny_folder):
    content = json.loads((tiny_folder / "bundle.json").read_text("utf-8"))
    content |= {"mood": {"good": [1, None, "é", 2.5, True]}}
    content["sizes"]["feet"] = 2

    manifest = read_object(Manifest, content)

    assert as_json(manifest) == content
    assert read_object(Manifest, as_json(manifest)) == manifest


@pytest.mark.parametrize("folder", ["tests/demo/tiny_bundle", "demo/bundles/reviews"])
def test_the_committed_bundles_list_every_file(demo_folder, folder):
    folder = demo_folder.parent / folder
    manifest = read_object(Manifest, load_object((folder / "bundle.json").read_bytes()))

    assert manifest.files == list_files(folder)


@pytest.mark.parametrize(
    "name", ["tokenizer.json", "config.json", "decoder/generation_config.json", "onnx/model.onnx"]
)
def test_a_changed_byte_of_any_file_is_noticed(copy_of_tiny, name):
    folder = copy_of_tiny()
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    with pytest.raises(BundleError, match=rf"{name} has \d+ bytes with sha256"):
        open_bundle(folder, "8bit")


def test_exchanged_ids_of_a_tokenizer_are_noticed(copy_of_tiny):
    folder = copy_of_tiny()
    content = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    vocabulary = content["model"]["vocab"]
    vocabulary["good"], vocabulary["bad"] = vocabulary["bad"], vocabulary["good"]
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")

    with pytest.raises(BundleError, match=r"tokenizer\.json has .* It was cut off, changed, or"):
        open_bundle(folder)


def test_a_link_out_of_the_bundle_is_not_followed(copy_of_tiny, tmp_path):
    folder = copy_of_tiny()
    (folder / "config.json").rename(tmp_path / "config.json")
    (folder / "config.json").symlink_to(tmp_path / "config.json")

    with pytest.raises(BundleError, match=r"config\.json is a link out of the bundle"):
        open_bundle(folder)


def test_a_link_to_itself_and_a_folder_are_no_files(copy_of_tiny):
    for place in (lambda path: path.symlink_to(path.name), lambda path: path.mkdir()):
        folder = copy_of_tiny()
        (folder / "config.json").unlink()
        place(folder / "config.json")

        with pytest.raises(BundleError, match=r"config\.json"):
            open_bundle(folder)


def test_what_is_not_listed_is_nobodys_concern(copy_of_tiny):
    folder = copy_of_tiny()
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "onnx" / "model_fp16.onnx").write_bytes(b"no graph")

    assert open_bundle(folder).writes


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 2**64, "\ud800", {1: 2}, {1}, b""])
def test_free_form_content_is_what_json_knows_wherever_it_comes_from(value):
    with pytest.raises(WrongJson, match=r"as other\[1\]|in other\[1\]"):
        read_object(Checkpoint, {"other": [1, value]})
