"""The rules of `generation_config.json` against the logits processors of `transformers`."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

from bundle_format.generation import Generation, not_implemented
from bundle_format.typed_json import read_object
from decoding.beams import BeamSearch
from decoding.rules import Rules, rules_of
from export.eval_texts import draw_ids
from export.generators.texts import GraphsOfGenerator
from export.pipeline.writers import AnyDecoder
from export.verification.checks import Checks

WORDS = 40
SETTINGS: list[dict[str, Any]] = [
    {"forced_bos_token_id": 7},
    {"forced_eos_token_id": [3, 4], "max_length": 6},
    {"suppress_tokens": [1, 2], "begin_suppress_tokens": [5, 6]},
    {"forced_bos_token_id": 7, "begin_suppress_tokens": [5, 6]},
    {"min_length": 5, "eos_token_id": [2, 9]},
    {"min_new_tokens": 3, "eos_token_id": 2},
    {"bad_words_ids": [[11], [12, 13], [2], [14, 15, 16]], "eos_token_id": 2},
    {"no_repeat_ngram_size": 2, "repetition_penalty": 1.4, "suppress_tokens": [3]},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("given", [1, 3])
def test_scores_become_what_theirs_become(settings: dict[str, Any], given: int) -> None:
    config = GenerationConfig(**{"max_length": 20, **settings})
    model = GPT2LMHeadModel(GPT2Config(vocab_size=WORDS, n_embd=8, n_layer=1, n_head=1))
    model._prepare_special_tokens(config, kwargs_has_attention_mask=True)
    processors = model._get_logits_processor(
        config, input_ids_seq_length=given, model_kwargs={"attention_mask": torch.ones(1, given)}
    )
    rules = rules_of(read_object(Generation, {"max_length": 20, **settings}), given=given, limit=20)
    random = np.random.default_rng(0)
    for length in range(given, 7):
        ids = random.integers(11, 17, length)
        scores = random.standard_normal(WORDS).astype(np.float32)

        found = rules.apply(scores, ids.tolist())

        theirs = processors(torch.from_numpy(ids)[None], torch.from_numpy(scores)[None].clone())
        np.testing.assert_allclose(found, theirs[0].numpy(), rtol=1e-6)


def test_what_is_not_implemented_is_named_and_what_changes_nothing_is_not() -> None:
    asked = {"typical_p": 0.9, "guidance_scale": 1.0, "constraints": None, "use_cache": True}

    (said,) = not_implemented({**asked, "num_beams": 6, "sequence_bias": []})

    assert "typical_p 0.9, which is not implemented here" in said


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"num_beams": 10**6}, "asks for 1,000,000 beams; at most 6 are searched here"),
        ({"temperature": 0, "do_sample": False}, "has temperature 0, by which no scores can be"),
        ({"temperature": 0.7, "top_p": 2, "do_sample": True}, "has top_p 2, which is no share of"),
        ({"top_p": 0}, "has top_p 0, which is no share of all words: whoever has words drawn"),
    ],
)
def test_what_is_taken_otherwise_than_it_says_is_told(settings: dict[str, Any], told: str) -> None:
    read_object(Generation, settings)

    (said,) = not_implemented(settings)

    assert told in said


def test_no_more_beams_are_proven_than_are_searched() -> None:
    asked = []
    writer = SimpleNamespace(
        settings=Generation(num_beams=10**6),
        by_graphs=lambda *given: asked.append(given[-1]) or [[5]],
        by_torch=lambda *given: asked.append(given[-1]) or [[5]],
    )
    graphs, texts = Mock(spec=GraphsOfGenerator), draw_ids(67, 1, (3, 8))

    told = AnyDecoder.prove_beams(SimpleNamespace(_writer=writer), graphs, texts, Checks())

    assert (asked, told) == ([6, 6], "1 of 1 as torch writes, with 6 beams")


@pytest.mark.parametrize("penalty", [-10, 10])
def test_the_longest_text_has_a_worth_under_any_length_penalty(penalty: int) -> None:
    settings = read_object(Generation, {"length_penalty": penalty, "num_beams": 2})
    search = BeamSearch[int]([0], Rules(longest=129), settings, beams=2)
    unlikely = np.full(3, -100, np.float32)

    with np.errstate(all="raise"):
        while search.running:
            search.choose([unlikely] * len(search.running), lambda _, token: token)

    assert search.best
    assert len(search.best.notes) == 128
    assert np.isfinite(search.best.score)
    assert search.best.score < 0
