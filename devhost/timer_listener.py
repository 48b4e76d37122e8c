"""Run one timer function: on its schedule, never twice at once, and late rather than never."""

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from devhost.schedule import Schedule, ScheduleStatus, StatusFile, status_after_run, status_at_start
from devhost.worker_pool import WorkerPool

log = logging.getLogger("devhost.timers")
LONGEST_WAIT_SEC = 60.0  # the clock is looked at again: a laptop may have slept
NEVER_SEC = 365 * 24 * 3600.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TimerListener:
    """A singleton: one thread a timer, and one host a data directory."""

    def __init__(
        self,
        function: str,
        schedule: Schedule,
        pool: WorkerPool,
        status_file: StatusFile,
        *,
        run_on_startup: bool,
        use_monitor: bool,
        timeout_sec: float | None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._function = function
        self._schedule = schedule
        self._pool = pool
        self._file = status_file
        self._run_on_startup = run_on_startup
        self._use_monitor = use_monitor
        self._timeout_sec = timeout_sec
        self._now = now
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen, name=f"timer-{function}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def join(self, timeout_sec: float) -> None:
        self._thread.join(timeout_sec)

    def _listen(self) -> None:
        now = self._now()
        monitored = self._use_monitor and self._schedule.is_monitored(now)
        status = status_at_start(self._schedule, self._file.read() if monitored else None, now)
        self._keep(status, monitored)
        past_due = monitored and now > status.next
        if past_due or self._run_on_startup:
            status = self._run(status, monitored, past_due=past_due, on_time=False)
        while not self._stopped.is_set():
            wait_sec = (status.next - self._now()).total_seconds()
            if wait_sec > 0:
                self._stopped.wait(min(wait_sec, LONGEST_WAIT_SEC))
                continue
            status = self._run(status, monitored, past_due=False, on_time=True)

    def _run(self, status: ScheduleStatus, monitored: bool, *, past_due: bool, on_time: bool) -> ScheduleStatus:
        invoked = self._now()
        workers = self._pool.reserve(1, self._stopped)
        if not workers:
            return status
        try:
            outcome = workers[0].invoke(
                self._request(status if monitored else None, past_due),
                timeout_sec=self._timeout_sec,
                every_sec=NEVER_SEC,
            )
        finally:
            self._pool.give_back(workers)
        if outcome.kind != "succeeded" and not self._stopped.is_set():
            fields = {"function": self._function, "reason": outcome.detail}
            log.warning(f"invocation {outcome.kind}", extra={"fields": fields})
        after = status_after_run(self._schedule, status, invoked, on_time=on_time)
        self._keep(after, monitored)
        return after

    def _keep(self, status: ScheduleStatus, monitored: bool) -> None:
        if monitored:
            self._file.write(status)

    def _request(self, status: ScheduleStatus | None, past_due: bool) -> dict[str, Any]:
        timer = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.to_wire() if status else None,
            "IsPastDue": past_due,
        }
        return {"id": str(uuid.uuid4()), "function": self._function, "timer": timer}
