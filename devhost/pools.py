"""Decide which worker processes run which function.

Functions of queues share the `--workers`, at lower priority, so that the API answers while every core computes. Timers
and dead letters are light, and share one process. A function that must not wait behind long ones is given a process of
its own by the app's settings, `DevHost.<function>.OwnWorker: "true"`, in the style of Azure's
`AzureWebJobs.<function>.Disabled`. In Azure that is a second app: docs/operations.md.
"""

import time
from collections.abc import Callable, Mapping

from devhost.queue_storage import POISON_SUFFIX
from devhost.settings import is_on
from devhost.worker_pool import WorkerPool
from devhost.worker_process import WorkerProcess

CPU_NICENESS = 5


class Pools:
    """The host's pools of workers; `start` starts a process by its name and niceness."""

    def __init__(self, start: Callable[[str, int], WorkerProcess], workers: int, settings: Mapping[str, str]) -> None:
        self._start = start
        self._settings = settings
        self._cpu = WorkerPool(lambda n: start(f"worker-{n}", CPU_NICENESS), workers)
        self._light = WorkerPool(lambda _: start("light", 0), 1)
        self._used: list[WorkerPool] = []

    def of_queue(self, function: str, queue: str) -> WorkerPool:
        """Return the pool of a function that is triggered by this queue."""
        return self._own(function) or self._use(self._light if queue.endswith(POISON_SUFFIX) else self._cpu)

    def of_timer(self, function: str) -> WorkerPool:
        """Return the pool of a function that is triggered by time."""
        return self._own(function) or self._use(self._light)

    def open(self) -> None:
        """Begin to start the workers of every pool that has a function."""
        for pool in self._used:
            pool.open()

    def close(self, grace_sec: float) -> None:
        """Wait for busy workers, at most `grace_sec` for all, then end every process."""
        deadline = time.monotonic() + grace_sec
        for pool in self._used:
            pool.close(max(0.0, deadline - time.monotonic()))

    def _own(self, function: str) -> WorkerPool | None:
        if not is_on(self._settings, f"DevHost.{function}.OwnWorker"):
            return None
        return self._use(WorkerPool(lambda _: self._start(function, 0), 1))

    def _use(self, pool: WorkerPool) -> WorkerPool:
        if pool not in self._used:
            self._used.append(pool)
        return pool
