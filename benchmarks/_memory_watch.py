"""How much memory a stack's processes take at most, looked at while they work."""

import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

PAUSE_SEC = 0.5
MIB = 1024**2


class MemoryWatch:
    """As a context manager, it looks at the process and its children until the block ends."""

    def __init__(self, pid: int) -> None:
        self.largest_bytes = 0
        self.together_bytes = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(PAUSE_SEC):
            sizes = [0]
            with suppress(psutil.Error):
                parent = psutil.Process(self._pid)
                for process in (parent, *parent.children(recursive=True)):
                    with suppress(psutil.Error):
                        sizes.append(process.memory_info().rss)
            self.largest_bytes = max(self.largest_bytes, *sizes)
            self.together_bytes = max(self.together_bytes, sum(sizes))
