"""Every family of the tables, on every task: proven against `transformers`, or refused."""

import pytest

from export import zoo
from export.any_model.random_models import SIZES
from export.generators.random_models import PAIRS
from export.generators.random_models import SIZES as GENERATORS
from export.graphs.families import REFUSED, TESTED
from export.graphs.tasks import GENERATE, TASKS, Task
from export.zoo import Found, try_family


def test_every_family_of_the_tables_has_a_random_model() -> None:
    every = {*SIZES, *GENERATORS, "encoder-decoder"}
    assert every >= TESTED
    assert every <= TESTED | REFUSED.keys()


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Makes every family but fnet open; gives what is tried."""
    tried = []

    def try_one(family: str, task: Task) -> Found:
        tried.append((family, task.name))
        if family == "fnet":
            return Found(family=family, task=task.name, refused="it has no heads")
        if task.name == "answer":
            return Found(family=family, task=task.name, no_head=True)
        differences = {"logits": 2e-6, "last_hidden_state": 1e-6, "encoder_attentions": 3e-6}
        return Found(family=family, task=task.name, blocks=3, differences=differences)

    monkeypatch.setattr(zoo, "try_family", try_one)
    return tried


def test_the_table_has_a_row_for_each_family_and_task(
    found: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert zoo.main(["--families", "mpnet", "fnet", "--tasks", "fill", "answer"]) == 0

    head, _, opened, *refused = capsys.readouterr().out.splitlines()
    assert head.startswith("| family | task | blocks | answers | hidden states | maps | without")
    assert opened == "| mpnet | fill | 3 | 2e-06 | 1e-06 | 3e-06 |  |  |  |"
    assert [row.split(" | ")[:3] for row in refused] == [
        ["| fnet", task, "refused: it has no heads"] for task in ("fill", "answer")
    ]
    assert len(found) == 4


def test_the_summary_has_a_row_for_each_family(
    found: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--families", "mpnet", "fnet", "--tasks", "fill", "answer", "--summary"]
    assert zoo.main(flags) == 0

    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == "| family | fill | answer |"
    assert rows == ["| mpnet | 3e-06 | no such head |", "| fnet | refused | refused |"]
    assert len(found) == 4


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted({*GENERATORS, *PAIRS}))
def test_a_random_generator_is_proven_or_refused(family: str) -> None:
    found = try_family(family, GENERATE)

    if family in REFUSED:
        assert found.refused
    else:
        assert (found.refused, found.failures) == ("", ())


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("family", sorted(SIZES))
def test_a_random_model_is_proven_or_refused(family: str, task: str) -> None:
    found = try_family(family, TASKS[task])

    if family in REFUSED and not found.no_head:
        assert found.refused
    else:
        assert (found.refused, found.failures) == ("", ())
