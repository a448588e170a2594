"""The greedy loop, and its two engines side by side."""

import numpy as np
import onnx
import pytest
import torch

from export.eval_texts import Sources
from export.quantize.agreement import same_texts
from export.runtime.session import open_session
from export.runtime.strategies import graph_next_logits, write_greedily
from export.runtime.writing import torch_next_logits
from export.verification.against_torch import check_texts
from export.verification.checks import Checks
from training.model.decoder import GPTDecoder, Source


def scripted(*texts: list[int]):
    """Steps that score the next token of each text highest; what they were fed is kept."""
    fed: list[list[int]] = []

    def step(newest: np.ndarray) -> np.ndarray:
        fed.append(newest[:, 0].tolist())
        scores = np.zeros((len(texts), 10), np.float32)
        for row, text in enumerate(texts):
            scores[row, text[len(fed) - 1]] = 1
        return scores

    return step, fed


def test_each_text_ends_at_its_end_token_and_all_of_them_at_the_most() -> None:
    step, fed = scripted([4, 9, 5, 6], [7, 8, 9, 5], [1, 2, 3, 4])

    written = write_greedily(step, 3, start=0, end=9, most=4)

    assert written == [[4], [7, 8], [1, 2, 3, 4]]
    assert fed == [[0, 0, 0], [4, 7, 1], [9, 8, 2], [5, 9, 3]]


def test_nothing_runs_when_all_have_ended_and_without_an_end_none_does() -> None:
    step, fed = scripted([4, 9, 5, 6], [9, 8, 9, 5])
    assert write_greedily(step, 2, start=0, end=9, most=4) == [[4], []]
    assert len(fed) == 2

    step, fed = scripted([4, 9, 5, 6], [9, 8, 9, 5])
    assert write_greedily(step, 2, start=0, end=None, most=3) == [[4, 9, 5], [9, 8, 9]]


def test_graph_and_torch_score_alike_step_by_step(
    decoder_graph: onnx.ModelProto, decoder: GPTDecoder
) -> None:
    random = np.random.default_rng(0)
    hidden = random.standard_normal((3, 7, 24), np.float32)
    mask = np.ones((3, 7), np.int64)
    mask[1, 4:] = 0
    source = Source(torch.from_numpy(hidden), torch.from_numpy(mask).bool())
    engines = (
        graph_next_logits(open_session(decoder_graph), hidden, mask),
        torch_next_logits(decoder, source),
    )

    for newest in random.integers(0, 40, (6, 3, 1)):
        one, other = (step(newest) for step in engines)
        assert one.shape == (3, 40)
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([5, 6, 7], None),
        ([5, 8, 7], "greedy text of source 1: token 2 is 8, torch writes 6"),
        ([5, 6], "greedy text of source 1: token 3 is the end, torch writes 7"),
        ([5, 6, 7, 7], "greedy text of source 1: token 4 is 7, torch writes the end"),
    ],
)
def test_a_text_that_differs_is_told_with_its_place(found: list[int], told: str | None) -> None:
    checks, expected = Checks(), [[1, 2], [5, 6, 7]]

    check_texts(expected, [[1, 2], found], checks)

    assert checks.failures == ([told] if told else [])
    greedy = same_texts(Sources(texts=[], origin="here"), expected, [[1, 2], found])
    assert greedy.same_text == (0.5 if told else 1)
