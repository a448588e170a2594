"""What an export of a large model takes is told before it is spent."""

import pytest

from export.loading.memory import check_memory, free_memory, show_memory

WEIGHTS, GIGABYTE = 538_000_000, 10**9


def test_memory_is_told_before_it_is_spent() -> None:
    assert show_memory(WEIGHTS, 20 * GIGABYTE) == "up to about 6 GB; 20 GB are free"
    assert show_memory(WEIGHTS, None) == "up to about 6 GB"
    assert show_memory(WEIGHTS, 4 * GIGABYTE).endswith(
        "4 GB are free: it may not be enough; close other programs"
    )


def test_what_cannot_end_is_not_begun() -> None:
    check_memory(WEIGHTS, 3 * GIGABYTE)
    check_memory(WEIGHTS, None)
    with pytest.raises(ValueError, match=r"0\.5 GB of weights takes 2\.7 GB more .* 1\.0 GB are"):
        check_memory(WEIGHTS, GIGABYTE)


def test_free_memory_is_that_of_this_machine() -> None:
    free = free_memory()

    assert free is None or free > WEIGHTS // 10
