"""Accept recordings: an address, a stored file, or an existing session; and retry a job that has ended.

The order of writing makes a crash harmless: session, job (with its index), then the message, which the sweep sends
if it got lost. Nothing is accepted before its job row is written.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from shared.domain import job as jobs
from shared.domain.errors import Conflict, InvalidRequest, NotFound, StorageFull, WriteConflict
from shared.domain.job import Job, new_job
from shared.domain.message import StepKind
from shared.domain.options import JobOptions
from shared.domain.recording_name import name_in_address, readable_name, source_file_name
from shared.domain.session import Session
from shared.domain.stage import Stage
from shared.domain.step_run import StepRun
from shared.domain.tracks import use_tracks
from shared.pipeline.context import Services
from shared.pipeline.execution.advance import advance
from shared.pipeline.execution.dispatch import enqueue
from shared.pipeline.jobs.vocabularies import terms_for
from shared.pipeline.stages.plan import refuse_unavailable
from shared.pipeline.updates import change_job, change_session
from shared.pipeline.webhooks.signature import check_callback


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A client's request, apart from the recording itself.

    `job_id` and `session_id` are reserved for what is made: the same ones again return the job that is there.
    """

    org_id: str
    session_name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    options: JobOptions = field(default_factory=JobOptions)
    callback_url: str | None = None
    traceparent: str | None = None
    start_at: datetime | None = None
    job_id: str | None = None
    session_id: str | None = None


def submit_url(services: Services, request: JobRequest, source_url: str) -> Job:
    """Create a session and a job for a recording at an http(s) address."""
    check_source_url(source_url)
    validate_request(services, request.options, request.callback_url)
    terms_for(services, request.org_id, request.options)
    name = name_in_address(source_url)
    session_id = request.session_id or services.new_id()
    session = new_session(services, request, session_id, name, source_url=source_url)
    return start_job(services, request, get_or_create_session(services, session))


def check_source_url(source_url: str) -> None:
    """Raise InvalidRequest for an address that no job may fetch."""
    parts = urlsplit(source_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidRequest("sourceUrl must be an http or https address.")
    if parts.username or parts.password:
        raise InvalidRequest("sourceUrl must not contain a user name or password; use a signed address instead.")


def submit_session(services: Services, request: JobRequest, session_id: str) -> Job:
    """Create a job over a session's stored recording; raise NotFound, and TrackNotFound where that is known."""
    validate_request(services, request.options, request.callback_url)
    session = services.storage.sessions.get(request.org_id, session_id).value
    if session.recording is not None:
        use_tracks(session.recording, request.options.tracks)
    return start_job(services, request, session)


def submit_stored(services: Services, request: JobRequest, session_id: str, file_name: str) -> Job:
    """Create a session and a job for a recording that was just written to `source_blob_name` of the session."""
    session = new_session(services, request, session_id, file_name)
    return start_job(services, request, get_or_create_session(services, session))


def retry_job(services: Services, org_id: str, job_id: str) -> Job:
    """Begin the job's next attempt, from the stage that failed, with every finished part kept.

    Raise NotFound, Conflict unless the job is in ERROR or CANCELED, and as `validate_request`.
    """

    def again(current: Job) -> Job:
        if not current.status.may_begin_again:
            raise Conflict(f"Only a job in ERROR or CANCELED can be tried again; this one is {current.status}.")
        services.storage.sessions.get(org_id, current.session_id)  # raises NotFound for a session that is being deleted
        validate_request(services, current.options, current.callback_url)
        return jobs.restart(current, services.clock())

    begun = change_job(services, org_id, job_id, again)
    services.telemetry.job_accepted(begun)
    advance(services, begun)
    return services.storage.jobs.get(org_id, job_id).value


def source_blob_name(org_id: str, session_id: str, file_name: str) -> str:
    """Return the name of a session's recording in container `sources`."""
    return f"{org_id}/{session_id}/{file_name}"


def validate_request(services: Services, options: JobOptions, callback_url: str | None = None) -> None:
    """Refuse a request that could only fail, before anything is accepted.

    Raise StorageFull, EngineUnavailable for the options, and as `check_callback`.
    """
    refuse_when_disk_is_full(services)
    refuse_unavailable(services.settings, options)
    check_callback(services.settings, callback_url)


def refuse_when_disk_is_full(services: Services) -> None:
    """Raise StorageFull while the local storage's disk is nearly full: the emulator would accept data and lose it."""
    directory = services.settings.local_data_dir
    if directory is None or not services.settings.storage_is_emulator:
        return
    free = shutil.disk_usage(directory).free
    if free < services.settings.min_free_bytes:
        raise StorageFull(
            f"Only {free // 1024**2} MiB are free on the disk of the local storage; nothing was accepted."
        )


def new_session(
    services: Services, request: JobRequest, session_id: str, file_name: str, source_url: str | None = None
) -> Session:
    now = services.clock()
    return Session(
        session_id=session_id,
        org_id=request.org_id,
        name=request.session_name or readable_name(file_name),
        is_named=request.session_name is not None,
        source_blob=source_blob_name(request.org_id, session_id, source_file_name(file_name)),
        source_url=source_url,
        metadata=request.metadata,
        created_at=now,
        updated_at=now,
    )


def get_or_create_session(services: Services, session: Session) -> Session:
    """Return the session's row; create it unless an earlier request got this far."""
    try:
        return services.storage.sessions.create(session).value
    except WriteConflict:
        return services.storage.sessions.get(session.org_id, session.session_id).value


def start_job(services: Services, request: JobRequest, session: Session, job_id: str | None = None) -> Job:
    job = new_job(
        job_id=job_id or request.job_id or services.new_id(),
        session_id=session.session_id,
        org_id=request.org_id,
        now=services.clock(),
        options=request.options,
        callback_url=request.callback_url,
        traceparent=request.traceparent,
        start_at=request.start_at,
        terms=terms_for(services, request.org_id, request.options),
    )
    try:
        services.storage.jobs.create(job)
    except WriteConflict:  # an earlier request got this far
        return enqueue_first_step(services, services.storage.jobs.get(job.org_id, job.job_id).value, is_new=False)
    services.telemetry.job_accepted(job)
    return enqueue_first_step(services, job, is_new=True)


def enqueue_first_step(services: Services, job: Job, *, is_new: bool) -> Job:
    """Name the job on its session and enqueue its first step, unless that was done before."""

    def with_latest(current: Session) -> Session:
        outdated = not is_new and (current.latest_job_id or job.job_id) < job.job_id  # newer identifiers sort first
        if outdated:
            return current
        return current.evolve(
            latest_job_id=job.job_id, retention_days=job.options.retention_days, updated_at=services.clock()
        )

    try:
        change_session(services, job.org_id, job.session_id, with_latest)
    except NotFound:  # the session was deleted meanwhile, by a caller that may not have seen the job
        services.storage.jobs.delete(job.org_id, job.session_id, job.job_id)
        raise
    if not job.is_final:
        first = StepRun(job_id=job.job_id, stage=Stage.DOWNLOAD, step=StepKind.PART, number=0, job_attempt=job.attempt)
        enqueue(services, job, first)
    inline = services.settings.execution == "inline"  # then the job has run to its end by now
    return services.storage.jobs.get(job.org_id, job.job_id).value if inline else job
