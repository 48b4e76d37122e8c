"""Renew a running step's lease from a thread, write its progress, and notice when the work has become pointless.

The work itself only leaves a number behind, so storage never slows it down. A process that stood still, or was cut off
from storage, does not know for how long: another worker may have done its step since. So the step's writes of blobs
renew the lease first when it may be stale (`guard_writes`).
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any, cast

from shared.domain.cost import Cost
from shared.domain.errors import NotFound, RowOfLaterRelease, UnreadableRow, WriteConflict
from shared.domain.job import Job, note_progress, with_step_costs
from shared.domain.message import StepKind
from shared.domain.stage import StageState
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

WRITES = frozenset({"write", "stage_block", "commit_blocks", "note_sha256", "delete", "discard", "snapshot"})
"""The methods of a `BlobStore` that write."""


class StopWork(Exception):
    """The step's result is not wanted any more: the job has ended or is to end, or another delivery took the step
    over."""


class Heartbeat(PeriodicThread):
    """Use as a context manager around the work of a claimed step."""

    def __init__(self, services: Services, job: Job, claimed: Stored[StepRun]) -> None:
        super().__init__(services.settings.heartbeat_sec)
        self._services = services
        self._job = job
        self._claimed = claimed
        self._meter = current_meter()
        self._fraction = 0.0
        self._renew_after = timedelta(seconds=services.settings.stale_after_sec / 2)
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

    def renew_if_stale(self) -> None:
        """Renew the lease before a write if it may have expired; raise StopWork if it was lost."""
        if self._pointless.is_set():
            raise StopWork
        now = self._services.clock()
        if abs(now - (self._claimed.value.heartbeat_at or now)) >= self._renew_after:  # or the clock was put back
            self.beat()

    def note_on_job(self) -> None:
        """Write the stage's progress by its steps' rows on the job; raise StopWork when the job has ended."""
        run = self._claimed.value
        stored = self._services.storage.jobs.get(self._job.org_id, self._job.job_id)
        job = stored.value
        if not job.is_runnable or job.attempt != self._job.attempt:
            raise StopWork
        if run.step is not StepKind.PART or not job.may_begin(run.stage):  # before the plan is known, no share is
            return
        try:
            stored_rows = self._services.storage.step_runs.of_job(job.job_id, run.stage)
        except (UnreadableRow, RowOfLaterRelease):
            return  # this step goes on: how far the others are is only for show
        rows = [row.value.in_attempt(job.attempt) for row in stored_rows]
        done = [row for row in rows if row.step is StepKind.PART and row.state is StageState.DONE]
        total = sum(1.0 if row in done else row.progress for row in rows if row.step is StepKind.PART)
        stage = job.stages[run.stage]
        progress = PARTS_SHARE * total / max(stage.parts, 1)
        if progress < stage.progress + MIN_CHANGE_SHARE:
            return
        try:
            changed = note_progress(job, run.stage, progress, len(done), self._services.clock())
            changed = with_step_costs(changed, {run.stage: Cost.total([row.cost for row in rows])})
            update_job(self._services, stored, changed)
        except WriteConflict:  # the next heartbeat tells
            log.debug("progress skipped", extra={"action": "heartbeat", "job_id": job.job_id})

    def _renew(self) -> None:
        now = self._services.clock()
        cost = self._claimed.value.cost if self._meter is None else self._meter.for_row()
        renewed = renew(step_run_rows(self._services), self._claimed, now, progress=self._fraction, cost=cost)
        if renewed is None:
            raise StopWork
        self._claimed = renewed

    def _go_on(self) -> bool:
        try:
            self.beat()
        except (StopWork, NotFound):
            self._pointless.set()
            return False
        return True


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
