"""The page's decoding against `transformers`' `generate` and logits processors, same weights."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    EncoderDecoderModel,
    GPT2LMHeadModel,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from bundle_format.generation import Generation
from bundle_format.typed_json import read_object
from decoding.rules import forbid_repeated_ngrams, penalise_repeats, rules_of
from explorer.bundle import Decoder, Graph
from explorer.writing.decoder import DecoderSession
from explorer.writing.search import beam_search, write_one_by_one
from explorer.writing.settings import Settings, for_sampling, keep_top_k, keep_top_p

START, END = 1, 5  # 5 is a word that this model writes: some texts end, others do not


@pytest.fixture(scope="module")
def pair(
    gpt2: GPT2LMHeadModel, decoder_graph: onnx.ModelProto, tmp_path_factory: pytest.TempPathFactory
) -> tuple[EncoderDecoderModel, DecoderSession]:
    """A random model of theirs, and our graph of its decoder."""
    torch.manual_seed(0)
    encoder = BertConfig(
        vocab_size=30, hidden_size=24, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, initializer_range=0.6,
    )  # fmt: skip
    model = EncoderDecoderModel(
        encoder=BertModel(encoder, add_pooling_layer=False), decoder=deepcopy(gpt2)
    ).eval()
    path: Path = tmp_path_factory.mktemp("graph") / "decoder.onnx"
    onnx.save(decoder_graph, path)
    decoder = Decoder(
        tokenizer_file=path, layers=2, heads=3, hidden=24, vocabulary=40, max_tokens=24,
        task="restore", map_layers=(0, 1), settings=Generation(decoder_start_token_id=START),
        graph=Graph(precision="float32", path=path, map_error={}),
    )  # fmt: skip
    return model, DecoderSession(decoder)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"repetition_penalty": 1.7},
        {"no_repeat_ngram_size": 2},
        {"length_penalty": 2.0, "early_stopping": True},
        {"length_penalty": 0.0, "early_stopping": "never"},
        {"length_penalty": 1.5, "early_stopping": "never", "eos_token_id": [END, 9, 12]},
        {"min_length": 6, "forced_bos_token_id": 7, "forced_eos_token_id": END},
        {"min_new_tokens": 3, "suppress_tokens": [8, 11], "begin_suppress_tokens": [2, 3]},
    ],
    ids=str,
)
@pytest.mark.parametrize("beams", [1, 3, 4])
def test_greedy_and_beam_write_what_generate_writes(
    pair: tuple[EncoderDecoderModel, DecoderSession],
    beams: int,
    asked: dict,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, graph = pair
    asked = {
        "length_penalty": 1.0, "early_stopping": False, "max_new_tokens": 12,
        "decoder_start_token_id": START, "eos_token_id": END, "pad_token_id": 0, **asked,
    }  # fmt: skip
    told = read_object(Generation, asked)
    monkeypatch.setattr(graph, "decoder", replace(graph.decoder, settings=told))
    rules, settings = rules_of(told, given=1, limit=24), Settings(beams=beams)
    strategy = beam_search if beams > 1 else write_one_by_one
    source = torch.randint(3, 30, (1, 4 + 2 * beams), generator=torch.manual_seed(beams))
    expected = model.generate(source, num_beams=beams, do_sample=False, **asked)[0, 1:].tolist()
    with torch.no_grad():
        hidden = model.encoder(source).last_hidden_state[0].numpy()

    *_, steps = strategy(graph, graph.begin(hidden), [START], rules, settings)

    assert [step.token_id for step in steps] == expected


@pytest.mark.parametrize("seed", range(5))
def test_processors_equal_theirs(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.normal(0, 3, 50).astype(np.float32)
    written = random.integers(0, 6, 25).tolist()
    ids, theirs = torch.tensor([written]), torch.from_numpy(scores)[None]
    pairs = [
        (penalise_repeats(scores, written, 1.3), RepetitionPenaltyLogitsProcessor(1.3)),
        (penalise_repeats(scores, written, 0.7), RepetitionPenaltyLogitsProcessor(0.7)),
        *(
            (forbid_repeated_ngrams(scores, written, n), NoRepeatNGramLogitsProcessor(n))
            for n in (1, 2, 3, 30)
        ),
        *((keep_top_k(scores, k), TopKLogitsWarper(k)) for k in (1, 7, 50, 200)),
        *((keep_top_p(scores, p), TopPLogitsWarper(p)) for p in (0.01, 0.5, 0.9, 0.99)),
        *(
            (
                for_sampling(scores, Settings(temperature=t)),
                TemperatureLogitsWarper(t),
            )
            for t in (0.3, 2.5)
        ),
    ]
    for ours, processor in pairs:
        expected = processor(ids, theirs.clone())[0].numpy()
        np.testing.assert_allclose(ours, expected, rtol=1e-6, err_msg=type(processor).__name__)


def test_sampling_shapes_the_scores_in_their_order() -> None:
    scores = np.random.default_rng(0).normal(0, 3, 50).astype(np.float32)
    expected = torch.from_numpy(scores)[None]
    for processor in (TemperatureLogitsWarper(1.8), TopKLogitsWarper(12), TopPLogitsWarper(0.7)):
        expected = processor(torch.zeros(1, 1, dtype=torch.int64), expected)

    found = for_sampling(scores, Settings(temperature=1.8, top_k=12, top_p=0.7))

    np.testing.assert_allclose(found, expected[0].numpy(), rtol=1e-6)
    assert np.isfinite(found).sum() < 12
