"""What large arrays took goes back to the system once they are dropped."""

import subprocess
import sys

import pytest

HOLD_AND_DROP = """
import numpy as np
from explorer.environment import give_memory_back

def resident():
    return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmRSS"))

give_memory_back()
np.ones(3 * 2**20, np.uint8)  # by default, freeing this one would keep the next ones in the heap
before = resident()
arrays = [np.ones(2 * 2**20, np.uint8) for _ in range(50)]
assert resident() - before > 90_000
del arrays[:-1]  # the last one, at the heap's end, would hold all of it
print(resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_what_large_arrays_took_is_given_back(demo_folder):
    done = subprocess.run(
        [sys.executable, "-c", HOLD_AND_DROP],
        cwd=demo_folder, env={"PYTHONPATH": str(demo_folder)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip

    assert int(done.stdout) < 10_000
