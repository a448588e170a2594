"""The command that makes a Space: what is in its folder, what its card says, what it refuses."""

import ast
import io
import json
import os
import re
import shutil
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from tokenizers import Tokenizer, models
from tokenizers.normalizers import Precompiled

import build_space
from bundle_format.folder import read_manifest, wrong_files
from hosting import build, static_kind
from hosting.card import check_hub_name, make_card, noted_models, plain, short
from hosting.folder import OWN, SpaceError, new_folder
from hosting.kinds import KINDS, Kind

KINDS_THAT_RUN_THE_PAGE = ("gradio", "zerogpu", "docker")


@pytest.fixture(scope="module")
def spaces(tmp_path_factory, tiny_folder):
    """A Space of each kind, by its name."""
    folder = tmp_path_factory.mktemp("spaces")
    made = {}
    for sdk in KINDS_THAT_RUN_THE_PAGE:
        made[sdk] = folder / sdk
        assert build_space.main([str(tiny_folder), "--out", str(made[sdk]), "--sdk", sdk]) == 0
    return made


@pytest.fixture
def refused(capsys):
    """Runs the command on what it must refuse; gives the sentence."""

    def run(*arguments):
        code = build_space.main([str(argument) for argument in arguments])
        output = capsys.readouterr()
        assert (code, output.out) == (2, "")
        assert output.err.count("\n") == 1
        return output.err

    return run


def settings(space: Path) -> dict:
    """A card's settings; each is one line of JSON, which YAML contains."""
    text = (space / "README.md").read_text("utf-8")
    assert text.startswith(OWN)
    front = text.removeprefix(OWN).split("---\n")[0]
    return {
        name: json.loads(value)
        for name, value in (line.split(": ", 1) for line in front.splitlines())
    }


def test_a_space_holds_what_its_page_imports_and_nothing_else(spaces):
    space = spaces["gradio"]
    files = {path.relative_to(space).as_posix() for path in space.rglob("*") if path.is_file()}

    code = {name for name in files if name.endswith(".py")}
    assert code == reached(space, "app.py")
    rest = files - code
    assert {name.split("/")[0] for name in rest} == {
        "README.md",
        "files.json",
        "requirements.txt",
        "explorer",
        "bundles",
    }
    assert {name.split("/")[1] for name in rest if name.startswith("explorer")} == {"web"}
    assert {Path(name).suffix for name in rest if name.startswith("explorer")} == {".js", ".css"}


