"""Whether this processor adds up products of uint8 and int8 exactly, as 8-bit graphs need it."""

import platform
from pathlib import Path

_X86 = ("x86_64", "amd64", "i686", "i386", "x86")
_VNNI = {"avx512_vnni", "avx_vnni", "avx_vnni_int8"}


def adds_exactly(machine: str = "", flags: str = "") -> bool:
    """True unless this is an x86 without VNNI, or one whose features are unknown.

    x86 without VNNI adds two such products in 16 bits and may cut them off (onnxruntime's
    documentation, "Quantize ONNX models": U8S8 saturation).

    Args:
        machine, flags: the processor's kind and features; those of this machine unless given.
    """
    if (machine or platform.machine()).lower() not in _X86:
        return True
    return not _VNNI.isdisjoint((flags or _features()).split())


def _features() -> str:
    """What Linux lists of the first processor; nothing on other systems."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((line.split(":", 1)[1] for line in lines if line.startswith("flags")), "")
