"""What the server's tests see of a page's process."""

import re
from pathlib import Path

import pytest

LOOPBACK = (
    "0100007F",
    "00000000",
    "0" * 32,
    "0" * 24 + "01000000",
    "0000000000000000FFFF00000100007F",
)
"""This machine, or nobody yet, as the kernel writes addresses of versions 4 and 6."""


@pytest.fixture(scope="session")
def reached():
    """The addresses beyond this machine to which a process has a connection; Linux tells them."""

    def of(process):
        place, own = Path("/proc") / str(process), set()
        for one in (place / "fd").iterdir():
            try:
                own.update(re.findall(r"^socket:\[(\d+)\]$", str(one.readlink())))
            except OSError:  # closed meanwhile
                continue
        lines = [
            line.split()
            for table in ("tcp", "tcp6", "udp", "udp6")
            if (place / "net" / table).exists()
            for line in (place / "net" / table).read_text("ascii").splitlines()[1:]
        ]
        others = {line[2] for line in lines if line[9] in own}
        return {one for one in others if one.partition(":")[0] not in LOOPBACK}

    return of