def reached(space: Path, *found: str) -> set[str]:
    """The files of ours that a file imports, and those that they import, doors included."""
    known: set[str] = set()
    todo = list(found)
    while todo:
        name = todo.pop()
        if name in known or not (space / name).is_file():
            continue
        known.add(name)
        parents = list(Path(name).parents)[:-1]
        todo += [f"{parent.as_posix()}/__init__.py" for parent in parents]
        for node in ast.walk(ast.parse((space / name).read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = node.module.replace(".", "/")
                todo += [f"{module}.py", f"{module}/__init__.py"]
                todo += [f"{module}/{alias.name}.py" for alias in node.names]
            elif isinstance(node, ast.Import):
                todo += [f"{alias.name.replace('.', '/')}.py" for alias in node.names]
    return known


def test_every_kind_has_what_it_is_started_by(spaces, demo_folder):
    pins = (demo_folder / "requirements.txt").read_text("utf-8")

    assert (spaces["gradio"] / "requirements.txt").read_text("utf-8") == pins
    zerogpu = spaces["zerogpu"]
    assert (zerogpu / "requirements.txt").read_text("utf-8") == f"{pins}spaces==0.51.3\n"
    assert settings(zerogpu)["app_file"] == "on_zerogpu.py"
    assert settings(zerogpu)["python_version"] == "3.12.12"
    first, *_ = [
        node
        for node in ast.parse((zerogpu / "on_zerogpu.py").read_text("utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert ast.unparse(first) == "import spaces"
    names = {path.name for path in spaces["docker"].iterdir()}
    assert {"Dockerfile", "requirements.lock"} <= names
    assert "requirements.txt" not in names


def test_a_space_that_is_built_again_replaces_its_own_folder_whole(spaces, tiny_folder, tmp_path):
    folder = tmp_path / "space"
    for sdk in ("docker", "gradio"):
        assert build_space.main([str(tiny_folder), "--out", str(folder), "--sdk", sdk]) == 0

    assert sorted(path.name for path in folder.iterdir()) == sorted(
        path.name for path in spaces["gradio"].iterdir()
    )
    assert [path.name for path in tmp_path.iterdir()] == ["space"]


def test_the_bundle_goes_along_in_8_bit_alone_and_is_whole(spaces, tiny_folder):
    copy = spaces["gradio"] / "bundles" / tiny_folder.name
    manifest = read_manifest(copy)

    assert list(wrong_files(copy, manifest)) == []
    found = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert found == {"bundle.json", *manifest.files}
    given = read_manifest(tiny_folder).graphs.by_task()
    for task, graphs in manifest.graphs.by_task().items():
        assert list(graphs) == (["8bit"] if "8bit" in given[task] else ["float32"])


def test_examples_can_stay_at_home(tiny_folder, tmp_path, capsys):
    command = [str(tiny_folder), "--out", str(tmp_path / "space")]
    build_space.main(command)
    assert "public with it:" in capsys.readouterr().out

    build_space.main([*command, "--no-examples"])

    assert "public with it:" not in capsys.readouterr().out
    manifest = read_manifest(tmp_path / "space" / "bundles" / tiny_folder.name)
    assert manifest.examples == ()
    assert manifest.decoder is None or manifest.decoder.examples == ()


HOSTILE = '![i](http://x.y) <b a=1> "\n---\nsdk: docker\n# h `c` [a](b) www.x.y $a$ \u202e 1. é😍'


def test_what_a_bundle_says_is_a_quoted_setting_or_escaped_text(tiny_folder, copy_of_tiny):
    folder = copy_of_tiny(title=HOSTILE, licence=HOSTILE, assumed=[HOSTILE])
    card = make_card(read_manifest(folder), {"sdk": "gradio"}, runs="", purpose=HOSTILE)

    front, body = card.removeprefix(OWN).split("\n---\n", 1)
    found = dict(line.split(": ", 1) for line in front.splitlines())
    assert all(json.loads(value) is not None for value in found.values())
    assert found["sdk"] == '"gradio"'
    assert "😍" not in found["title"], "cut to what the Hub takes"
    for mark in ("![", "](", "<b", "`c", "http:", "www.", "$a", "\u202e"):
        assert mark not in re.sub(r"\\.", "", body), mark
    assert body.count("é😍") == 4


def test_text_shows_as_it_is():
    assert plain("Mean of 3, e.g. a-b") == "Mean of 3, e.g. a-b"
    assert plain("1. one") == r"1\. one"
    assert plain("- a\n\n* b") == r"\- a \* b"


def test_the_card_tells_the_models_of_this_bundle(tiny_folder, copy_of_tiny):
    made = {"checkpoint": {"hub": "some/model", "recipe": {"init": "minilm"}}}
    manifest = read_manifest(copy_of_tiny(**made))

    card = make_card(manifest, {}, runs="", models=["a/b"])

    packaged = "sentence-transformers/all-MiniLM-L6-v2"
    assert f'models: ["a/b", "{packaged}", "some/model"]\n' in card
    nothing = {"checkpoint": {"recipe": {"init": "random"}}}
    assert noted_models(read_manifest(copy_of_tiny(**nothing))) == []
    nothing["checkpoint"]["recipe"]["init"] = ["minilm"]
    assert noted_models(read_manifest(copy_of_tiny(**nothing))) == []


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("word " * 11 + "last", "word " * 11 + "last"),
        ("An encoder of film reviews, by which each sentence is good, bad", None),
        ("A title of sixty characters and of one word more than fits, it", None),
        ("a" * 61, "a" * 59 + "…"),
    ],
)
def test_a_long_title_is_cut_after_a_word(title, said):
    found = short(title)

    assert len(found) <= 60
    if said:
        assert found == said
    else:
        assert found.endswith("…")
        assert title[len(found) - 1] in " ,"


def test_a_folder_of_somebody_else_is_not_replaced(refused, tiny_folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "README.md").write_text("mine")
    assert "holds other things and no README.md by build_space.py" in refused(
        tiny_folder, "--out", other
    )

    space = tmp_path / "space"
    build_space.build_space(tiny_folder, space, KINDS["gradio"])
    (space / "notes.txt").write_text("mine")
    assert "holds other things as well (notes.txt)" in refused(tiny_folder, "--out", space)
    assert (space / "notes.txt").read_text() == "mine"
    (space / "notes.txt").rename(space / "explorer" / "notes.txt")
    assert "(explorer/notes.txt)" in refused(tiny_folder, "--out", space)


def test_what_cannot_be_a_space_is_a_sentence(refused, tiny_folder, copy_of_tiny, tmp_path):
    out = tmp_path / "space"
    assert "is no folder" in refused(tmp_path / "nowhere", "--out", out)
    assert "which would be replaced" in refused(tiny_folder, "--out", tiny_folder.parent)
    assert "is no name on the Hub" in refused(tiny_folder, "--out", out, "--model", "a b/c")
    assert "there is no --push" in refused(tiny_folder, "--out", out, "--dry-run")
    assert "cannot be written" in refused(tiny_folder, "--out", tmp_path / ("x" * 300))
    assert "lies in" in refused(tiny_folder, "--out", tiny_folder / "sub")
    assert "is a file" in refused(tiny_folder, "--out", Path(__file__))
    broken = copy_of_tiny()
    (broken / "tokenizer.json").write_text("{}")
    assert "expects" in refused(broken, "--out", out)
    for sdk, kind in KINDS.items():
        if not isinstance(kind, Kind):
            assert kind in refused(tiny_folder, "--out", out, "--sdk", sdk)
    assert not out.exists()


@pytest.mark.parametrize(
    ("decoder", "settings", "why"),
    [
        ({"own_files": False}, {}, "is one model with its encoder, as BART and T5 are"),
        ({"map_layers": [0]}, {}, "has the maps of some of its layers alone"),
        ({}, {"no_repeat_ngram_size": 3, "num_beams": 4}, "has no_repeat_ngram_size and num_beams"),
        ({}, {"forced_bos_token_id": 0, "top_k": 50}, "has forced_bos_token_id in its generation_"),
        ({}, {"eos_token_id": [3, 4], "num_beams": 1}, "has eos_token_id in its generation_config"),
    ],
)
def test_a_decoder_that_the_static_page_cannot_follow_is_refused_in_a_sentence(
    refused, tiny_folder, copy_of_tiny, relist, tmp_path, monkeypatch, decoder, settings, why
):
    monkeypatch.setattr(build_space, "_open", lambda _: None)  # its graphs are another decoder's
    own = json.loads((tiny_folder / "bundle.json").read_text("utf-8"))["decoder"]
    folder = copy_of_tiny(decoder={**own, **decoder})
    given = json.loads((folder / "decoder/generation_config.json").read_text("utf-8"))
    for place in ("", "decoder/"):
        (folder / place / "generation_config.json").write_text(json.dumps({**given, **settings}))
    relist(folder)

    said = refused(folder, "--out", tmp_path / "space", "--sdk", "static")

    assert said.startswith("The page in the browser cannot write as this bundle's decoder does")
    assert why in said
    assert said.endswith("make a Space of another kind\n")


@pytest.mark.parametrize(
    ("part", "rule"), [("model", "WordLevel"), ("pre_tokenizer", "UnicodeScripts")]
)
def test_a_tokenizer_that_the_static_page_cannot_follow_is_refused_in_a_sentence(
    refused, copy_of_tiny, relist, tmp_path, part, rule
):
    folder = copy_of_tiny()
    rules = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    rules[part]["type"] = rule
    made = {"model": lambda: models.WordLevel(rules["model"]["vocab"], "[UNK]")}
    if part in made:
        rules[part] = json.loads(Tokenizer(made[part]()).to_str())["model"]
    (folder / "tokenizer.json").write_text(json.dumps(rules), "utf-8")
    relist(folder)

    said = refused(folder, "--out", tmp_path / "space", "--sdk", "static")

    assert f"has a {part} of type '{rule}', which the page in the browser cannot follow" in said


@pytest.mark.parametrize(
    ("name", "followed"),
    [("nmt_nfkc", True), ("nmt_nfkc_cf", False), ("nfkc", False), ("nfkc_cf", False)],
)
def test_of_the_tables_of_characters_the_static_page_follows_one(
    skip_for_want, tiny_folder, tmp_path, name, followed
):
    try:
        from sentencepiece import SentencePieceTrainer
        from sentencepiece.sentencepiece_model_pb2 import ModelProto
    except ImportError:
        skip_for_want("needs sentencepiece: pip install -r export/requirements-formats.txt")
    model, texts = io.BytesIO(), iter(["not bad at all", "a dull film"])
    sizes = {"vocab_size": 30, "hard_vocab_limit": False, "minloglevel": 2}
    SentencePieceTrainer.train(
        sentence_iterator=texts, model_writer=model, normalization_rule_name=name, **sizes
    )
    rules = json.loads((tiny_folder / "tokenizer.json").read_text("utf-8"))
    table = ModelProto.FromString(model.getvalue()).normalizer_spec.precompiled_charsmap
    rules["normalizer"] = json.loads(Precompiled(table).__getstate__())
    (tmp_path / "tokenizer.json").write_text(json.dumps(rules), "utf-8")

    with nullcontext() if followed else pytest.raises(SpaceError, match="follows SentencePiece's"):
        static_kind._check_tokenizer(tmp_path, "tokenizer.json")


def test_a_model_that_goes_on_from_a_prompt_has_no_static_page(refused, tiny_folder, tmp_path):
    prompts = tiny_folder.parent / "prompt_bundle"

    said = refused(prompts, "--out", tmp_path / "space", "--sdk", "static")

    assert "goes on from a prompt, as GPT-2 and Llama do" in said
    assert not (tmp_path / "space").exists()


@pytest.mark.parametrize("name", ["../x", "me/..", "me/-x", "a--b/x", "me/x.git", "me/x", "_/b"])
def test_names_are_those_that_the_hub_allows(refused, tiny_folder, copy_of_tiny, tmp_path, name):
    try:
        validate_repo_id(name)
    except HFValidationError:
        command = [tiny_folder, "--out", tmp_path / "space", "--push", name, "--dry-run"]
        assert "is no name on the Hub" in refused(*command)
        assert noted_models(read_manifest(copy_of_tiny(checkpoint={"hub": name}))) == []
    else:
        check_hub_name(name)


def test_the_page_refuses_it_so_no_space_is_made_of_it(
    refused, copy_of_tiny, relist, tmp_path, tiny_folder
):
    for name in ("tokenizer.json", "onnx/model_quantized.onnx", "decoder/generation_config.json"):
        folder = copy_of_tiny()
        file = next(path for path in (folder / name, folder / "onnx/model.onnx") if path.exists())
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
        relist(folder)

        said = refused(folder, "--out", tmp_path / "space", "--sdk", "static")

        assert str(file) in said
        assert "partial" not in said


def test_what_a_killed_build_left_goes_with_the_next_and_a_running_one_stays(tmp_path):
    left = tmp_path / ".space.partial-0123abcd"
    left.mkdir()
    with new_folder(tmp_path / "space") as running:
        assert not left.exists()
        with new_folder(tmp_path / "space"):
            assert running.is_dir()


def test_a_stopped_build_says_so_and_leaves_nothing(tiny_folder, tmp_path, capsys, monkeypatch):
    def stop(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)

    def remove(*given, **named):
        stop()  # again
        removed(*given, **named)

    removed = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", remove)
    monkeypatch.setattr(build, "make_card", stop)
    before = signal.getsignal(signal.SIGTERM)

    assert build_space.main([str(tiny_folder), "--out", str(tmp_path / "space")]) == 143

    assert capsys.readouterr().err == "stopped\n"
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_card_says_of_how_many_sentences_a_rate_is_and_what_it_was_before(
    tiny_folder, copy_of_tiny
):
    own = json.loads((tiny_folder / "bundle.json").read_text("utf-8"))["decoder"]
    test, copied = {"word_error_rate": 0.1, "sentences": 1500}, {"word_error_rate": 0.2}
    written = {**own, "metrics": {"test": test, "copied": copied}}

    card = make_card(read_manifest(copy_of_tiny(decoder=written, title="word " * 20)), {}, runs="")

    rate = "Word error rate 0.100 of what it writes of 1,500 sentences; 0.200 of the sources"
    assert rate in card
    assert f'title: "{"word " * 11}word…"' in card


def test_a_space_that_is_not_finished_leaves_nothing(tiny_folder, tmp_path):
    def killed():
        with new_folder(tmp_path / "space") as folder:
            shutil.copytree(tiny_folder, folder / "bundles")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        killed()

    assert list(tmp_path.iterdir()) == []
