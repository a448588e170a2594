"""Types of heads, rollout and joined maps: as programs get them, and as the page does."""

import math

import numpy as np
import pytest

from explorer.errors import RequestError
from explorer.inference.encoder import EncoderModel
from explorer.inference.tokens import group_words
from explorer.maps.head_types import head_types
from explorer.maps.view import encoder_maps, last_row, rollout_row
from explorer.ui.models import PageModels

TEXT = "unbelievable music, was it unbad?"


@pytest.fixture(scope="module")
def ask(model, foreign, endpoints_of):
    """Calls an endpoint, as the server does."""
    api = endpoints_of(PageModels([model, EncoderModel(foreign)]))
    return lambda *values, api_name, **named: getattr(api, api_name[1:])(*values, **named)


@pytest.fixture(scope="module")
def reading(model):
    return model.read(TEXT)


def by_words(row, reading):
    return [sum(float(row[place]) for place in word.places) for word in group_words(reading.tokens)]


@pytest.mark.parametrize("special_tokens", [True, False])
def test_rollout_is_told_by_words_with_what_is_hidden(ask, reading, special_tokens):
    answer = ask(TEXT, special_tokens=special_tokens, api_name="/rollout")

    words = group_words(reading.tokens)
    shown = [place for place, word in enumerate(words) if special_tokens or not word.special]
    own = [place for place, word in enumerate(words) if not word.special]
    assert answer["indexes"] == shown
    assert [word["text"] for word in answer["words"]] == [word.text for word in words]
    for name, row_of in (("rollout", rollout_row), ("last_layer", last_row)):
        whole = by_words(row_of(reading.weights, reading.kept_heads), reading)
        kept = sum(whole[place] for place in shown)
        expected = [whole[place] / kept for place in shown]
        assert answer[name]["shares"] == pytest.approx(expected, abs=2e-6)
        assert answer[name]["removed"] == pytest.approx(1 - kept, abs=2e-6)
        parts = [whole[place] / sum(whole[one] for one in own) for place in own]
        nats = -sum(part * math.log(part) for part in parts)
        assert answer[name]["entropy"] == pytest.approx(nats / math.log(len(own)), abs=1e-5)


def test_rollout_by_tokens(ask, reading):
    answer = ask(TEXT, words=False, api_name="/rollout")

    np.testing.assert_allclose(
        answer["rollout"]["shares"], rollout_row(reading.weights, reading.kept_heads), atol=1e-6
    )
    assert answer["words"] is None


@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize("kind", ["attention", "norm_weighted"])
def test_every_head_has_the_type_that_the_page_says(ask, reading, words, kind):
    answer = ask(TEXT, words=words, kind=kind, api_name="/head_types")

    maps = encoder_maps(reading, words=words, by_norms=kind == "norm_weighted")
    assert [len(row) for row in answer["heads"]] == [2, 2]
    for layer, row in enumerate(answer["heads"]):
        for said, found in zip(row, head_types(maps.of_layer(layer), maps.measure), strict=True):
            assert said["type"] == found.name
            assert said["score"] == pytest.approx(found.score, abs=1e-5)
            assert said["entropy"] == pytest.approx(found.entropy, abs=1e-5)
            assert said["shares"] == pytest.approx(found.shares, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("/head_types", {"kind": "raw"}, "kind is 'raw'; expected \"attention\" or"),
        ("/head_types", {"words": "yes"}, "words is 'yes'; expected true or false"),
        ("/rollout", {"special_tokens": 1}, "special_tokens is 1; expected true or false"),
        ("/rollout", {"bundle": "../etc"}, "There is no bundle '../etc'"),
        ("/attention", {"kind": ["norm_weighted"]}, "kind is ['norm_weighted']"),
    ],
)
def test_a_bad_request_gets_a_sentence(ask, name, values, message):
    with pytest.raises(RequestError) as refused:
        ask(TEXT, **values, api_name=name)

    assert message in str(refused.value)


def test_attention_joins_heads_and_layers_and_weighs_by_norms(ask, reading):
    answer = ask(TEXT, layer="max", head="mean", kind="norm_weighted", api_name="/attention")

    carried = reading.weights * reading.value_norms[:, :, None]
    shares = carried / carried.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(answer["weights"], shares.mean(axis=1).max(axis=0), atol=2e-6)
    assert (answer["layer"], answer["head"], answer["kind"]) == ("max", "mean", "norm_weighted")


def test_a_foreign_decoders_cross_attention_is_weighed_too(ask):
    plain, weighed = (
        ask(TEXT, "naive", kind=kind, words=True, bundle="Foreign",
                       api_name="/cross_attention")
        for kind in ("attention", "norm_weighted")
    )  # fmt: skip

    assert weighed["target_words"][0]["text"] == "naive"
    np.testing.assert_allclose(np.sum(weighed["weights"], axis=1), 1, atol=1e-4)
    assert not np.allclose(plain["weights"], weighed["weights"], atol=1e-3)
