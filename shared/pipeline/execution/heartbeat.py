"""Renew a running step's lease from a thread, write its progress, and notice when the work has become pointless.

The work itself only leaves a number behind, so storage never slows it down. A process that stood still, or was cut off
from storage, does not know for how long: another worker may have done its step since. So the step's writes of blobs
renew the lease first when it may be stale (`guard_writes`).
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, cast

from shared.domain.cost import Cost
from shared.domain.errors import NotFound, RowOfLaterRelease, UnreadableRow, WriteConflict
from shared.domain.job import Job, note_progress, with_step_costs
from shared.domain.message import StepKind
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import StepRun
from shared.pipeline.context import Services
from shared.pipeline.execution.claim import step_run_rows
from shared.pipeline.lease import PeriodicThread, renew
from shared.pipeline.updates import update_job
from shared.storage.ports import BlobStore, Storage, Stored
from shared.telemetry.cost_meter import current_meter

log = logging.getLogger(__name__)

PARTS_SHARE = 0.98
"""How much of a stage's progress its parts make up; the rest is its merge."""

MIN_CHANGE_SHARE = 0.005
"""The smallest progress of a stage that is worth an event."""

JOB_LOOK_SEC = 5.0
"""The seconds between two looks of a running step at its job. All jobs of an organisation stand in one partition, and
its steps would otherwise be most of what that partition is asked for: docs/decisions/0036-looks-at-the-job.md."""

WRITES = frozenset({"write", "stage_block", "commit_blocks", "note_sha256", "delete", "discard", "snapshot"})
"""The methods of a `BlobStore` that write."""


class StopWork(Exception):
    """The step's result is not wanted any more: the job has ended or is to end, or another delivery took the step
    over."""


class Heartbeat(PeriodicThread):
    """Use as a context manager around the work of a claimed step."""

    def __init__(self, services: Services, job: Job, claimed: Stored[StepRun]) -> None:
        super().__init__(services.settings.heartbeat_sec, services.start_thread)
        self._services = services
        self._job = job
        self._claimed = claimed
        self._meter = current_meter()
        self._fraction = 0.0
        self._renew_after = timedelta(seconds=services.settings.stale_after_sec / 2)
        self._confirm_after = timedelta(seconds=services.settings.heartbeat_sec)
        self._looked_at: datetime | None = None
        self._pointless = threading.Event()
        self._beating = threading.Lock()

    @property
    def claimed(self) -> Stored[StepRun]:
        """Return the step's row as this delivery last wrote it."""
        return self._claimed

    def report(self, fraction: float) -> None:
        """Note how much of the step is done, from 0 to 1; raise StopWork when the rest is not wanted."""
        self._fraction = max(self._fraction, min(fraction, 1.0))
        if self._pointless.is_set():
            raise StopWork

    def beat(self) -> None:
        """Renew the lease and tell the job of the progress; raise StopWork, and NotFound when they were deleted."""
        with self._beating:
            self._renew()
        self.note_on_job()

    def tick(self) -> None:
        """Renew the lease, and tell the job of the progress when the last look at it is `JOB_LOOK_SEC` old or another
        process wrote the step's row; raise as `beat` does."""
        with self._beating:
            touched = self._renew()
        if touched or self._look_is_due():
            self.note_on_job()

    def renew_if_stale(self) -> None:
        """Renew the lease before a write if it may have expired; raise StopWork if it was lost."""
        if self._is_older_than(self._renew_after):
            self.beat()

    def confirm(self) -> None:
        """Beat before results are shown; a lease that was renewed less than an interval ago cannot have been lost, and
        then a look at the job is enough. Raises as `beat`."""
        if self._is_older_than(self._confirm_after):
            self.beat()
        else:
            self._wanted_job()

    def _is_older_than(self, age: timedelta) -> bool:
        """Return whether the latest heartbeat is so old; raise StopWork when the work is pointless."""
        if self._pointless.is_set():
            raise StopWork
        now = self._services.clock()
        return abs(now - (self._claimed.value.heartbeat_at or now)) >= age  # or the clock was put back

    def _wanted_job(self) -> Stored[Job]:
        """Return the job as it is now; raise StopWork when the work is not wanted any more."""
        stored = self._services.storage.jobs.get(self._job.org_id, self._job.job_id)
        if not stored.value.is_runnable or stored.value.attempt != self._job.attempt:
            raise StopWork
        return stored

    def note_on_job(self) -> None:
        """Write the stage's progress by its steps' rows on the job; raise StopWork when the job has ended."""
        run = self._claimed.value
        stored = self._wanted_job()
        self._looked_at = self._services.clock()
        job = stored.value
        if run.step is not StepKind.PART or not job.may_begin(run.stage):  # before the plan is known, no share is
            return
        try:
            rows = self._services.storage.step_runs.of_job(job.job_id, run.stage)
        except (UnreadableRow, RowOfLaterRelease):
            return  # this step goes on: how far the others are is only for show
        save_progress(self._services, stored, run.stage, [row.value for row in rows])

    def _look_is_due(self) -> bool:
        if self._looked_at is None:
            return True
        return abs(self._services.clock() - self._looked_at) >= timedelta(seconds=JOB_LOOK_SEC)  # or it was put back

    def _renew(self) -> bool:
        """Renew the lease; return whether another process wrote the row since, which then stays as it is."""
        now = self._services.clock()
        cost = self._claimed.value.cost if self._meter is None else self._meter.for_row()
        renewed = renew(step_run_rows(self._services), self._claimed, now, progress=self._fraction, cost=cost)
        if renewed is None:
            raise StopWork
        self._claimed = renewed
        return renewed.value.heartbeat_at != now

    def _go_on(self) -> bool:
        try:
            self.tick()
        except (StopWork, NotFound):
            self._pointless.set()
            return False
        return True


