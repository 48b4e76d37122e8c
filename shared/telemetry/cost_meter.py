"""Measure what the current work costs: CPU time of the process, bytes, and operations that storage's adapters count.

No row tells what a worker does after the last row that it writes for a message: about a quarter of the requests of a
small job, and next to nothing of its time and bytes.

The meter is found by a context variable, so that no adapter has to be handed one. A thread that works for the same
step has to run in a copy of the context.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from threading import Lock

from shared.domain.cost import Cost, Operation
from shared.domain.stage import Stage

_current: ContextVar["CostMeter | None"] = ContextVar("cost_meter", default=None)


class CostMeter:
    """What was spent since the meter was opened, and how much of it was told: on the step's own row, or elsewhere."""

    def __init__(self, stage: Stage | None, job_id: str | None, around: "CostMeter | None", counts_inner: bool) -> None:
        self.stage = stage
        """The stage that the work is for; None for work that is for no single one."""

        self.job_id = job_id
        """The job that the stage is of: no other one is told what was spent."""

        self._around, self._counts_inner = around, counts_inner
        self._lock = Lock()
        self._operations: Counter[Operation] = Counter()
        self._read = self._written = 0
        self._loading_sec = 0.0
        self._loaders, self._loading_since = 0, 0.0
        self._before = self._on_row = self._elsewhere = Cost()
        self.cpu_sec = self.wall_sec = 0.0
        """The time of this meter's work; changed by the shares of time alone."""

        self.is_settled = False
        """Whether the step's outcome is on its row, so that the job is told of the rest."""

    def add(self, operation: Operation, times: int, read: int, written: int) -> None:
        """Count operations of one kind, and the bytes that they read and wrote."""
        with self._lock:
            self._operations[operation] += times
            self._read += read
            self._written += written
        around = self._around
        while around is not None and not around._counts_inner:
            around = around._around
        if around is not None:
            around.add(operation, times, read, written)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Count the time of the block as loading; blocks in each other, or in threads at once, count once."""
        with self._lock:
            if self._loaders == 0:
                self._loading_since = time.perf_counter()
            self._loaders += 1
        try:
            yield
        finally:
            with self._lock:
                self._loaders -= 1
                if self._loaders == 0:
                    self._loading_sec += time.perf_counter() - self._loading_since

    def spent(self) -> Cost:
        """Return what was spent until now."""
        _shares.settle()
        with self._lock:
            return Cost(
                cpu_sec=self.cpu_sec,
                wall_sec=self.wall_sec,
                loading_sec=self._loading_sec,
                bytes_read=self._read,
                bytes_written=self._written,
                operations=dict(self._operations),
            )

    def claimed(self, before: Cost) -> None:
        """Note what the step's row told of earlier attempts when this attempt claimed it."""
        self._before, self._on_row = before, Cost()

    def for_row(self) -> Cost:
        """Return what the step's row is to tell: earlier attempts, and this one but for what was told elsewhere.

        The value is absolute, so that writing it again adds nothing twice.
        """
        self._on_row = self.spent() - self._elsewhere
        return self._before + self._on_row

    def untold(self) -> Cost:
        """Return what was told nowhere yet."""
        return self.spent() - self._on_row - self._elsewhere

    def tell(self, cost: Cost) -> None:
        """Note that this much was told elsewhere than on the step's row."""
        self._elsewhere += cost


class _Shares:
    """Divides the process's CPU time among the running meters; equally where several run at once.

    Decoders and models work in threads of their own, which the CPU time of the step's thread leaves out. Workers run
    one step at a time as a rule.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: list[CostMeter] = []
        self._last_cpu_sec = self._last_wall_sec = 0.0

    def settle(self, begins: CostMeter | None = None, pauses: CostMeter | None = None) -> None:
        """Give the running meters their shares until now; from now on one more runs, or one less."""
        with self._lock:
            cpu_sec, wall_sec = _cpu_sec(), time.perf_counter()
            for meter in self._running:
                meter.cpu_sec += (cpu_sec - self._last_cpu_sec) / len(self._running)
                meter.wall_sec += wall_sec - self._last_wall_sec
            self._last_cpu_sec, self._last_wall_sec = cpu_sec, wall_sec
            if pauses is not None:
                self._running.remove(pauses)
            if begins is not None:
                self._running.append(begins)


_shares = _Shares()


@contextmanager
def metered(
    stage: Stage | None = None, job_id: str | None = None, *, counts_inner: bool = False
) -> Iterator[CostMeter]:
    """Measure the block, which works for the stage of the job.

    A meter around it measures nothing of it; one that `counts_inner` counts its operations and bytes, not its time.
    """
    around = _current.get()
    meter = CostMeter(stage, job_id, around, counts_inner)
    token = _current.set(meter)
    _shares.settle(begins=meter, pauses=around)
    try:
        yield meter
    finally:
        _shares.settle(begins=around, pauses=meter)
        _current.reset(token)


def current_meter() -> CostMeter | None:
    """Return the meter of the current work; None where nothing is measured."""
    return _current.get()


def count(operation: Operation, times: int = 1, *, read: int = 0, written: int = 0) -> None:
    """Count operations of the current work, and the bytes that they read and wrote; nothing without a meter."""
    meter = _current.get()
    if meter is not None:
        meter.add(operation, times, read, written)


@contextmanager
def loading() -> Iterator[None]:
    """Count the time of the block, which loads modules or models, as such of the current work."""
    meter = _current.get()
    with nullcontext() if meter is None else meter.loading():
        yield


def _cpu_sec() -> float:
    """Return the CPU time of this process and of its children that have ended, in seconds."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system
