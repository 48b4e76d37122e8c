"""Find a session's results: the job that made each, why one is missing, and an address of the recording.

Apart from the routes, so that the reasons for a missing result stand in one place.
"""

import mimetypes
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.errors import ChecksumMismatch, NotFound, ResultInTheMaking, ResultNotReady, WriteConflict
from shared.domain.job import Job
from shared.domain.playable import is_playable
from shared.domain.recording import Recording
from shared.domain.session import Session
from shared.domain.stage import Stage, StageState
from shared.job_status import JobStatus
from shared.pipeline.artefacts import AUDIO, PLAYABLE, Artefact
from shared.pipeline.context import Services, blob_name
from shared.pipeline.stages.job_blobs import CHANGED, NOT_THERE, is_changed
from shared.pipeline.updates import change_session
from shared.storage.ports import SOURCES, BlobFacts

_ACTIVE_JOBS = 20
"""Active jobs of a session that are searched for one at work."""

UNKNOWN = "application/octet-stream"
_PICTURES, _SOUNDS = "video/", "audio/"
_OPEN_CODECS = frozenset({"vp8", "vp9", "av1", "libdav1d", "opus", "vorbis"})
_SUBTYPES = {
    "mov,mp4,m4a,3gp,3g2,mj2": "mp4",
    "mp3": "mpeg",
    "wav": "wav",
    "ogg": "ogg",
    "flac": "flac",
    "aac": "aac",
    "mpegts": "mp2t",
}
"""By FFmpeg's names of containers."""


@dataclass(frozen=True, slots=True)
class Result:
    """A session's result: the job that made it, if any, and the error to raise when there is none."""

    session: Session
    job_id: str | None
    missing: ResultNotReady

    def blob(self, name: str) -> str:
        """Return the file's name in container `results`; raise ResultNotReady."""
        if self.job_id is None:
            raise self.missing
        return blob_name(self.session.org_id, self.session.session_id, self.job_id, name)


def find_result(services: Services, org_id: str, session_id: str, stage: Stage | None, job_id: str | None) -> Result:
    """Return the session's result of a stage (its sidecar for None), the latest or a job's own; raise NotFound."""
    session = services.storage.sessions.get(org_id, session_id).value
    now = services.clock()
    if job_id is not None:
        job = services.storage.jobs.get(org_id, job_id).value
        if job.session_id != session_id:
            raise NotFound(f"Job {job_id} is none of session {session_id}.")
        return Result(session, job_id, _missing(session, job, stage, now))
    if stage is None:
        made_by = session.sidecar_job_id
    else:
        made_by = session.transcript_job_id if stage is Stage.TRANSCRIPTION else session.tracking_job_id
    telling = telling_job(services, session, now, is_made=made_by is not None)
    return Result(session, made_by, _missing(session, telling, stage, now))


def result_with_text(result: Result, job_id: str | None) -> Result:
    """Return the result whose files follow from the transcript that is shown beside this sidecar's.

    What follows from a transcript that people corrected stands with that transcript, also after a new run.

    Args:
        result: that of the sidecar.
        job_id: the job that the caller asks for; None for the latest.
    """
    session = result.session
    if job_id is None and session.keeps_transcript:
        return replace(result, job_id=session.transcript_job_id)
    return result


def no_recording(services: Services, session: Session) -> ResultNotReady:
    """Return the reason why the session's recording is not in storage."""
    if session.sha256 is not None and session.source_url is None:
        return ResultNotReady(NOT_THERE)
    now = services.clock()
    return _missing(session, telling_job(services, session, now, is_made=False), Stage.DOWNLOAD, now)


def telling_job(services: Services, session: Session, now: datetime, *, is_made: bool) -> Job | None:
    """Return the job that explains a missing result: one at work, else one yet to begin, else one that has ended."""
    jobs = services.storage.jobs
    try:
        latest = jobs.get(session.org_id, session.latest_job_id or "").value
    except NotFound:
        latest = None
    if latest is not None and (latest.is_final if is_made else is_at_work(latest, now)):
        return latest
    active = jobs.page(session.org_id, session_id=session.session_id, active=True, limit=_ACTIVE_JOBS).items
    at_work = next((job for job in active if is_at_work(job, now)), None)
    return at_work or next(iter(active), latest)


def is_at_work(job: Job, now: datetime) -> bool:
    """Return whether the job has not ended, and need not wait for its start."""
    return not job.is_final and (job.started_at is not None or job.start_at is None or job.start_at <= now)


def _missing(session: Session, job: Job | None, stage: Stage | None, now: datetime) -> ResultNotReady:
    """Return the reason for a missing result, as the session and the job tell it."""
    if job is None:
        return ResultNotReady("No job has made it yet.")
    if session.results_are_deleted(job.finished_at) and stage is not Stage.DOWNLOAD:
        return ResultNotReady(f"What job {job.job_id} made was deleted; process the recording again.")
    if stage is not None and job.stages[stage].state is StageState.SKIPPED:
        return ResultNotReady(f"There will be none: {job.stages[stage].reason}")
    if job.error is not None:
        return ResultNotReady(f"Job {job.job_id} ended in {job.status}: {job.error.detail}")
    if job.status is JobStatus.CANCELED:
        return ResultNotReady(f"Job {job.job_id} ended in {job.status}.")
    if job.is_final:
        return ResultNotReady(f"Job {job.job_id} has not made it.")
    if is_at_work(job, now):
        return ResultInTheMaking(f"Job {job.job_id} is at work on it.")
    return ResultInTheMaking(f"Job {job.job_id}, which begins at {job.start_at:%Y-%m-%d %H:%M} UTC, will make it.")


