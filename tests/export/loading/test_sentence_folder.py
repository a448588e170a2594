"""What a folder of `sentence-transformers` says of its vectors, in its old words and its new."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundle_format.schema import Pooling
from export.loading.sentence_folder import (
    ASSUMED,
    embeds,
    find_pooling,
    longest_of,
    transformer_folder,
)


def write(
    folder: Path, *kinds: str, pooling: dict[str, Any] | None = None, below: str = ""
) -> None:
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": kind} for kind in kinds]
    for module in modules:
        if module["path"] == "Transformer":
            module["path"] = below
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "Pooling").mkdir()
    (folder / "Pooling" / "config.json").write_text(json.dumps(pooling or {}))


@pytest.mark.parametrize(
    ("written", "mode"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode_cls_token": True, "word_embedding_dimension": 40}, "cls"),
        ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "max"}, "max"),
        ({"pooling_mode": ["lasttoken"]}, "last"),
    ],
)
def test_the_way_to_pool(written: dict[str, Any], mode: str, tmp_path: Path) -> None:
    write(tmp_path, "Transformer", "Pooling", pooling=written)

    pooling, remarks = find_pooling(tmp_path)

    assert (pooling.mode, pooling.normalize, remarks) == (mode, False, [])
    assert embeds(tmp_path)


def test_a_normalize_module_divides_by_the_length(tmp_path: Path) -> None:
    write(tmp_path, "Transformer", "Pooling", "Normalize", pooling={"pooling_mode": "mean"})

    assert find_pooling(tmp_path)[0] == Pooling(mode="mean", normalize=True)


def test_what_is_not_said_is_assumed_aloud(tmp_path: Path) -> None:
    pooling, (remark,) = find_pooling(tmp_path)

    assert pooling == ASSUMED
    assert remark.startswith(
        "the folder has no modules.json that says how its hidden states become"
    )
    assert not embeds(tmp_path)


def test_what_would_be_done_beside_is_named(tmp_path: Path) -> None:
    write(tmp_path, "Transformer", "Pooling", pooling={"pooling_mode": "mean"})
    settings = {"prompts": {"query": "query: ", "document": ""}, "similarity_fn_name": "dot"}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(settings))
    lower = {"do_lower_case": True, "max_seq_length": 128}
    (tmp_path / "sentence_bert_config.json").write_text(json.dumps(lower))

    prompts, similarity, case = find_pooling(tmp_path)[1]

    assert prompts.endswith("not done here: query 'query: '")
    assert similarity == "its vectors are meant to be compared by dot; here it is by cosine"
    assert "lower case first" in case
    assert longest_of(tmp_path) == 128


@pytest.mark.parametrize("longest", [-5, 0, 1, True, 12.5, "128", [128]])
def test_a_length_that_no_text_has_is_refused(tmp_path: Path, longest: object) -> None:
    file = tmp_path / "sentence_bert_config.json"
    file.write_text(json.dumps({"max_seq_length": longest}))

    with pytest.raises(ValueError, match="as max_seq_length; expected a whole number from 2"):
        longest_of(tmp_path)

    file.write_text('{"max_seq_length": null}')
    assert longest_of(tmp_path) is None


def test_the_model_may_lie_below(tmp_path: Path) -> None:
    write(tmp_path, "Transformer", "Pooling", below="0_Transformer")
    (tmp_path / "0_Transformer").mkdir()
    (tmp_path / "0_Transformer" / "config.json").write_text("{}")

    assert transformer_folder(tmp_path) == tmp_path / "0_Transformer"


@pytest.mark.parametrize(
    ("kinds", "written", "said"),
    [
        (("Dense",), {"pooling_mode": "mean"}, "has the module Dense; expected Transformer, Pool"),
        ((), {"pooling_mode": ["mean", "max"]}, "pools by mean and max; expected one of mean, cls"),
        ((), {"pooling_mode_weightedmean_tokens": True}, "pools by weightedmean; expected one of"),
        ((), {}, "pools by nothing; expected one of mean, cls, max, lasttoken"),
    ],
)
def test_what_would_make_other_vectors_is_refused(
    kinds: tuple[str, ...], written: dict[str, Any], said: str, tmp_path: Path
) -> None:
    write(tmp_path, "Transformer", "Pooling", *kinds, pooling=written)

    with pytest.raises(ValueError, match=said):
        find_pooling(tmp_path)


@pytest.mark.parametrize("content", ["{", "3", "[1]", '[{"type": "a.B"}]', "[" * 10**5])
def test_a_broken_list_of_modules_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text(content)

    with pytest.raises(ValueError, match=r"modules\.json is no list of modules, each with its typ"):
        embeds(tmp_path)


def test_a_module_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "Transformer", "Pooling", pooling={"pooling_mode": "mean"})
    file = tmp_path / "modules.json"
    file.write_text(file.read_text().replace('"path": ""', '"path": "../elsewhere"'))

    with pytest.raises(
        ValueError, match=r"lies at '\.\./elsewhere', which is outside of its folder"
    ):
        transformer_folder(tmp_path)
