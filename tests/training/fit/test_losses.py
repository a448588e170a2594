"""The sampled loss: with all words drawn it is torch's own; with some, the same in the mean."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from training.fit.losses import draw_candidates, sampled_cross_entropy

WORDS = 60


def make() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    hidden = torch.randn(7, 12, requires_grad=True)
    return hidden, torch.randn(WORDS, 12), torch.randint(0, WORDS, (7,))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_with_every_word_drawn_it_is_the_whole_softmax(smoothing: float) -> None:
    ours, table, targets = make()
    theirs = ours.detach().clone().requires_grad_()
    candidates = draw_candidates(targets, vocabulary=WORDS, drawn=WORDS)

    found = sampled_cross_entropy(ours, table, targets, candidates, label_smoothing=smoothing)
    expected = cross_entropy(theirs @ table.T, targets, reduction="none", label_smoothing=smoothing)
    found.sum().backward()
    expected.sum().backward()

    assert candidates.token_ids.tolist() == list(range(WORDS))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_the_drawn_words_stand_for_all_others_in_the_mean() -> None:
    hidden, table, targets = make()
    whole = (hidden @ table.T).exp().sum(dim=1)

    estimates = []
    for _ in range(1000):
        candidates = draw_candidates(targets, vocabulary=WORDS, drawn=15)
        words, log_copies = candidates
        estimates.append(((hidden @ table[words].T) + log_copies).exp().sum(dim=1))

    loss = sampled_cross_entropy(hidden, table, targets, candidates)
    right = (hidden * table[targets]).sum(dim=1)
    torch.testing.assert_close(loss, estimates[-1].log() - right)
    mean = torch.stack(estimates).mean(dim=0)
    torch.testing.assert_close(mean, whole, rtol=0.1, atol=0.0)


def test_certain_words_are_there_once_and_for_themselves() -> None:
    torch.manual_seed(0)
    certain = torch.tensor([9, 4, 9, 31])

    words, log_copies = draw_candidates(certain, vocabulary=WORDS, drawn=19)

    assert len(words) == len(words.unique()) == 3 + 19
    assert words.tolist() == sorted(words.tolist())
    assert log_copies[torch.isin(words, certain)].tolist() == [0, 0, 0]
    # 57 others, of which 19 were drawn: each stands for three.
    assert log_copies[~torch.isin(words, certain)].exp().tolist() == pytest.approx([3.0] * 19)
