"""A step's sign of life: a thread that writes the step's progress to its row and to the job, and notices when the
work has become pointless. The work itself only leaves a number behind, so storage never slows it down."""

import logging
import threading
from datetime import timedelta

from shared.domain.errors import NotFound, WriteConflict
from shared.domain.job import Job, note_progress
from shared.domain.message import StepKind
from shared.domain.stage import StageState
from shared.domain.step_run import StepRun
from shared.pipeline.context import Services
from shared.pipeline.execution.giving_up import step_run_rows
from shared.pipeline.lease import PeriodicThread, renew
from shared.storage.ports import Stored

log = logging.getLogger(__name__)

PARTS_SHARE = 0.98
"""How much of a stage's progress its parts make up; the rest is its merge."""

LEAST_CHANGE = 0.005
"""A smaller progress of the stage is not worth an event."""


class StopWork(Exception):
    """The step's result is not wanted any more: the job has ended or is to end, or another delivery took the step
    over."""


class Heartbeat(PeriodicThread):
    """Use as a context manager around the work of a claimed part."""

    def __init__(self, services: Services, job: Job, claimed: Stored[StepRun]) -> None:
        super().__init__(services.settings.heartbeat_sec)
        self._services = services
        self._job = job
        self._claimed = claimed
        self._fraction = 0.0
        self._ask_after = timedelta(seconds=services.settings.stale_after_sec / 2)
        self._pointless = threading.Event()
        self._beating = threading.Lock()

    @property
    def claimed(self) -> Stored[StepRun]:
        """The part's row as this delivery last wrote it."""
        return self._claimed

    def report(self, fraction: float) -> None:
        """Notes how much of the part is done, from 0 to 1; raises StopWork when nobody wants the rest."""
        self._fraction = max(self._fraction, min(fraction, 1.0))
        if self._pointless.is_set():
            raise StopWork

    def beat(self) -> None:
        """Writes the row and the job once; raises StopWork, and NotFound when they were deleted."""
        with self._beating:
            self._write_row()
        self.note_on_job()

    def renew_if_stale(self) -> None:
        """To be called before a write: as `beat`, when the last sign of life is so old that others may have looked."""
        if self._pointless.is_set():
            raise StopWork
        now = self._services.clock()
        if abs(now - (self._claimed.value.heartbeat_at or now)) >= self._ask_after:  # the clock may have been put back
            self.beat()

    def note_on_job(self) -> None:
        """Tells the job how far the stage is by its parts' rows; raises StopWork when the job has ended."""
        part = self._claimed.value
        stored = self._services.storage.jobs.get(self._job.org_id, self._job.job_id)
        job = stored.value
        if not job.is_runnable or job.attempt != self._job.attempt:
            raise StopWork
        if part.step is not StepKind.PART:
            return
        stored_rows = self._services.storage.step_runs.of_job(job.job_id, part.stage)
        rows = [row.value.in_attempt(job.attempt) for row in stored_rows]
        done = [row for row in rows if row.step is StepKind.PART and row.state is StageState.DONE]
        total = sum(1.0 if row in done else row.progress for row in rows if row.step is StepKind.PART)
        stage = job.stages[part.stage]
        progress = PARTS_SHARE * total / max(stage.parts, 1)
        if progress < stage.progress + LEAST_CHANGE:
            return
        try:
            changed = note_progress(job, part.stage, progress, len(done), self._services.clock())
            self._services.storage.jobs.update(stored, changed)
        except WriteConflict:
            log.debug("progress skipped", extra={"action": "heartbeat", "job_id": job.job_id})  # the next beat tells

    def _write_row(self) -> None:
        now = self._services.clock()
        renewed = renew(step_run_rows(self._services), self._claimed, now, progress=self._fraction)
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
