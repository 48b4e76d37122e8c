"""Memory that was freed goes back to the system, so that a worker does not grow from step to step."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import gc
from pathlib import Path

from shared.freed_memory import give_back_memory, map_large_blocks


def resident_mib():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


map_large_blocks()
before = resident_mib()
kept, freed = [], []
for _ in range(1000):  # a small block after each one keeps glibc from shortening its heap by itself
    freed.append(bytearray(b"x" * 100_000))
    kept.append(bytearray(b"x" * 1_000))
freed.clear()
give_back_memory()
assert resident_mib() - before < 20, "after small blocks"
block = bytearray(b"x" * 4_000_000)
for _ in range(20):
    kept.append(bytearray(b"x" * 1_000))
    block = bytearray(b"x" * 4_000_000)
del block
assert resident_mib() - before < 20, "after large blocks"
gc.disable()
cycle = [bytearray(b"x" * 50_000_000)]
cycle.append(cycle)
del cycle
give_back_memory()
assert resident_mib() - before < 20, "after a cycle"
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator")
def test_freed_memory_goes_back() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
