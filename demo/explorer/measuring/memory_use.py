"""How much memory another process has, as the system counts it. Linux alone tells it this way."""

from pathlib import Path

_PROCESSES = Path("/proc")


def can_measure() -> bool:
    """Whether the system tells."""
    return (_PROCESSES / "self" / "status").exists()


def resident(process: int) -> float:
    """What a process holds now, in millions of bytes."""
    return _field(process, "VmRSS")


def peak(process: int) -> float:
    """The most that it ever held, in millions of bytes."""
    return _field(process, "VmHWM")


def _field(process: int, name: str) -> float:
    """The kernel's unit is 1,024 bytes, though it writes kB."""
    lines = (_PROCESSES / str(process) / "status").read_text("utf-8").splitlines()
    line = next(line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1e6
