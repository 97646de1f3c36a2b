"""Settings of glibc that return memory which decoders and encoders have freed.

By default glibc keeps that memory for each thread: 33 MB at the peak of a build with 1000 heroes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

#: glibc's names (malloc.h): the size from which a block is mapped by itself, and how many heaps threads share.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE_BYTES = 2**20
_HEAPS = 2


def configure_malloc() -> None:
    """Make glibc return large blocks to the system when they are freed, and share heaps between threads.

    By default, the first large block that is freed raises the size from which glibc returns blocks (mallopt(3)).
    Encoders spend little time in `malloc`, so shared heaps do not slow them.
    """
    mallopt = _find_glibc_function("mallopt")
    mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    mallopt(_M_ARENA_MAX, _HEAPS)


def return_free_memory() -> None:
    """Return free memory inside the heaps to the system (malloc_trim(3)), in a few milliseconds."""
    _find_glibc_function("malloc_trim")(0)


def _find_glibc_function(name: str) -> Callable[..., object]:
    if sys.platform == "linux":
        import ctypes

        with suppress(AttributeError, OSError):
            function: Callable[..., object] = getattr(ctypes.CDLL(None), name)
            return function
    return lambda *_: None
