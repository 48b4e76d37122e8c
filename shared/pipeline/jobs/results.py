"""Which job made a session's result, and why there is none where none did."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import NotFound, ResultInTheMaking, ResultNotReady
from shared.domain.job import Job
from shared.domain.session import Session
from shared.domain.stage import Stage, StageState
from shared.job_status import JobStatus
from shared.pipeline.context import Services, blob_name
from shared.pipeline.stages.job_blobs import NOT_THERE

_ACTIVE_JOBS = 20
"""Of one session, so many are looked through for one that is at work."""


@dataclass(frozen=True, slots=True)
class Result:
    """A session's result: the job that made it, if any has, and what to say when there is none."""

    session: Session
    job_id: str | None
    missing: ResultNotReady

    def blob(self, name: str) -> str:
        """The file's name in container `results`; raises ResultNotReady."""
        if self.job_id is None:
            raise self.missing
        return blob_name(self.session.org_id, self.session.session_id, self.job_id, name)


def find_result(services: Services, org_id: str, session_id: str, stage: Stage | None, job_id: str | None) -> Result:
    """The session's result of a stage, or its sidecar for None: the latest, or a job's own; raises NotFound."""
    session = services.storage.sessions.get(org_id, session_id).value
    now = services.clock()
    if job_id is not None:
        job = services.storage.jobs.get(org_id, job_id).value
        if job.session_id != session_id:
            raise NotFound(f"Job {job_id} is none of session {session_id}.")
        return Result(session, job_id, _missing(job, stage, now))
    if stage is None:
        made_by = session.sidecar_job_id
    else:
        made_by = session.transcript_job_id if stage is Stage.TRANSCRIPTION else session.tracking_job_id
    telling = _telling_job(services, session, now, is_made=made_by is not None)
    return Result(session, made_by, _missing(telling, stage, now))


def no_recording(services: Services, session: Session) -> ResultNotReady:
    """Why the session's recording is not in storage."""
    if session.sha256 is not None and session.source_url is None:
        return ResultNotReady(NOT_THERE)
    now = services.clock()
    return _missing(_telling_job(services, session, now, is_made=False), Stage.DOWNLOAD, now)


def _telling_job(services: Services, session: Session, now: datetime, *, is_made: bool) -> Job | None:
    """Whom to ask why there is no result: a job that is at work rather than one that is yet to begin, and that rather
    than one that has ended."""
    jobs = services.storage.jobs
    try:
        latest = jobs.get(session.org_id, session.latest_job_id or "").value
    except NotFound:
        latest = None
    if latest is not None and (latest.is_final if is_made else _is_at_work(latest, now)):
        return latest
    active = jobs.page(session.org_id, session_id=session.session_id, active=True, limit=_ACTIVE_JOBS).items
    at_work = next((job for job in active if _is_at_work(job, now)), None)
    return at_work or next(iter(active), latest)


def _is_at_work(job: Job, now: datetime) -> bool:
    """Whether it has not ended, and need not wait for its time."""
    return not job.is_final and (job.started_at is not None or job.start_at is None or job.start_at <= now)


def _missing(job: Job | None, stage: Stage | None, now: datetime) -> ResultNotReady:
    """What the job says of why there is no such result."""
    if job is None:
        return ResultNotReady("No job has made it yet.")
    if stage is not None and job.stages[stage].state is StageState.SKIPPED:
        return ResultNotReady(f"There will be none: {job.stages[stage].reason}")
    if job.error is not None:
        return ResultNotReady(f"Job {job.job_id} ended in {job.status}: {job.error.detail}")
    if job.status is JobStatus.CANCELED:
        return ResultNotReady(f"Job {job.job_id} ended in {job.status}.")
    if job.is_final:
        return ResultNotReady(f"Job {job.job_id} has not made it.")
    if _is_at_work(job, now):
        return ResultInTheMaking(f"Job {job.job_id} is at work on it.")
    return ResultInTheMaking(f"Job {job.job_id}, which begins at {job.start_at:%Y-%m-%d %H:%M} UTC, will make it.")
