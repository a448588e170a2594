"""What cannot be exported of other families: each in one sentence, most of it before any work."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoConfig

from export.any_model.random_models import random_model
from export.graphs.families import REFUSED, TESTED
from export.graphs.tasks import TASKS
from export.loading.encoders import longest_text
from export.to_onnx import main

CLASSIFIER = ["CamembertForSequenceClassification"]


def write_config(folder: Path, family: str, **settings: Any) -> None:
    AutoConfig.for_model(family).save_pretrained(folder)
    written = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(written | settings))


@pytest.mark.parametrize(
    ("model_type", "settings", "expected"),
    [
        ("longformer", {}, "a model of type 'longformer', which cannot be opened: it attends wit"),
        ("convbert", {}, "half of its heads are convolutions"),
        (
            "big_bird",
            {"attention_type": "block_sparse"},
            "attention_type original_full it can",
        ),
        (
            "camembert",
            {"architectures": ["CamembertForMultipleChoice"]},
            "a multiple-choice model)",
        ),
        ("camembert", {}, "Where it names none, say what the model is for with --task"),
        ("gpt2", {"architectures": ["GPT2DoubleHeadsModel"]}, "language model); exported are"),
        ("t5", {}, "vectors of texts: give --task embed (or --task generate, if it writes texts)"),
        (
            "bart",
            {"architectures": ["BartForSequenceClassification"]},
            "to make vectors of texts: give --task embed",
        ),
        (
            "camembert",
            {"architectures": CLASSIFIER, "auto_map": {"AutoModel": "mine.Model"}},
            "brings code of its own (AutoModel), which is never run",
        ),
        (
            "camembert",
            {"architectures": CLASSIFIER, "model_type": "camembert3"},
            "cannot read the config.json of a model of type 'camembert3'",
        ),
        ("camembert", {"architectures": CLASSIFIER}, "has no model.safetensors"),
    ],
)
def test_what_is_no_classifier_of_an_open_family_is_refused_before_the_work(
    model_type: str,
    settings: dict[str, Any],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_config(tmp_path, model_type, **settings)

    assert main([str(tmp_path), "--out", str(tmp_path / "bundle")]) == 2

    told = capsys.readouterr().err
    assert expected in told
    assert len(told.strip().splitlines()) == 1
    assert not (tmp_path / "bundle").exists()


@pytest.fixture(scope="module")
def camembert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("camembert")
    random_model("camembert", TASKS["classify"]).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("settings", "gone", "expected"),
    [
        (
            {},
            "classifier.out_proj.weight",
            "has not all weights of a CamembertForSequenceClassification by its config.json; "
            "missing, or of another shape: classifier.out_proj.weight. They would be random",
        ),
        (
            {"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}},
            None,
            "classifier.out_proj.bias ([4] in place of [2]), classifier.out_proj.weight "
            "([4, 40] in place of [2, 40])",
        ),
        ({"vocab_size": 50}, None, "word_embeddings.weight ([67, 40] in place of [50, 40])"),
        (
            {"num_hidden_layers": 2},
            None,
            "has weights of more layers than its config.json counts: roberta.encoder.layer.2.",
        ),
        (
            {"num_hidden_layers": "four"},
            None,
            "Validation error for field 'num_hidden_layers': TypeError: Field 'num_hidden_layers' "
            "expected int, got str",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named_and_never_drawn_at_random(
    settings: dict[str, Any],
    gone: str | None,
    expected: str,
    camembert: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    written = json.loads((camembert / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(written | settings))
    weights = load_file(camembert / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if name != gone}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})

    assert main([str(tmp_path), "--out", str(tmp_path / "bundle")]) == 2

    told = capsys.readouterr().err
    assert expected in told
    assert len(told.strip().splitlines()) == 1


def test_weights_that_are_no_numbers_are_named(
    camembert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_bytes((camembert / "config.json").read_bytes())
    weights = load_file(camembert / "model.safetensors")
    name = "roberta.encoder.layer.1.attention.self.query.weight"
    weights[name][3, 4] = float("nan")
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})

    assert main([str(tmp_path), "--out", str(tmp_path / "bundle")]) == 2

    assert f"has weights that are no finite numbers: {name}. Take" in capsys.readouterr().err


def test_positions_begin_behind_the_paddings_row_where_there_is_one() -> None:
    longest = {
        family: longest_text(random_model(family, TASKS["classify"]))
        for family in ("mpnet", "camembert", "ibert", "albert", "xlnet")
    }

    behind = dict.fromkeys(("mpnet", "camembert", "ibert"), 39)
    assert longest == {**behind, "albert": 41, "xlnet": None}


def test_no_family_is_tested_and_refused() -> None:
    assert TESTED.isdisjoint(REFUSED)
