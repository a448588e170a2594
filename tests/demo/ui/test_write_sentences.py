"""What the Write tab says: in numbers that are those of the text, and nothing it does not know."""

import dataclasses
import json

import pytest

from bundle_format.schema import DecoderMetrics
from bundle_format.typed_json import read_object
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.ui import payloads, wording
from explorer.ui.tasks.known import promise
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings


@pytest.fixture(scope="module")
def generator(model):
    return TextGenerator(model)


@pytest.fixture(scope="module")
def written(model, generator):
    def write(text, **settings):
        *_, generation = generator.write(model.read(text), Settings(**settings))
        return generation

    return write


@pytest.mark.parametrize(
    ("text", "most", "asked", "said"),
    [
        ("the film is good", 64, 64, "{} tokens, ended by itself"),
        ("the film is good", 1, 1, "1 token, stopped at the limit of 1 token"),
        ("not bad at all", 3, 3, "3 tokens, stopped at the limit of 3 tokens"),
        ("not bad at all", 3, 64, "3 tokens, unfinished: stopped"),
        (
            "not bad at all", 128, 128,
            "24 tokens, stopped at the limit of 24 tokens, as many as this decoder can write",
        ),
    ],
)  # fmt: skip
def test_the_state_of_a_text(written, generator, text, most, asked, said):
    """`asked` for so many tokens, a reader stopped it at `most`."""
    generation = written(text, max_tokens=most)
    limit = generator.stopped_at(generation, Settings(max_tokens=asked))

    found = wording.state(generation, generator.decoder, limit, busy=False)

    assert found == said.format(len(generation.ids))
    so_far = wording.state(generation, generator.decoder, limit, busy=True)
    assert so_far == f"{found.split(',')[0]} so far"


def test_an_end_that_is_forced_on_the_last_token_is_no_end_of_its_own(
    written, generator, monkeypatch
):
    cut, whole = written("not bad at all", max_tokens=3), written("the film is good")
    end = generator.decoder.settings.ends[0]
    *before, last = cut.steps
    forced = dataclasses.replace(
        cut, steps=(*before, dataclasses.replace(last, token_id=end)), finished=True
    )
    settings = dataclasses.replace(generator.decoder.settings, forced_eos_token_id=end)
    monkeypatch.setattr(
        generator, "decoder", dataclasses.replace(generator.decoder, settings=settings)
    )

    assert generator.stopped_at(forced, Settings(max_tokens=3)) == 3
    assert generator.stopped_at(whole, Settings(max_tokens=len(whole.ids))) is None


def test_a_source_longer_than_the_text_may_be_is_noticed(written, bundle):
    notices = wording.write_notices(written("film " * 12, max_tokens=8), bundle, 8)

    assert len(notices) == 1
    assert notices[0].startswith("The source has 14 tokens, and at most 8 are written")
    assert wording.write_notices(written("film " * 12), bundle, 64) == []
    assert "at most 24 are" in wording.write_notices(written("film " * 28), bundle, 64)[0]


def test_a_source_longer_than_any_that_was_learned_is_noticed(written, bundle, copy_of_tiny):
    said = json.loads((bundle.folder / "bundle.json").read_text("utf-8"))["decoder"]
    noted = {"checkpoint": {"recipe": {"longest": 32}, "data": {"longest": 4}}}
    ours = open_bundle(copy_of_tiny(decoder={**said, "task": "pairs", **noted}))

    notices = wording.write_notices(written("the film, unbad film"), ours, 64)

    assert notices == [
        "The source has 5 words, and this decoder learned from sources of 4 words at most: it may "
        "lose its way."
    ]
    assert wording.write_notices(written("the film is good"), ours, 64) == []


@pytest.mark.parametrize(("task", "learned"), [("restore", 4), ("pairs", None)])
def test_a_recipes_limit_is_that_of_a_restorer_alone(task, learned, bundle, copy_of_tiny):
    said = json.loads((bundle.folder / "bundle.json").read_text("utf-8"))["decoder"]
    noted = {"task": task, "checkpoint": {"recipe": {"longest": 4}}}

    assert open_bundle(copy_of_tiny(decoder={**said, **noted})).decoder.longest_learned == learned


def test_what_had_no_room_in_the_source_is_noticed(written, bundle):
    first = wording.write_notices(written("film " * 40), bundle, 64)[0]

    assert "this text has 42: 10 were left out of what the decoder sees and of the maps" in first


@pytest.mark.parametrize(
    ("metrics", "worth"),
    [
        ({}, ""),
        ({"test": None}, ""),
        ({"test": {"word_error_rate": 0.1234}}, ""),
        (
            {"test": {"word_error_rate": 0.1234}, "copied": {"word_error_rate": 0.173}},
            "restores unseen sentences: 17.3% of words wrong before, 12.3% after"
            " (by the float32 weights)",
        ),
        ({"test": {"rougeL": 0.31}}, "ROUGE-L 0.31 on unseen texts (by the float32 weights)"),
    ],
)
def test_what_its_texts_were_worth_is_said_if_it_is_known(bundle, metrics, worth):
    decoder = dataclasses.replace(bundle.decoder, metrics=read_object(DecoderMetrics, metrics))

    assert wording.worth(decoder) == worth
    facts = payloads.facts(dataclasses.replace(bundle, decoder=decoder))["facts"]
    assert (worth in facts) == bool(worth)


def test_the_graph_that_writes_is_named_where_it_is_another_kind(bundle, foreign):
    mixed = dataclasses.replace(bundle, decoder=foreign.decoder)

    assert wording.sizes(bundle) == "decoder: 2 layers × 2 heads"
    assert wording.sizes(mixed) == "decoder: 3 layers × 4 heads, float32 weights"
    assert wording.about(mixed)[1] == "The decoder runs the float32 graph."


def test_the_8_bit_decoder_says_how_far_its_cross_attention_is_off(copy_of_tiny, bundle):
    graphs = json.loads((bundle.folder / "bundle.json").read_text("utf-8"))["graphs"]
    graphs["generate"]["8bit"]["map_error"] = {
        "decoder_attentions": {"mean": 0.5},
        "cross_attentions": {"mean": 0.012, "p99": 0.2},
    }

    line = wording.about(open_bundle(copy_of_tiny(graphs=graphs)))[1]

    assert "a row of a cross-attention map moves 1.2% of its attention on average, 20.0%" in line


def test_the_promise_is_what_the_models_can_do(bundle, foreign, copy_of_tiny):
    classifies = open_bundle(copy_of_tiny(tasks=["classify"]))

    assert "the model's answer, and see" in promise([classifies])
    assert "watch the model write" in promise([foreign])
    assert promise([classifies, foreign]) == promise([bundle])
    assert "answer or watch it write" in promise([bundle])


def test_a_restorer_says_what_it_wants(bundle, foreign):
    assert "masked, missing, swapped or mistyped" in wording.asked(bundle.decoder)
    assert "restored" not in wording.asked(foreign.decoder)


def test_a_mask_is_named_as_the_tokenizer_has_it(model, foreign):
    assert model.mask == EncoderModel(foreign).mask == "[MASK]"
