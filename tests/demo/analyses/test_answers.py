"""Many texts through one graph: in their own order, as each alone, told step by step."""

import numpy as np
import pytest

from explorer.analyses import perturbation as module
from explorer.analyses.perturbation import answers
from explorer.inference.cost import Progress, Throughput, nested, run_to_end
from explorer.inference.tokenizing import deleted, masked
from explorer.inference.tokens import group_words

TEXTS = ["The music was dull", "good", "not bad at all, the story is great!", "bad", "was it good?"]


@pytest.fixture(scope="module")
def encoded(model):
    return [model.encode(text) for text in TEXTS]


@pytest.mark.parametrize("rows", [1, 2, 32])
def test_every_text_is_answered_as_it_is_alone(model, encoded, monkeypatch, rows):
    monkeypatch.setattr(module, "_ROWS", rows)
    alone = np.stack([model.read(text).logits for text in TEXTS])

    np.testing.assert_allclose(run_to_end(answers(model, encoded)).logits, alone, atol=1e-6)


def test_each_text_has_its_own_head_mask(model, encoded):
    bundle = model.bundle
    masks = np.ones((len(TEXTS), bundle.layers, bundle.heads), np.float32)
    for row in range(len(TEXTS)):
        masks[row, row % bundle.layers, row % bundle.heads] = 0
    alone = [
        model.run([text], mask[None])[0].logits for text, mask in zip(encoded, masks, strict=True)
    ]

    np.testing.assert_allclose(run_to_end(answers(model, encoded, masks)).logits, alone, atol=1e-6)


def test_progress_is_told_after_every_run_and_ends_at_all(model, encoded, monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 2)

    assert list(nested(answers(model, encoded), 3, 9)) == [
        Progress(5, 9), Progress(7, 9), Progress(8, 9),
    ]  # fmt: skip


def test_long_texts_are_read_in_small_batches(model, monkeypatch):
    monkeypatch.setattr(module, "_MAP_BYTES", 4 * model.bundle.layers * model.bundle.heads * 9**2)
    text = model.encode("good good good")
    sizes = []

    def answer(batch, mask):
        sizes.append(len(batch))
        return np.zeros((len(batch), len(model.bundle.labels)))

    monkeypatch.setattr(model, "answer", answer)

    run_to_end(answers(model, [text] * 7))

    assert len(text.ids) == 5
    assert sizes == [3, 3, 1]  # 9 x 9 cells hold three maps of 5 x 5


def test_words_are_dropped_and_masked_with_all_their_pieces(model):
    encoded = model.encode("unbelievable music", "was it?")
    words = group_words(encoded.tokens)
    music = next(word for word in words if word.text == "music")

    shorter = deleted(encoded, music.places)
    hidden = masked(encoded, music.places, 4)

    assert [token.text for token in shorter.tokens] == [
        token.text for token in encoded.tokens if token.text != "music"
    ]
    assert len(shorter.ids) == len(shorter.segment_ids) == len(encoded.ids) - 1
    assert [hidden.ids[place] for place in music.places] == [4]
    assert "".join(word.text for word in words if not word.special) == "unbelievablemusicwasit?"


def test_throughput_tells_the_cost_of_texts_and_how_many_fit():
    times = iter([10.0, 12.0])
    throughput = Throughput(clock=lambda: next(times))
    assert throughput.texts_within(15, 100) == 1  # nothing is known yet

    with throughput.measuring(1000):
        pass

    assert throughput.cost(50, 100) == (50, 10.0)
    assert throughput.texts_within(15, 100) == 75


def test_one_run_that_had_to_wait_does_not_change_the_cost():
    seconds = [1.0, 1.0, 1.0, 60.0, 1.0, 2.0, 2.0, 2.0]
    times = iter(np.cumsum([one for each in seconds for one in (0.0, each)]).tolist())
    throughput = Throughput(clock=lambda: next(times))

    told = []
    for _ in seconds:
        with throughput.measuring(100):
            pass
        told.append(throughput.cost(1, 100).seconds)

    assert told == pytest.approx([1, 1, 1, 1, 1, 1, 2, 2])
