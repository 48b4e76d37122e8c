"""A fixed number of worker processes; one that ends is replaced."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from devhost.worker_process import WorkerProcess

log = logging.getLogger("devhost")
START_TIMEOUT_SEC = 120.0
RESTART_PAUSE_SEC = 1.0  # between attempts, while the app does not load


class WorkerPool:
    """Worker processes that are lent out one invocation at a time.

    A queue listener reserves its workers before it takes messages, so the host never hides a message that it cannot
    start at once.
    """

    def __init__(self, start: Callable[[int], WorkerProcess], size: int) -> None:
        self._start = start
        self._changed = threading.Condition()
        self._idle: list[WorkerProcess] = []
        self._all: dict[int, WorkerProcess] = {}
        self._starting: set[int] = set()  # places whose first worker is not up yet
        self._stop = threading.Event()
        self.size = size

    def open(self) -> None:
        """Begin to start every worker; `reserve` waits for all of them."""
        self._starting.update(range(1, self.size + 1))
        for number in range(1, self.size + 1):
            threading.Thread(target=self._fill, args=(number,), daemon=True, name=f"fill-{number}").start()

    def reserve(self, wanted: int, stopped: threading.Event) -> list[WorkerProcess]:
        """Wait until a worker is idle and take up to `wanted`; none when the host stops."""
        with self._changed:
            while not stopped.is_set() and not self._stop.is_set():
                alive = [worker for worker in self._idle if worker.alive]
                if alive and not self._starting:
                    taken = alive[:wanted]
                    self._idle = [worker for worker in self._idle if worker not in taken]
                    return taken
                self._changed.wait(0.5)
        return []

    def give_back(self, workers: list[WorkerProcess]) -> None:
        """Return workers that were reserved to the pool; ended ones are being replaced already."""
        with self._changed:
            self._idle.extend(worker for worker in workers if worker in self._all.values())
            self._changed.notify_all()

    def close(self, grace_sec: float) -> None:
        """Wait for busy workers, at most `grace_sec`, then end every process."""
        with self._changed:
            self._stop.set()
            deadline = time.monotonic() + grace_sec
            while len(self._idle) < len(self._all) and time.monotonic() < deadline:
                self._changed.wait(max(0.0, deadline - time.monotonic()))
            workers = list(self._all.values())
            idle = list(self._idle)
        for worker in workers:
            if worker in idle:
                worker.close()
            else:
                worker.kill()
        for worker in workers:
            if not worker.wait(5.0):
                worker.kill()

    def _fill(self, number: int) -> None:
        """Keep place `number` filled until the host stops."""
        while not self._stop.is_set():
            worker = self._start(number)
            with self._changed:
                self._all[number] = worker
            is_ready = await_ready(worker) is not None
            with self._changed:
                self._starting.discard(number)
            if is_ready:
                self.give_back([worker])
                worker.gone.wait()
            with self._changed:
                self._idle = [other for other in self._idle if other is not worker]
                del self._all[number]
            if self._stop.is_set():
                return
            log.warning("a worker process ended and is replaced", extra={"fields": {"worker": worker.name}})
            if not worker.was_ready:
                worker.close()
                time.sleep(RESTART_PAUSE_SEC)


def await_ready(worker: WorkerProcess) -> dict[str, Any] | None:
    """Return the worker's first event, or None, after logging it, when the worker could not load the app."""
    try:
        event = worker.next_event(START_TIMEOUT_SEC)
    except queue.Empty:
        worker.kill()
        event = {"failed": f"the worker did not start within {START_TIMEOUT_SEC:g} s"}
    if event is not None and "ready" in event:
        worker.was_ready = True
        return event
    reason = event["failed"] if event else "the worker process ended while starting"
    log.error("the function app does not load", extra={"trace": reason, "fields": {"worker": worker.name}})
    return None
