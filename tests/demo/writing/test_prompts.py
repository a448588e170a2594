"""A decoder alone goes on from a prompt, in its chat template or not, by a cache or by reading all
again. See make_prompt_bundle.py."""

import json
import shutil

import numpy as np
import pytest

from decoding import chat_template
from explorer.analyses.generated_text import (
    FROM_PROMPT,
    SOURCE_REMOVALS,
    decoder_head_effects,
    source_attribution,
)
from explorer.bundle import open_bundle
from explorer.errors import RequestError
from explorer.inference.cost import run_to_end
from explorer.writing.generation import WRITTEN
from explorer.writing.generator import TextGenerator
from explorer.writing.prompt import PromptModel
from explorer.writing.settings import Settings

PROMPT = "the film was not good"
STRATEGIES = {
    "greedy": Settings(max_tokens=16),
    "beam": Settings(strategy="beam", beams=3, max_tokens=16),
    "no repeats": Settings(repetition_penalty=1.5, no_repeat_ngram=2, max_tokens=16),
}


@pytest.fixture(scope="module", params=["prompt_bundle", "uncached_bundle"])
def prompts(request, demo_tests):
    return PromptModel(open_bundle(demo_tests / request.param))


@pytest.fixture(scope="module")
def generator(prompts):
    return TextGenerator(prompts)


@pytest.fixture(scope="module")
def written(prompts, generator):
    *_, generation = generator.write(prompts.read(PROMPT, chat=False), Settings(max_tokens=6))
    return generation


def test_it_writes_what_transformers_writes(prompts, generator, demo_tests):
    texts = json.loads((demo_tests / "prompt_texts.json").read_text("utf-8"))
    expected = texts[prompts.bundle.folder.name]
    assert len(expected) == 9
    for asked in expected:
        given = prompts.read(asked["prompt"], chat=False)
        *_, generation = generator.write(given, STRATEGIES[asked["way"]])

        assert generation.ids == asked["ids"], asked


def test_step_by_step_it_attends_as_in_one_run(prompts, generator, written):
    whole = generator.follow(prompts.read(PROMPT, chat=False), written.ids)

    assert written.self_weights.shape == (3, 4, 6, 10)
    assert [token.text for token in written.before[:5]] == PROMPT.split()
    np.testing.assert_allclose(written.self_weights.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(written.self_weights, whole.self_weights, atol=1e-5)
    np.testing.assert_allclose(written.value_norms(WRITTEN), whole.value_norms(WRITTEN), atol=1e-4)


def test_the_chat_template_stands_around_the_prompt_and_is_special(prompts, generator):
    given = prompts.read(PROMPT)

    pieces = [token.piece for token in given.tokens]
    assert pieces == ["<s>", "user", ":", *PROMPT.split(), "</s>"]
    assert [token.text for token in given.tokens if not token.special] == PROMPT.split()
    *_, generation = generator.write(given, Settings(max_tokens=2))
    assert len(generation.before) == len(given.tokens) + len(generation.steps) - 1


def test_a_word_of_the_prompt_is_deleted(prompts, generator, written):
    found = run_to_end(source_attribution(prompts, generator, written, FROM_PROMPT))

    assert [word.text for word in found.words] == PROMPT.split()
    shorter = generator.follow(prompts.read("the film was good", chat=False), written.ids)
    logs = np.log([step.probability for step in written.steps])
    less = np.log([step.probability for step in shorter.steps])
    np.testing.assert_allclose(found.effects[:, 3], logs - less, atol=1e-4)
    bare = generator.follow(prompts.read("<s>", chat=False), written.ids)
    nothing = np.log([step.probability for step in bare.steps])
    np.testing.assert_allclose(found.whole, logs - nothing, atol=1e-4)


def test_a_source_is_not_removed_where_there_is_none(prompts, generator, written):
    with pytest.raises(RequestError, match="goes on from a prompt"):
        run_to_end(source_attribution(prompts, generator, written, SOURCE_REMOVALS[0]))


def test_each_of_its_heads_is_ablated(generator, written):
    found = run_to_end(decoder_head_effects(generator, written))

    assert found.effects.shape == (1, 3, 4, 6)
    assert np.isfinite(found.effects).all()
    assert np.abs(found.effects).max() > 0.01


def test_a_prompt_that_leaves_no_room_is_refused(prompts):
    with pytest.raises(RequestError, match=r"has 40 tokens; .* 32 at most"):
        prompts.read("film " * 40, chat=False)


_ENDLESS = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (b"{{ raise_exception('no') }}", "no"),
        (b"{% for %}", "Expected"),
        (b" ", "it is empty"),
        (b"\xff", "'utf-8' codec"),
        (b"nothing of it", "it leaves out what it is given"),
        (b"{{ ('a' * 99999) * 99999 }}", "it needs more than 512 MB"),
        (b"{% for i in range(99999) %}{{ 'a' * 999 }}{% endfor %}", "it makes more than 60,000"),
        (_ENDLESS.encode(), "it runs for more than 1 seconds"),
        (
            b"{{ messages[0].content }}{{ '\\ud83d' }}{{ '\\ude00' }}",
            "it makes half of a character",
        ),
        (b"{{ raise_exception('half \\ud83d') }}", r"half \ud83d"),
    ],
)
def test_a_bundle_whose_chat_template_fails_goes_on_from_prompts_as_they_are(
    demo_tests, tmp_path, relist, monkeypatch, template, why
):
    monkeypatch.setattr(chat_template, "_SECONDS", 1)
    folder = tmp_path / "copy"
    shutil.copytree(demo_tests / "prompt_bundle", folder)
    (folder / "chat_template.jinja").write_bytes(template)
    relist(folder)

    model = PromptModel(open_bundle(folder))
    given = model.read(PROMPT)

    assert (model.chats, given.templated) == (False, False)
    assert given.untemplated.startswith(why)
    assert [token.piece for token in given.tokens] == PROMPT.split()
    assert model.read(PROMPT, chat=False).untemplated == "", "nobody asked for it"


def test_a_prompt_that_the_chat_template_refuses_is_given_as_it_is(
    demo_tests, tmp_path, relist, monkeypatch
):
    folder = tmp_path / "copy"
    shutil.copytree(demo_tests / "prompt_bundle", folder)
    file = folder / "chat_template.jinja"
    refuses = "{% if 'dull' in messages[0].content %}{{ raise_exception('how dull') }}{% endif %}"
    file.write_text(refuses + file.read_text("utf-8"), encoding="utf-8")
    relist(folder)
    model = PromptModel(open_bundle(folder))
    assert model.chats
    assert model.read(PROMPT).templated

    given = model.read("the dull film")

    assert (given.templated, given.untemplated) == (False, "how dull")
    assert [token.piece for token in given.tokens] == ["the", "dull", "film"]
    monkeypatch.setattr(chat_template.subprocess, "run", None)
    assert model.read("the dull film") == given, "what failed is not run again for each map"


def test_sampling_goes_on_where_all_words_are_forbidden(generator, prompts):
    """The template holds the end as well, so that no more than any other may come again."""
    once = Settings(strategy="sample", no_repeat_ngram=1, max_tokens=40)

    *_, generation = generator.write(prompts.read(PROMPT, chat=True), once)

    assert len(generation.steps) == 24, "as long as there is room"
