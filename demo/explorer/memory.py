"""Has the C library give memory back that it would keep after one long text."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""mallopt's parameters, from glibc's malloc.h."""
_LARGE = 1 << 20


def give_memory_back() -> None:
    """Tells glibc's allocator, where there is one, how a small server wants its memory kept.

    Arrays of a megabyte or more then come from the system and go back to it when they are dropped;
    by default that bound grows with the largest array freed so far, and with it what is kept. And
    the server's threads share two heaps instead of having up to eight for each core.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _LARGE)
        mallopt(_ARENA_MAX, 2)
