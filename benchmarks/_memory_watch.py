"""Watch how much memory a stack's processes take at most, while they work."""

from contextlib import suppress

import psutil

from shared.pipeline.lease import PeriodicThread

PAUSE_SEC = 0.5
MIB = 1024**2


class MemoryWatch(PeriodicThread):
    """As a context manager, it looks at the process and its children until the block ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(PAUSE_SEC)
        self.largest_bytes = 0
        self.together_bytes = 0
        self._pid = pid

    def _go_on(self) -> bool:
        sizes = [0]
        with suppress(psutil.Error):
            parent = psutil.Process(self._pid)
            for process in (parent, *parent.children(recursive=True)):
                with suppress(psutil.Error):
                    sizes.append(process.memory_info().rss)
        self.largest_bytes = max(self.largest_bytes, *sizes)
        self.together_bytes = max(self.together_bytes, sum(sizes))
        return True
