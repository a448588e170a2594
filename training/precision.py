"""bfloat16 where the hardware multiplies it: half the bits, the same range, faster products."""

from contextlib import AbstractContextManager, nullcontext

import torch


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the hardware has instructions for bfloat16; emulating it would be slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return device.type == "cpu" and any(
        able.get(feature, False) for feature in ("avx512_bf16", "amx_bf16", "bf16")
    )


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Matrix products in bfloat16 where that is faster; weights and sums stay float32."""
    if multiplies_bfloat16(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()
