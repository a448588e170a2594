"""What the controls of the Write tab begin with: what the bundle's `generation_config.json` has."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bundle_format.generation import Generation, not_implemented
from bundle_format.schema import Languages
from explorer.errors import RequestError
from explorer.ui.checks import check_settings, first_settings, unusual_settings
from explorer.ui.panels.decoding import shown_settings
from explorer.writing.settings import Settings

LANGUAGES = Languages(tokens={"en_XX": 4, "de_DE": 5}, source="en_XX")


@pytest.fixture
def decoder_with(bundle):
    def made(languages=None, **settings):
        said = Generation(decoder_start_token_id=2, **settings)
        return replace(bundle.decoder, settings=said, languages=languages)

    return made


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ({}, Settings()),
        ({"num_beams": 1, "do_sample": False, "temperature": 0.7}, Settings(temperature=0.7)),
        ({"num_beams": 30, "max_length": 5}, Settings(strategy="beam", beams=6, max_tokens=4)),
        ({"do_sample": True}, Settings(strategy="sample", top_k=50)),
        ({"do_sample": True, "top_k": 0, "top_p": 0.9}, Settings(strategy="sample", top_p=0.9)),
        ({"max_new_tokens": 9999, "max_length": 5}, Settings(max_tokens=128)),
        (
            {"repetition_penalty": 1.2, "no_repeat_ngram_size": 3},
            Settings(repetition_penalty=1.2, no_repeat_ngram=3),
        ),
    ],
)
def test_they_are_those_of_generate_within_the_bounds_of_the_page(decoder_with, said, first):
    decoder = decoder_with(**said)

    assert first_settings(decoder) == check_settings({}, decoder) == first
    assert unusual_settings(first, decoder) == {}


def test_whoever_says_a_value_has_it(decoder_with):
    decoder = decoder_with(num_beams=4, max_new_tokens=20)

    own = check_settings({"strategy": "greedy"}, decoder)
    assert own == Settings(max_tokens=20)
    assert unusual_settings(own, decoder) == {"strategy": "greedy"}
    assert "do_sample beside num_beams" in not_implemented({"do_sample": True, "num_beams": 4})[0]


def test_languages_are_offered_and_no_other_is_taken(decoder_with):
    decoder = decoder_with(LANGUAGES, forced_bos_token_id=5)
    first = first_settings(decoder)
    assert (first.source_language, first.target_language) == ("en_XX", "de_DE")
    asked = check_settings({"target_language": "en_XX", "source_language": ""}, decoder)
    assert unusual_settings(asked, decoder) == {"target_language": "en_XX"}

    model = SimpleNamespace(bundle=SimpleNamespace(decoder=decoder), chats=False)
    shown = shown_settings(first, model)["target_language"]
    assert (shown["value"], shown["visible"]) == ("de_DE", True)
    assert shown["choices"] == ["en_XX", "de_DE"]
    for wrong in ("<img>", 5, ["en_XX"]):
        with pytest.raises(RequestError, match=r"no language .* this model has en_XX, de_DE"):
            check_settings({"source_language": wrong}, decoder)
    with pytest.raises(RequestError, match="this model has none to choose from"):
        check_settings({"source_language": "en_XX"}, decoder_with())
