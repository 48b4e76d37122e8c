"""Give memory that was freed back to the system, which glibc's allocator does not do by itself.

A frame of 1920 × 1080 takes 3 MiB. After the first of that size was freed, glibc takes all such blocks from its heap,
where small ones between them keep the freed memory: a worker that held 350 MiB had 1.1 GiB after six parts of tracking.
Apart from the models that a worker keeps (`warm_models.py`), which are in use.
"""

import ctypes
import gc
from contextlib import suppress
from functools import cache

_M_MMAP_THRESHOLD = -3
"""Parameter of `mallopt` (malloc.h)."""
_LARGE_BYTES = 1024**2
"""Blocks from this size on are mapped one by one, and go back when they are freed. Setting it keeps it constant."""


@cache
def map_large_blocks() -> None:
    """Let this process map large blocks one by one; do nothing where the C library cannot."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def give_back_memory() -> None:
    """Give memory that nothing uses back to the system, as far as the C library can.

    Containers, streams and decoders of PyAV refer to each other, and the collector seldom looks at what is old.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
