"""What the page writes with a bundle of another family, as its readers have it at first, is what
`generate` writes by the settings of the folder: also in another language."""

from dataclasses import replace
from typing import Any

import pytest
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from bundle_format.folder import read_manifest
from bundle_format.schema import Example, Languages
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.ui.models import PageModels, offered_sources
from explorer.writing.settings import Settings

LANGUAGES = {"en_XX": 4, "de_DE": 5, "ro_RO": 6}
PREFIXES = ("the first thing ", "the capital of ")
TEXTS = ("the first thing that she saw", "France", "was the capital of France in the morning")


@pytest.fixture(scope="module")
def theirs(exported) -> tuple[Any, Any]:
    folder, _ = exported("bart")
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, attn_implementation="eager").eval()
    return model, AutoTokenizer.from_pretrained(folder)


@pytest.fixture
def page(exported) -> PageModels:
    return PageModels([EncoderModel(open_bundle(exported("bart")[1]))])


def written_by(theirs: tuple[Any, Any], text: str, language: str = "", **how: Any) -> list[int]:
    model, tokenizer = theirs
    given = tokenizer(text, return_tensors="pt")
    if language:  # as `src_lang` of tokenizers that translate
        given["input_ids"][0, 0] = LANGUAGES[language]
    return model.generate(**given, **how)[0, 1:].tolist()


def test_at_first_it_is_written_as_generate_writes(page: PageModels, theirs) -> None:
    title = page.first("write")
    first = page.settings(title)
    assert (first.strategy, first.beams, first.max_tokens) == ("beam", 3, 13)
    assert first.no_repeat_ngram == 2

    for text in TEXTS:
        assert page.written(title, text).ids == written_by(theirs, text)
    shorter = page.settings(title, strategy="greedy", max_tokens=8)
    wanted = written_by(theirs, TEXTS[0], num_beams=1, max_length=9)
    assert page.written(title, TEXTS[0], shorter).ids == wanted


@pytest.mark.parametrize(("source", "target"), [("ro_RO", "en_XX"), ("en_XX", "de_DE")])
def test_another_language_is_read_and_written(page, theirs, source: str, target: str) -> None:
    title = page.first("write")
    asked = page.settings(title, {"source_language": source, "target_language": target})

    found = page.written(title, TEXTS[0], asked)

    wanted = written_by(theirs, TEXTS[0], source, forced_bos_token_id=LANGUAGES[target])
    assert found.ids == wanted
    assert (found.source.tokens[0].piece, found.tokens[0].piece) == (source, target)
    again = page.target(title, TEXTS[0], "she saw", target_language=target)[0]
    assert [token.piece for token in again.tokens] == [target, "she", "saw", "</s>"]


def test_a_language_may_begin_a_text(page: PageModels, theirs) -> None:
    """As in mBART, whose settings have a language as `decoder_start_token_id`."""
    title = page.first("write")
    generator = page.generator(title)
    start = replace(generator.decoder.settings, decoder_start_token_id=4, forced_bos_token_id=None)
    generator.decoder = generator.session.decoder = replace(generator.decoder, settings=start)
    assert generator.decoder.target_language == "en_XX"

    for target in LANGUAGES:
        found = page.written(title, TEXTS[0], page.settings(title, target_language=target))
        begins = {"decoder_start_token_id": LANGUAGES[target], "forced_bos_token_id": None}
        assert found.ids == written_by(theirs, TEXTS[0], **begins), target
        assert found.given_ids == (LANGUAGES[target],)


def test_its_bundle_says_what_may_be_chosen(exported, page: PageModels) -> None:
    decoder = page.bundles[0].decoder
    assert decoder
    assert decoder.languages == Languages(tokens=LANGUAGES, source="de_DE")
    assert decoder.target_language == "de_DE", "which its settings force"
    assert decoder.prefixes == PREFIXES
    (model,) = page.by_title.values()
    model.bundle = replace(model.bundle, examples=tuple(Example(text=text) for text in TEXTS))
    begun = [one.text for one in offered_sources(model)]
    assert begun == [TEXTS[0], *(PREFIXES[0] + text for text in TEXTS[1:])]
    alone = read_manifest(exported("llama")[1]).decoder
    assert alone
    assert (alone.languages, alone.prefixes) == (None, ())
    assert page.settings(page.first("write")) == Settings(
        strategy="beam", beams=3, max_tokens=13, no_repeat_ngram=2,
        source_language="de_DE", target_language="de_DE",
    )  # fmt: skip
