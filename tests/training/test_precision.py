"""bfloat16 is used where the hardware has it, and changes a product by its rounding alone."""

import pytest
import torch

from training.recipes import autocast, multiplies_bfloat16, precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True, "avx512_bf16": False}, True),
        ({"bf16": True}, True),
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False}, False),
        ({}, False),
    ],
)
def test_a_cpu_is_asked_for_its_bfloat16_instructions(
    features: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)

    assert multiplies_bfloat16(CPU) is expected
    with autocast(CPU):
        assert torch.is_autocast_enabled("cpu") is expected


def test_a_product_in_bfloat16_is_the_product_to_three_digits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    torch.manual_seed(0)
    left, right = torch.rand(8, 32), torch.rand(32, 8)

    with autocast(CPU):
        found = left @ right

    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), left @ right, rtol=1e-2, atol=0)


@pytest.mark.parametrize(("name", "expected"), [("float32", False), ("bfloat16", True)])
def test_what_a_command_is_told_counts_more_than_the_hardware(
    name: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": not expected})

    with precision(name), autocast(CPU):
        assert torch.is_autocast_enabled("cpu") is expected
    with autocast(CPU):
        assert torch.is_autocast_enabled("cpu") is not expected
