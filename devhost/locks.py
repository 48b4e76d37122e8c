"""A lock between processes, held on a file; the system lets go of it when its holder dies."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO

try:
    import fcntl as _fcntl
except ImportError:  # Windows: no lock there, two hosts on one directory are not noticed
    fcntl: ModuleType | None = None
else:
    fcntl = _fcntl


def try_lock(path: Path) -> IO[str] | None:
    """Take the lock and return the open file that holds it, or None when another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = path.open("a+", encoding="utf-8")
    if fcntl is None:
        return handle
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    return handle


@contextmanager
def exclusive(path: Path, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock for the block; wait for it without a limit, after calling `waiting` once."""
    handle = try_lock(path)
    if handle is None and waiting is not None:
        waiting()
    while handle is None:
        time.sleep(0.2)
        handle = try_lock(path)
    try:
        yield
    finally:
        handle.close()
