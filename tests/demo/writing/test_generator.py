"""Writing with the tiny bundle: cached steps, strategies, probabilities, and when it stops."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bundle_format.folder import BundleError
from explorer.bundle import open_bundle
from explorer.inference.encoder import EncoderModel
from explorer.writing.decoder import DecoderSession
from explorer.writing.generator import TextGenerator
from explorer.writing.settings import Settings

TEXT = "the film is good"
STRATEGIES = [
    Settings(),
    Settings(strategy="beam", beams=3),
    Settings(strategy="sample", seed=5, temperature=1.5, top_k=20, top_p=0.9),
]


@pytest.fixture(scope="module")
def float32(copy_of_tiny):
    """Steps and full pass agree to the last digits only without 8-bit rounding."""
    return open_bundle(copy_of_tiny(title="float"), "float32")


@pytest.fixture(scope="module")
def reader(float32):
    return EncoderModel(float32)


@pytest.fixture(scope="module")
def source(reader):
    return reader.read(TEXT)


@pytest.fixture(scope="module")
def generator(reader):
    return TextGenerator(reader)


@pytest.mark.parametrize("settings", STRATEGIES, ids=lambda settings: settings.strategy)
def test_cached_steps_equal_one_run_over_the_whole_text(generator, source, settings):
    *_, generation = generator.write(source, settings)

    whole = generator.follow(source, generation.ids)

    assert len(generation.ids) > 2
    np.testing.assert_allclose(generation.cross_weights, whole.cross_weights, atol=1e-5)
    np.testing.assert_allclose(generation.self_weights, whole.self_weights, atol=1e-5)
    for step, other in zip(generation.steps, whole.steps, strict=True):
        assert step.probability == pytest.approx(other.probability, abs=1e-5)
        assert step.entropy == pytest.approx(other.entropy, abs=1e-4)


def test_rows_sum_to_one_and_the_future_gets_nothing(generator, source):
    *_, generation = generator.write(source, Settings())

    np.testing.assert_allclose(generation.cross_weights.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(generation.self_weights.sum(axis=-1), 1, atol=1e-5)
    assert not np.triu(generation.self_weights, k=1).any()


def test_candidates_are_the_ten_likeliest_of_the_whole_vocabulary(generator, source):
    *_, generation = generator.write(source, Settings(max_tokens=1))
    (step,) = generation.steps
    start = np.array([[generator.decoder.start_id]])
    graph = DecoderSession(generator.decoder)
    logits = graph.run(start, graph.begin(source.hidden))[0].logits[0, 0].astype(float)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()

    best = np.argsort(-shares)[:10]

    assert [index for index, _ in step.candidates] == best.tolist()
    assert [share for _, share in step.candidates] == pytest.approx(shares[best])
    assert step.entropy == pytest.approx(-(shares * np.log2(shares)).sum())
    assert step.token_id == best[0]
    assert step.probability == pytest.approx(shares[best[0]])


@pytest.mark.parametrize("settings", STRATEGIES, ids=lambda settings: settings.strategy)
def test_nobody_asks_and_nothing_runs(generator, source, settings, monkeypatch):
    runs = []
    run = DecoderSession.run
    monkeypatch.setattr(DecoderSession, "run", lambda *given: runs.append(1) or run(*given))

    steps = generator.write(source, settings)
    next(steps)
    next(steps)
    steps.close()

    assert len(runs) == 2


def test_one_seed_writes_one_text_and_others_write_others(generator, source):
    def written(seed):
        *_, generation = generator.write(
            source, Settings(strategy="sample", temperature=3.0, seed=seed)
        )
        return tuple(generation.ids)

    assert written(1) == written(1)
    assert len({written(seed) for seed in range(5)}) > 1


def test_a_text_ends_at_its_limit_or_at_the_decoders_own(generator, source):
    *_, short = generator.write(source, Settings(max_tokens=2))
    *_, long = generator.write(source, Settings(strategy="beam", beams=2, max_tokens=128))

    assert (len(short.steps), short.finished) == (2, False)
    assert len(long.steps) <= generator.decoder.max_tokens


def test_the_end_token_is_no_part_of_the_text(generator, source):
    *_, generation = generator.write(source, Settings())

    assert generation.finished
    assert generation.tokens[-1].special
    assert "[SEP]" not in generation.text


def test_pieces_are_joined_to_words(generator, source):
    ids, left_out = generator.target_ids(source, "unbad films", 128)

    generation = generator.follow(source, ids)

    assert generation.text == "unbad films"
    assert [t.continues for t in generation.tokens][:2] == [False, True]
    assert left_out == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"heads": 3, "key_value_heads": 2, "head_size": 4},
            r"gives decoder_attentions of shape \(1, 2, 2, .* has \(1, 2, 3, 1, 1\)",
        ),
        (
            {"layers": 5},
            r"lacks 12 of 23 inputs: past_key_values\.2\.decoder\.key, .* says 5 layers",
        ),
        ({"vocabulary": 50}, r"tokenizer\.json has 101 ids; bundle\.json has 50 as decoder\.voc"),
    ],
)
def test_a_decoder_that_is_not_what_the_bundle_says_is_refused(
    float32, copy_of_tiny, changes, message
):
    content = json.loads((float32.folder / "bundle.json").read_text("utf-8"))
    folder = copy_of_tiny(decoder={**content["decoder"], **changes})

    with pytest.raises(BundleError, match=message):
        TextGenerator(EncoderModel(open_bundle(folder)))


def test_a_decoder_for_wider_hidden_states_is_refused(reader, generator, monkeypatch):
    monkeypatch.setattr(reader, "bundle", replace(reader.bundle, width=16))

    with pytest.raises(BundleError, match=r"reads 8 numbers per token of the source; .* gives 16"):
        TextGenerator(reader)