def save_progress(services: Services, stored: Stored[Job], stage: Stage, runs: Iterable[StepRun]) -> Stored[Job]:
    """Write the stage's progress by the rows of its steps on the job; return the job as it is stored then.

    A change that is too small to show, or that lost a race, is left to the next heartbeat.
    """
    job = stored.value
    of_stage = [run.in_attempt(job.attempt) for run in runs if run.stage is stage]
    rows, cost = [run for run in of_stage if run.step is StepKind.PART], Cost.total([run.cost for run in of_stage])
    done = sum(row.state is StageState.DONE for row in rows)
    total = sum(1.0 if row.state is StageState.DONE else row.progress for row in rows)
    progress = PARTS_SHARE * total / max(job.stages[stage].parts, 1)
    if progress < job.stages[stage].progress + MIN_CHANGE_SHARE:
        return stored
    try:
        changed = note_progress(job, stage, progress, done, services.clock())
        return update_job(services, stored, with_step_costs(changed, {stage: cost}))
    except WriteConflict:
        log.debug("progress skipped", extra={"action": "heartbeat", "job_id": job.job_id})
        return stored


def guard_writes(services: Services, before_write: Callable[[], None]) -> Services:
    """Return the same services, with `before_write` called before each write of a blob; what it raises keeps the blob
    as it is."""
    kept = {each.name: getattr(services.storage, each.name) for each in fields(Storage)}
    blobs = cast(BlobStore, _GuardedBlobs(services.storage.blobs, before_write))
    return replace(services, storage=Storage(**{**kept, "blobs": blobs}))


class _GuardedBlobs:
    """A `BlobStore` in front of another one."""

    def __init__(self, blobs: BlobStore, before_write: Callable[[], None]) -> None:
        self._blobs = blobs
        self._before_write = before_write

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._blobs, name)
        if name not in WRITES:
            return found

        def write(*arguments: Any, **more: Any) -> Any:
            self._before_write()
            return found(*arguments, **more)

        return write
