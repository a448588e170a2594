"""The endpoints, asked as a program asks, and the doors that must stay shut."""

import json
import urllib.error
import urllib.request

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from explorer.maps.view import attention_map

TEXT = "Not bad at all, the story is great!"
PAIR = ("The music was dull but the film is good.", "Was it good?")


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


def post(address, content):
    request = urllib.request.Request(
        address, json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        return response.read().decode()


def refusal(request, content=None):
    """The status with which the server refuses a request; fails if it does not."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(request, content) if content else urllib.request.urlopen(request).close()
    refused.value.close()
    return refused.value.code


def call(url, name, *values):
    """Calls an endpoint over plain HTTP; returns the kind of its last event, and its data."""
    event = json.loads(post(f"{url}gradio_api/call/{name}", {"data": values}))["event_id"]
    with urllib.request.urlopen(f"{url}gradio_api/call/{name}/{event}") as response:
        kind, data = response.read().decode().strip().split("\n\n")[-1].split("\n")
    return kind.removeprefix("event: "), data.removeprefix("data: ")


def test_the_text_is_the_only_parameter_that_must_be_given(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]

    for name in ("/classify", "/attention", "/generate", "/cross_attention"):
        parameters = endpoints[name]["parameters"]
        required = [one["parameter_name"] for one in parameters if not one["parameter_has_default"]]
        assert required == ["text"]
    assert endpoints.pop("/health")["parameters"] == []
    for endpoint in endpoints.values():
        assert "at most 10,000 characters" in endpoint["description"]


def test_classify_says_what_the_reading_says(client, model):
    reading = model.read(TEXT)

    answer = client.predict(TEXT, api_name="/classify")

    labels = model.bundle.labels
    assert answer["label"] == labels[reading.logits.argmax()]
    assert list(answer["probabilities"]) == list(labels)
    assert list(answer["probabilities"].values()) == pytest.approx(reading.probabilities, abs=1e-6)
    assert list(answer["logits"].values()) == pytest.approx(reading.logits, abs=1e-5)
    assert [token["piece"] for token in answer["tokens"]] == [t.piece for t in reading.tokens]
    assert answer["bundle"] == model.bundle.title
    assert answer["precision"] == "8bit"
    assert answer["tokens_left_out"] == 0


def test_attention_of_one_head_is_its_map(client, model):
    reading = model.read(*PAIR)

    answer = client.predict(*PAIR, layer=1, head=2, api_name="/attention")

    np.testing.assert_allclose(answer["weights"], reading.weights[0, 1], atol=1e-6)
    assert (answer["layer"], answer["head"]) == (1, 2)
    assert answer["indexes"] == list(range(len(reading.tokens)))
    assert {token["segment"] for token in answer["tokens"]} == {0, 1}


def test_heads_can_be_left_out(client, model):
    reading = model.read(TEXT, ablated=((0, 1), (1, 0)))

    answer = client.predict(TEXT, without=[[2, 1], [1, 2]], api_name="/classify")
    shown = client.predict(TEXT, layer=2, head=2, without=[[2, 1], [1, 2]], api_name="/attention")

    assert list(answer["probabilities"].values()) == pytest.approx(reading.probabilities, abs=1e-6)
    assert list(answer["logits"].values()) != pytest.approx(model.read(TEXT).logits, abs=1e-4)
    np.testing.assert_allclose(shown["weights"], reading.weights[1, 1], atol=1e-6)


def test_attention_between_words_says_which_tokens_they_are(client, model):
    reading = model.read("unbelievable film")

    answer = client.predict(
        "unbelievable film", layer=1, head=2, words=True, special_tokens=False,
        api_name="/attention",
    )  # fmt: skip

    view = attention_map(reading, 0, 1, words=True, special_tokens=False)
    np.testing.assert_allclose(answer["weights"], view.weights, atol=1e-6)
    shown = [answer["words"][index] for index in answer["indexes"]]
    assert [word["text"] for word in shown] == ["unbelievable", "film"]
    places = [place for word in answer["words"] for place in word["tokens"]]
    assert places == list(range(len(reading.tokens)))


def test_attention_without_a_choice_is_the_last_layers_mean(client, model):
    answer = client.predict(TEXT, api_name="/attention")

    expected = model.read(TEXT).weights[-1].mean(axis=0)
    np.testing.assert_allclose(answer["weights"], expected, atol=1e-6)
    assert (answer["layer"], answer["head"]) == (model.bundle.layers, "mean")


def test_attention_without_special_tokens_says_what_was_removed(client, model):
    full = model.read(TEXT).weights[0, 0]

    answer = client.predict(TEXT, layer=1, head=1, special_tokens=False, api_name="/attention")

    words = answer["indexes"]
    assert [answer["tokens"][index]["special"] for index in words] == [False] * len(words)
    assert len(words) == len(full) - 2
    left = full[np.ix_(words, words)]
    np.testing.assert_allclose(answer["removed"], 1 - left.sum(axis=1), atol=2e-6)
    expected = left / left.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answer["weights"], expected, atol=2e-6)


def test_another_model_is_asked_by_its_title(client, bundle):
    answer = client.predict(TEXT, bundle="Second", api_name="/classify")

    assert answer["bundle"] == "Second"
    likely = [label for label, share in answer["probabilities"].items() if share > 0.5]
    assert answer["label"] == likely  # Second is a multi-label model


def test_a_text_too_long_for_the_model_is_cut_and_says_so(client):
    answer = client.predict("film " * 100, api_name="/classify")

    assert (len(answer["tokens"]), answer["tokens_left_out"]) == (32, 70)


@pytest.mark.parametrize(
    ("request_values", "message"),
    [
        ({"text": ""}, "There is no text yet"),
        ({"text": "\x00\x01"}, "2 characters long, but none of them can be seen"),
        ({"text": {"a": 1}}, "type dict; expected a string"),
        ({"text": None}, "type NoneType; expected a string"),
        ({"text": "a" * 200_000}, "has 200,000 characters; at most 10,000"),
        ({"text": "a", "text_pair": ["b"]}, "The second text is of type list"),
        ({"text": "a", "layer": 3}, "There is no layer 3; this model has layers 1 to 2"),
        ({"text": "a", "layer": 1, "head": -1}, "There is no head -1"),
        ({"text": "a", "special_tokens": "no"}, "special_tokens is 'no'; expected true or false"),
        ({"text": "a", "bundle": "../etc"}, "There is no bundle '../etc'; this page has: Tiny"),
        ({"text": "a", "bundle": ["Second"]}, r"There is no bundle \['Second'\]"),
    ],
)
def test_a_bad_request_gets_a_sentence(client, request_values, message):
    with pytest.raises(AppError, match=message):
        client.predict(**request_values, api_name="/attention")


def test_half_a_character_gets_a_sentence(url):
    # The client itself cannot send it; JSON can.
    kind, data = call(url, "classify", "half \ud83d", "", "", None)

    assert kind == "error"
    assert "lone surrogate" in data


@pytest.mark.parametrize("name", ["classify", "attention", "read", "choose_head", "begin"])
def test_nothing_goes_round_the_queue(url, name):
    assert refusal(f"{url}gradio_api/run/{name}", {"data": [TEXT]}) in (404, 422)


@pytest.mark.parametrize("path", ["gradio_api/monitoring/summary", "gradio_api/runs"])
def test_what_visitors_did_is_not_to_be_had(url, path):
    assert refusal(url + path) in (403, 404)


def test_files_of_the_server_are_not_to_be_had(url, demo_folder):
    for path in (demo_folder / "app.py", "/etc/passwd"):
        assert refusal(f"{url}gradio_api/file={path}") in (403, 404)
