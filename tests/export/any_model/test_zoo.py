"""Every family of the tables, on every task: proven against `transformers`, or refused."""

import pytest

from export.any_model.random_models import SIZES
from export.graphs.families import REFUSED, TESTED
from export.graphs.tasks import TASKS
from export.zoo import main, try_family


def test_every_family_of_the_tables_has_a_random_model() -> None:
    assert SIZES.keys() >= TESTED
    assert SIZES.keys() <= TESTED | REFUSED.keys()


def test_the_table_has_a_row_for_each_family_and_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--families", "mpnet", "fnet", "--tasks", "fill"]) == 0

    head, _, opened, refused = capsys.readouterr().out.splitlines()
    assert head.startswith("| family | task | blocks | answers | hidden states | maps | without")
    assert refused.startswith("| fnet | fill | refused: the config of a fnet does not say num_at")
    family, task, blocks, *differences = opened.strip("| ").split(" | ")
    assert (family, task, blocks, len(differences)) == ("mpnet", "fill", "3", 5)
    assert all(0 < float(one) < 1e-3 for one in differences)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("family", sorted(SIZES))
def test_a_random_model_is_proven_or_refused(family: str, task: str) -> None:
    found = try_family(family, TASKS[task])

    if family in REFUSED and not found.no_head:
        assert found.refused
    else:
        assert (found.refused, found.failures) == ("", ())
