"""What a folder says of `generate` is told before its weights are read, by file and by setting."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import AutoConfig, GenerationConfig

from bundle_format.generation import Generation, not_implemented
from bundle_format.typed_json import read_object
from export.loading.generation_settings import check_settings, settings_of

CONFIG = AutoConfig.for_model("gpt2", vocab_size=20, bos_token_id=1, eos_token_id=2)
GENERATION = "generation_config.json"


@pytest.mark.parametrize(
    ("setting", "value", "found", "expected"),
    [
        ("eos_token_id", 10**9, "1000000000", "an integer from 0 to 9,999,999 or an array"),
        ("eos_token_id", "two", "'two'", "an integer from 0 to 9,999,999 or an array"),
        ("eos_token_id", [2, 20], "20", "0 to 19, an id of the vocabulary"),
        ("bad_words_ids", [[3], [4, 25]], "25", "0 to 19, an id of the vocabulary"),
        ("temperature", float("nan"), "nan", "a finite number"),
        ("max_length", -5, "-5", "an integer from 2 to 1,000,000"),
        ("do_sample", "yes", "'yes'", "true or false"),
        ("num_beams", 0, "0", "an integer from 1 to"),
        ("length_penalty", 1e308, r"1e\+308", "a finite number from -10 to 10"),
        ("length_penalty", -400, "-400", "a finite number from -10 to 10"),
        ("temperature", 0, r"0\.0", "a number above 0 beside do_sample"),
        ("temperature", -1, r"-1\.0", "a number above 0 beside do_sample"),
        ("top_p", -0.5, r"-0\.5", "a number from 0 to 1 beside do_sample"),
    ],
)
def test_a_wrong_value_is_told_by_its_name(tmp_path: Path, setting, value, found, expected) -> None:
    file = tmp_path / GENERATION
    file.write_text(json.dumps({"eos_token_id": 2, "do_sample": True, setting: value}))

    told = f"{re.escape(str(file))} has {found} as (one of )?{setting}; expected {expected}"
    with pytest.raises(ValueError, match=told):
        check_settings(tmp_path, CONFIG)


@pytest.mark.parametrize(
    "settings",
    [
        {"suppress_tokens": [*range(20)]},
        {"suppress_tokens": [*range(9)], "bad_words_ids": [[n] for n in range(9, 20)]},
        {"suppress_tokens": [0, 1], "begin_suppress_tokens": [*range(2, 20)]},
    ],
)
def test_settings_that_leave_no_word_are_refused(tmp_path: Path, settings) -> None:
    (tmp_path / GENERATION).write_text(json.dumps(settings))

    with pytest.raises(ValueError, match=r"rules out all 20 words .*suppress_tokens; expected"):
        check_settings(tmp_path, CONFIG)


def test_one_word_that_may_be_written_is_enough(tmp_path: Path) -> None:
    (tmp_path / GENERATION).write_text(json.dumps({"suppress_tokens": [*range(19)]}))

    assert check_settings(tmp_path, CONFIG) == []


def test_a_file_that_holds_no_settings_is_told(tmp_path: Path) -> None:
    (tmp_path / GENERATION).write_text('{"eos_token_id": 2,}')
    (remark,) = check_settings(tmp_path, CONFIG)
    assert re.match(rf"{GENERATION} is no JSON \(.*line 1.*\): .* config.json says", remark)

    (tmp_path / GENERATION).write_text("[2]")
    with pytest.raises(ValueError, match=rf"{GENERATION} holds a JSON list; expected an object"):
        check_settings(tmp_path, CONFIG)


def test_without_a_file_those_of_the_config_are_held_to_the_same(tmp_path: Path) -> None:
    wrong = AutoConfig.for_model("gpt2", vocab_size=20, bos_token_id=1, eos_token_id=20)

    told = r"config.json, or its family by default, has 20 as eos_token_id; expected 0 to 19"
    with pytest.raises(ValueError, match=told):
        check_settings(tmp_path, wrong)


def test_settings_that_nobody_knows_are_named_once(tmp_path: Path) -> None:
    known = {"transformers_version": "4.1", "_from_model_config": True, "use_cache": True}
    others = {"max_words": 3, "min_words": None, "forced_decoder_ids": [[1, 5]]}
    (tmp_path / GENERATION).write_text(json.dumps({**known, **others}))

    (remark,) = check_settings(tmp_path, CONFIG)

    unknown = "max_words, forced_decoder_ids; they are left out"
    assert re.search(rf"transformers [\d.]+ does not know: {unknown}", remark)


def test_what_transformers_makes_objects_of_is_named_as_any_other_setting() -> None:
    model = SimpleNamespace(generation_config=GenerationConfig(watermarking_config={"bias": 3.5}))

    settings = settings_of(model)

    assert read_object(Generation, settings).more["watermarking_config"]["bias"] == 3.5
    (told,) = not_implemented(settings)
    assert "watermarking_config" in told
    assert "which is not implemented here" in told