def media_url(services: Services, org_id: str, session_id: str) -> str:
    """Return an address that reads the session's recording and nothing else, with ranges, for minutes.

    The content type is never the declared one, unless that is sound or picture: an uploaded page must not run under
    the storage's name. An upload is read from a snapshot, because its own address may still write: what is written
    later is not shown. Raise NotFound, ResultNotReady, ResultInTheMaking while a job is to fetch it, and
    ChecksumMismatch for an upload that was overwritten.
    """
    session = services.storage.sessions.get(org_id, session_id).value
    facts = stored_recording(services, session)
    return services.storage.blobs.read_url(
        SOURCES,
        session.source_blob,
        timedelta(minutes=services.settings.media_url_minutes),
        snapshot=_snapshot(services, session, facts) if session.upload_id and session.source_etag else None,
        content_type=media_type(session.recording, facts.content_type, session.source_blob),
        file_name=session.source_blob.rpartition("/")[2],
    )


def stored_recording(services: Services, session: Session) -> BlobFacts:
    """Return the session's recording as it was submitted; raise ResultNotReady and ResultInTheMaking, and
    ChecksumMismatch for an upload that was overwritten."""
    facts = services.storage.blobs.facts(SOURCES, session.source_blob)
    if facts is None:
        raise no_recording(services, session)
    if session.source_etag is not None and is_changed(session, facts):
        if session.source_url is not None:
            raise no_recording(services, session)  # it is being fetched again
        raise ChecksumMismatch(CHANGED)
    return facts


def _snapshot(services: Services, session: Session, facts: BlobFacts) -> str:
    """Return the snapshot of the recording as it is now, made at the first call and kept on the session's row."""
    if session.source_snapshot is not None:
        return session.source_snapshot
    try:
        made = services.storage.blobs.snapshot(SOURCES, session.source_blob, facts.etag)
    except WriteConflict:
        raise ChecksumMismatch(CHANGED) from None

    def keep(current: Session) -> Session:
        return current.evolve(source_snapshot=made) if current.source_etag == facts.etag else current

    return change_session(services, session.org_id, session.session_id, keep).source_snapshot or made


def playable_url(services: Services, org_id: str, session_id: str) -> str:
    """Return an address of a video that every browser plays: the latest job's rendition, or the recording if it is one.

    Raise NotFound, ResultNotReady, and ResultInTheMaking.
    """
    made = find_result(services, org_id, session_id, Stage.RENDITION, None)
    try:
        return result_url(services, made, PLAYABLE)
    except ResultNotReady:
        if made.session.recording is not None and is_playable(made.session.recording):
            return media_url(services, org_id, session_id)
        raise


def playable_type(services: Services, session: Session) -> str | None:
    """Return the content type of what `playable_url` leads to; None where it leads to nothing."""
    if session.tracking_job_id is not None:
        blob = blob_name(session.org_id, session.session_id, session.tracking_job_id, PLAYABLE.name)
        if services.storage.blobs.facts(PLAYABLE.container, blob) is not None:
            return PLAYABLE.content_type
    if session.recording is not None and is_playable(session.recording):
        return media_type(session.recording, "", session.source_blob)
    return None


def audio_url(services: Services, org_id: str, session_id: str) -> str:
    """Return an address of the sound alone, of the latest job with a transcript; raise NotFound and ResultNotReady."""
    return result_url(services, find_result(services, org_id, session_id, Stage.TRANSCRIPTION, None), AUDIO)


def result_url(services: Services, result: Result, artefact: Artefact) -> str:
    """Return an address that reads a file of the result and nothing else, with ranges, for minutes.

    Raise ResultNotReady if the job did not make it.
    """
    blob, blobs = result.blob(artefact.name), services.storage.blobs
    if blobs.facts(artefact.container, blob) is None:
        raise result.missing
    valid_for = timedelta(minutes=services.settings.media_url_minutes)
    return blobs.read_url(
        artefact.container, blob, valid_for, content_type=artefact.content_type, file_name=artefact.name
    )


def media_type(recording: Recording | None, declared: str, name: str) -> str:
    """Return the content type of a recording: by its streams, else as declared, else by its name."""
    if recording is not None:
        found = _subtype(recording)
        if found is not None:
            return (_PICTURES if recording.video else _SOUNDS) + found
    for kind in (declared, mimetypes.guess_type(name)[0] or ""):
        if kind.lower().startswith((_PICTURES, _SOUNDS)):
            return kind
    return UNKNOWN


def _subtype(recording: Recording) -> str | None:
    if recording.container == "matroska,webm":
        codecs = {stream.codec for stream in (recording.video, recording.audio) if stream is not None}
        return "webm" if codecs <= _OPEN_CODECS else "x-matroska"
    return _SUBTYPES.get(recording.container)
