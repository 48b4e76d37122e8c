"""The one use case behind every stage's queue trigger: run a step, once or again, and go on."""

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.domain import job as jobs
from shared.domain.errors import FinalError, NotFound, RostrumError, StageExhausted, WriteConflict
from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.domain.part import Part
from shared.domain.stage import Stage, StageState
from shared.pipeline.advance import follow_step
from shared.pipeline.cancel import settle_cancel
from shared.pipeline.changes import change_job
from shared.pipeline.ending import end_job
from shared.pipeline.heartbeat import Heartbeat, StopWork
from shared.pipeline.requests import send_step
from shared.pipeline.services import ContinueLater, Services, StepContext
from shared.storage.ports import Stored

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Which delivery of which message this is: the host counts `dequeue_count` from 1."""

    message_id: str
    dequeue_count: int

    @property
    def owner(self) -> str:
        """The name under which the delivery claims a part."""
        return f"{self.message_id}:{self.dequeue_count}"


def run_step(services: Services, message: StageMessage, delivery: Delivery) -> None:
    """Does the message's step unless it is done, given up or in other hands, then asks for what follows.

    A FinalError ends the job here; every other exception goes to the host, which delivers the message again.
    """
    facts = {"job_id": message.job_id, "org_id": message.org_id, "stage": str(message.stage), "step": str(message.step)}
    facts |= {"part": str(message.part), "attempt": str(delivery.dequeue_count), "trace_id": message.traceparent or ""}
    job = _wanted_job(services, message)
    if job is None:
        log.info("message ignored", extra={"action": "ignore", **facts})
        return
    row = _row(services, job, message)
    if row.value.state is not StageState.DONE:
        claimed = _claim(services, job, row, delivery)
        if claimed is None:
            log.info("step is in other hands", extra={"action": "ignore", **facts})
            return
        log.info("step begins", extra={"action": "begin", **facts})
        if not _work(services, message, job, claimed):
            _settle(services, job)
            return
        log.info("step done", extra={"action": "finish", **facts})
    follow_step(services, services.storage.jobs.get(job.org_id, job.job_id).value, message.stage, message.step)


def give_up(services: Services, message: StageMessage) -> None:
    """The host delivered the message as often as it may: the job ends in ERROR, naming the last failure.

    Unless another message's delivery is at work on the step: should that die too, the sweep asks again.
    """
    job = _wanted_job(services, message)
    if job is None:
        return
    row = _row(services, job, message)
    part = row.value.in_attempt(job.attempt)
    if part.state is StageState.DONE or _shows_life(services, part):
        return
    reason = part.last_error or "The process that ran it ended without a word; it may have run out of memory."
    detail = f"The {message.stage} stage was tried {part.attempts} times and failed each time. {reason}"
    fail_job(services, job, message.stage, StageExhausted(detail))
    _note(services, row, **_failed(services))


def fail_job(services: Services, job: Job, stage: Stage, error: RostrumError) -> None:
    """Ends the job in ERROR unless it has ended."""
    end_job(services, job, lambda current: jobs.fail(current, stage, error, services.clock()))
    log.warning("job failed", extra={"action": "fail", "job_id": job.job_id, "stage": str(stage), "code": error.code})


def _wanted_job(services: Services, message: StageMessage) -> Job | None:
    try:
        job = services.storage.jobs.get(message.org_id, message.job_id).value
    except NotFound:
        return None
    return job if job.is_wanted and job.attempt == message.attempt else None


def _row(services: Services, job: Job, message: StageMessage) -> Stored[Part]:
    """The part that the message asks for; its row may still tell of an earlier attempt."""
    asked = Part(
        job_id=job.job_id, stage=message.stage, step=message.step, number=message.part, job_attempt=job.attempt
    )
    return services.storage.parts.create(asked)


def _claim(services: Services, job: Job, row: Stored[Part], delivery: Delivery) -> Stored[Part] | None:
    """Makes this delivery the part's owner; None while another message's delivery works on it and shows life.

    A later delivery of the owner's own message takes over at once: the host gives it out only when the first failed.
    """
    while True:
        part, now = row.value.in_attempt(job.attempt), services.clock()
        if _shows_life(services, part) and (part.owner or "").partition(":")[0] != delivery.message_id:
            return None
        claimed = part.evolve(
            state=StageState.RUNNING,
            owner=delivery.owner,
            attempts=part.attempts + 1,
            heartbeat_at=now,
            started_at=part.started_at or now,
        )
        try:
            return services.storage.parts.update(row, claimed)
        except WriteConflict:
            row = services.storage.parts.get(part)
            if row.value.state is StageState.DONE:
                return None


def _shows_life(services: Services, part: Part) -> bool:
    return part.shows_life(services.clock(), timedelta(seconds=services.settings.stale_after_sec))


def _begin_stage(services: Services, job: Job, part: Part) -> Job:
    """The job with its stage begun. The part is claimed by now, so that whoever cancels the job from here on sees that
    it is at work; raises StopWork when somebody did before."""

    def begin(current: Job) -> Job | None:
        if not current.is_wanted or current.attempt != job.attempt:
            raise StopWork
        progress = current.stages[part.stage]
        known = progress.state.is_over or (progress.state is StageState.RUNNING and progress.attempts >= part.attempts)
        return None if known else jobs.start_stage(current, part.stage, part.attempts, services.clock())

    return change_job(services, job.org_id, job.job_id, begin)


def _work(services: Services, message: StageMessage, job: Job, claimed: Stored[Part]) -> bool:
    """Whether the part is done; False when the job ended, another delivery took over, or the rest comes later."""
    began = time.monotonic()
    heartbeat = Heartbeat(services, job, claimed)
    try:
        job = _begin_stage(services, job, claimed.value)
        session = services.storage.sessions.get(job.org_id, job.session_id).value
        with heartbeat:
            services.work[message.stage, message.step](
                StepContext(
                    services=services,
                    message=message,
                    job=job,
                    session=session,
                    report=heartbeat.report,
                    elapsed_sec=lambda: time.monotonic() - began,
                )
            )
    except StopWork:
        _note(services, heartbeat.claimed, state=StageState.WAITING, owner=None)
        return False
    except ContinueLater:
        rested = _note(
            services,
            heartbeat.claimed,
            state=StageState.WAITING,
            owner=None,
            sends=0,
            attempts=claimed.value.attempts - 1,
        )
        if rested is not None:
            send_step(services, job, rested)
        return False
    except FinalError as error:
        fail_job(services, job, message.stage, error)
        _note(services, heartbeat.claimed, **_failed(services), last_error=error.detail)
        return False
    except Exception as error:
        reason = error.detail if isinstance(error, RostrumError) else f"An internal error ({type(error).__name__})."
        _note(services, heartbeat.claimed, state=StageState.WAITING, owner=None, last_error=reason)
        raise
    done = _note(services, heartbeat.claimed, state=StageState.DONE, progress=1.0, finished_at=services.clock())
    if done is None:
        return False
    with suppress(StopWork):
        heartbeat.note_on_job()
    return True


def _settle(services: Services, job: Job) -> None:
    """Ends the job if it was its cancellation that stopped the step; it may even have been deleted."""
    with suppress(NotFound):
        settle_cancel(services, services.storage.jobs.get(job.org_id, job.job_id).value)


def _failed(services: Services) -> dict[str, Any]:
    return {"state": StageState.FAILED, "owner": None, "finished_at": services.clock()}


def _note(services: Services, claimed: Stored[Part], **changes: object) -> Stored[Part] | None:
    """Writes the outcome on the part's row as long as this delivery owns it; None when it does not, or the row is
    gone with its job."""
    row = claimed
    with suppress(NotFound):
        while row.value.owner == claimed.value.owner:
            try:
                return services.storage.parts.update(row, row.value.evolve(**changes))
            except WriteConflict:
                row = services.storage.parts.get(row.value)
    return None
