"""The endpoints that write, asked as a program asks."""

import time

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from explorer.writing.decoder import DecoderSession
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings

TEXT = "the film is good"


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


@pytest.fixture(scope="module")
def greedy(model):
    *_, generation = TextGenerator(model).write(model.read(TEXT), Settings())
    return generation


def test_generate_streams_and_ends_with_the_whole_text(client, greedy):
    job = client.submit(TEXT, api_name="/generate")
    answer = job.result()
    outputs = job.outputs()

    assert [len(one["target"]) for one in outputs] == list(range(1, len(greedy.steps) + 1))
    answer = outputs[-1]
    assert answer["text"] == greedy.text
    assert (answer["finished"], answer["stopped_at"]) == (greedy.finished, None)
    assert [one["piece"] for one in answer["target"]] == [t.piece for t in greedy.tokens]
    shares = [one["probability"] for one in answer["target"]]
    assert shares == pytest.approx([step.probability for step in greedy.steps], abs=1e-5)
    assert all(len(one["candidates"]) == 10 for one in answer["target"])
    assert answer["precision"] == "8bit"


def test_cross_attention_of_what_it_writes_itself(client, greedy):
    answer = client.predict(TEXT, layer=1, head=2, api_name="/cross_attention")

    np.testing.assert_allclose(answer["weights"], greedy.cross_weights[0, 1], atol=1e-5)
    assert answer["text"] == greedy.text


def test_cross_attention_of_a_given_target(client):
    answer = client.predict(TEXT, "a bad film", special_tokens=False, api_name="/cross_attention")

    assert [one["piece"] for one in answer["target"]] == ["a", "bad", "film", "[SEP]"]
    assert (answer["target_left_out"], answer["stopped_at"]) == (0, None)
    weights = np.array(answer["weights"])
    assert weights.shape == (3, 4)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)


def test_the_limit_that_ends_a_text_is_told_and_what_is_cut_of_a_given_one(client):
    written = client.predict("not bad at all", max_tokens=3, api_name="/generate")
    given = client.predict(TEXT, "film " * 40, api_name="/self_attention")

    assert (written["stopped_at"], written["finished"]) == (3, False)
    assert (len(given["target"]), given["target_left_out"], given["stopped_at"]) == (24, 17, None)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("/generate", {"text": ""}, "There is no text yet"),
        ("/generate", {"text": TEXT, "max_tokens": 10**6}, "whole number from 1 to 128"),
        ("/generate", {"text": TEXT, "beams": 10**6, "strategy": "beam"}, "from 2 to 6"),
        ("/generate", {"text": TEXT, "temperature": 0}, r"number from 0\.05"),
        ("/generate", {"text": TEXT, "bundle": "Second"}, "Second does not write"),
        ("/cross_attention", {"text": TEXT, "layer": 3}, "this model has layers 1 to 2"),
        ("/cross_attention", {"text": TEXT, "target": ["a"]}, "type list; expected a string"),
        ("/cross_attention", {"text": TEXT, "target": 0}, "type int; expected a string"),
        ("/cross_attention", {"text": TEXT, "target": "a" * 10_001}, "10,001 characters"),
    ],
)
def test_a_bad_request_gets_a_sentence(client, name, values, message):
    with pytest.raises(AppError, match=message):
        client.predict(**values, api_name=name)


def test_a_decoder_of_another_kind_follows_a_text_of_its_own_pieces(client, foreign):
    answer = client.predict(
        TEXT, "naïve 😍", layer=3, head=4, bundle="Foreign", api_name="/cross_attention"
    )

    assert "".join(one["piece"] for one in answer["target"][:-1]) == "naÃ¯veĠðŁĺį"
    assert answer["target"][-1]["special"]
    assert np.array(answer["weights"]).shape == (12, len(answer["tokens"]))
    assert answer["precision"] == "float32"
    offered = {one["piece"]: one["text"] for each in answer["target"] for one in each["candidates"]}
    parts = {piece: text for piece, text in offered.items() if text.startswith("⟨")}
    assert parts, "parts of characters are as the page shows them"
    assert "\ufffd" not in "".join(offered.values())


def test_a_program_that_cancels_ends_the_work(client, monkeypatch, when_it_rests):
    runs = []
    run = DecoderSession.run

    def slowly(*given):
        runs.append(1)
        time.sleep(0.5)
        return run(*given)

    monkeypatch.setattr(DecoderSession, "run", slowly)
    job = client.submit("not bad at all", api_name="/generate")  # 24 tokens, if nobody stops it
    next(iter(job))
    job.cancel()

    assert 0 < when_it_rests(lambda: len(runs)) < 24
