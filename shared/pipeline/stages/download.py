"""Run the download stage: store the recording, examine it, copy its sound, and plan the rest of the job.

Never holds the whole recording, in memory or on disk. A step that runs again continues from what is stored.
"""

import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from shared.domain import job as jobs
from shared.domain.errors import (
    ChecksumMismatch,
    EmptyRecording,
    RecordingTooLarge,
    SourceChanged,
    SourceNotFound,
    SourceTooSlow,
)
from shared.domain.job import Job
from shared.domain.quality.sound import early_reasons
from shared.domain.recording import Recording
from shared.domain.recording_name import name_in_address, readable_name
from shared.domain.stage import Stage
from shared.domain.tracks import use_tracks
from shared.media.network.fetch import FetchPolicy, open_source
from shared.media.probe.probe import probe
from shared.media.timeline.measure import measure
from shared.media.timeline.walk import Walk
from shared.media.video.field_order import find_field_order
from shared.pipeline.artefacts import RECORDING
from shared.pipeline.context import ContinueLater, StepContext
from shared.pipeline.stages.audio_copy import copy_audio
from shared.pipeline.stages.expectations import expect, read_paces
from shared.pipeline.stages.job_blobs import (
    CHANGED,
    NOT_THERE,
    RecordingFile,
    in_blocks,
    is_changed,
    open_unchanged,
    write_json,
)
from shared.pipeline.stages.plan import plan_stages, refuse_too_long
from shared.pipeline.updates import change_job, change_session
from shared.settings import Settings
from shared.storage.ports import CHUNK_BYTES, SOURCES, BlobFacts

log = logging.getLogger(__name__)

BLOCK_BYTES = 8 * 1024**2
FETCHED, HASHED, PROBED = 0.4, 0.5, 0.52
"""Progress of the step after each of its phases."""


@dataclass(frozen=True, slots=True)
class _Source:
    """The recording in storage."""

    facts: BlobFacts
    sha256: str | None = None
    """Its hash, when this delivery fetched all of it; else it is computed by reading the blob."""

    @property
    def size_bytes(self) -> int:
        """Return the length of the blob."""
        return self.facts.size_bytes


def download_recording(context: StepContext) -> None:
    """Do the work of the download stage, which has one part."""
    source = _source(context)
    _rest_when_late(context)
    sha256 = _checked_sha256(context, source)
    context = _with_identity(context, source.facts, sha256)
    _rest_when_late(context)
    recording = _examine(context, source.facts)
    services, session = context.services, context.session
    context.confirm()
    if context.job.options.tracks.any:
        write_json(services, context.job, RECORDING, RecordingFile(recording=recording))
    change_session(
        services,
        session.org_id,
        session.session_id,
        lambda current: current.evolve(
            recording=_of_session(current.recording, recording), updated_at=services.clock()
        ),
    )
    paces = read_paces(services, context.job.options, recording)

    def plan(job: Job) -> Job | None:
        planned = _planned(job, recording, services.settings, services.clock())
        if planned is None:
            return None
        return jobs.expect(planned, recording.duration_sec, expect(paces, planned, recording.duration_sec))

    change_job(services, session.org_id, context.job.job_id, plan)


def _of_session(known: Recording | None, found: Recording) -> Recording:
    """Return the facts to keep with the session: a job that names tracks does not change them for other jobs."""
    return known if known is not None and found.choice.asked else found


def _planned(job: Job, recording: Recording, settings: Settings, now: datetime) -> Job | None:
    """Return the job with its parts, or None to leave it as it is.

    When the download runs again for a lost blob, the parts stay: settings may have changed, and some parts are done.
    """
    if job.is_final or job.stages[Stage.DOWNLOAD].state.is_over:
        return None
    plan = plan_stages(recording, settings, job.options, job.first_part_sec)
    return jobs.plan_stages(job, plan.parts, plan.skipped, now, rendition_codec=settings.rendition_codec)


def _source(context: StepContext) -> _Source:
    """Return the recording as a blob; fetch it now if it is not there yet."""
    blobs, session = context.services.storage.blobs, context.session
    facts = blobs.facts(SOURCES, session.source_blob)
    source = None if facts is None else _Source(facts)
    if session.source_url is not None and (source is None or source.size_bytes == 0):
        source = _fetch(context, session.source_url)
    if source is None:
        raise SourceNotFound(NOT_THERE)
    if source.size_bytes == 0:
        raise EmptyRecording("The file is empty (0 bytes).")
    if source.size_bytes > context.services.settings.max_source_bytes:
        limit = context.services.settings.max_source_bytes
        raise RecordingTooLarge(f"The file has {source.size_bytes} bytes; at most {limit} are accepted.")
    context.report(FETCHED)
    return source


def _fetch(context: StepContext, url: str) -> _Source:
    """Stream an address into the session's blob, block by block, from where an earlier delivery stopped.

    Every block but the last is `BLOCK_BYTES` long, so that all deliveries agree on the boundaries.
    """
    blobs, name, settings = context.services.storage.blobs, context.session.source_blob, context.services.settings
    validator = context.session.source_validator
    staged = blobs.staged_blocks(SOURCES, name) if validator else ()
    policy = FetchPolicy(
        allow_loopback=settings.allow_loopback_sources,
        max_bytes=settings.max_source_bytes,
        max_seconds=settings.max_download_sec,
    )
    index, offset = len(staged), sum(staged)
    is_whole, digest = offset == 0, hashlib.sha256()

    def watch() -> None:
        """Check for cancellation and for the time limit even while the server sends next to nothing."""
        context.report(0.0)
        _stop_when_slow(context)

    try:
        with open_source(url, policy, offset=offset, validator=validator, watch=watch) as remote:
            if offset == 0:
                _remember_validator(context, remote.validator)
            _take_name(context, url, remote.filename)
            resumable = remote.validator is not None and remote.accepts_ranges
            for block in in_blocks(remote.chunks, BLOCK_BYTES):
                blobs.stage_block(SOURCES, name, index, block)
                digest.update(block)
                index, offset = index + 1, offset + len(block)
                if remote.size_bytes:
                    context.report(FETCHED * offset / remote.size_bytes)
                if resumable and len(block) == BLOCK_BYTES:
                    _rest_when_late(context)
    except SourceChanged:
        _forget_staged_blocks(context)
        raise
    if offset == 0:
        raise EmptyRecording("The source's server sent an empty file.")
    context.confirm()
    facts = blobs.commit_blocks(SOURCES, name, index, remote.content_type or "application/octet-stream")
    return _Source(facts, digest.hexdigest() if is_whole else None)


def _remember_validator(context: StepContext, validator: str | None) -> None:
    session = context.session
    change_session(
        context.services,
        session.org_id,
        session.session_id,
        lambda current: current.evolve(source_validator=validator),
    )


def _take_name(context: StepContext, url: str, told: str | None) -> None:
    """Name the session as the source's server names the file, unless the client chose a name."""
    session = context.session
    if told is None or session.is_named or session.name != readable_name(name_in_address(url)):
        return
    name = readable_name(told)
    if name != session.name:
        change_session(context.services, session.org_id, session.session_id, lambda current: current.evolve(name=name))


def _forget_staged_blocks(context: StepContext) -> None:
    _remember_validator(context, None)
    context.services.storage.blobs.discard(SOURCES, context.session.source_blob)


def _rest_when_late(context: StepContext) -> None:
    """Raise ContinueLater when the invocation's budget is used up; call it only where all progress is stored."""
    if context.elapsed_sec() > context.services.settings.invocation_budget_sec:
        raise ContinueLater


def _stop_when_slow(context: StepContext) -> None:
    if context.elapsed_sec() > context.services.settings.invocation_limit_sec:
        raise SourceTooSlow("The source's server is too slow, and cannot go on where an interrupted download stopped.")
    limit = timedelta(seconds=context.services.settings.max_download_sec)
    if context.services.clock() - context.began_at > limit:
        raise SourceTooSlow(f"The source's server did not send the whole recording within {limit}.")


def _checked_sha256(context: StepContext, source: _Source) -> str:
    """Return the recording's SHA-256, computed here unless the session's row has it for this ETag.

    The blob's metadata are not asked: an upload's address may write them. Raises ChecksumMismatch.
    """
    session = context.session
    if session.sha256 is not None and session.source_etag == source.facts.etag:
        return session.sha256
    if session.sha256 is None and session.source_url is None and is_changed(session, source.facts):
        raise ChecksumMismatch(CHANGED)  # written anew since the commit
    sha256 = source.sha256 or _read_sha256(context, source.facts)
    if session.expected_sha256 is not None and session.expected_sha256.lower() != sha256:
        raise ChecksumMismatch("The file that arrived has another SHA-256 than the one that was announced.")
    if session.sha256 is not None and session.sha256 != sha256:
        raise ChecksumMismatch(CHANGED)
    return sha256


def _read_sha256(context: StepContext, source: BlobFacts) -> str:
    """Return the hash of the blob by reading it.

    The container's reader reads the blob again. One pass cannot serve both: the hash has to be known before the first
    part of the sound is announced, since a file with another hash than the announced one must show no text. And a
    demuxer seeks, to an index at the end and between joined files, while a hash needs the bytes in order. A recording
    that one delivery fetches is hashed on its way in and not read here.
    """
    digest, read = hashlib.sha256(), 0
    while read < source.size_bytes:
        chunk = context.services.storage.blobs.read_range(SOURCES, source.name, read, CHUNK_BYTES, source.etag)
        if not chunk:
            raise ChecksumMismatch(CHANGED)
        digest.update(chunk)
        read += len(chunk)
        context.report(FETCHED + (HASHED - FETCHED) * read / source.size_bytes)
    return digest.hexdigest()


def _with_identity(context: StepContext, source: BlobFacts, sha256: str) -> StepContext:
    """Keep the recording's hash and ETag on the session's row, so that they are computed once; return the context with
    them."""
    session = context.session
    if (session.sha256, session.source_etag) == (sha256, source.etag):
        return context
    context.confirm()
    changed = change_session(
        context.services,
        session.org_id,
        session.session_id,
        lambda current: current.evolve(sha256=sha256, source_etag=source.etag, source_snapshot=None),
    )
    return replace(context, session=changed)


def _examine(context: StepContext, source: BlobFacts) -> Recording:
    """Read the recording through: copy its sound, measure it, and return its facts."""
    with open_unchanged(context.services, SOURCES, source) as file:
        recording = use_tracks(probe(file, source.size_bytes), context.job.options.tracks)
        context.report(PROBED)
        report = partial(_report_reading, context)
        if recording.audio is None:
            measured = measure(file, recording, Walk(file, recording, report))
            recording = replace(recording, audio=measured.audio)  # it may begin in a later one of joined files
        if recording.audio is None:
            context.warn(early_reasons(None, measured.duration_sec))
        else:
            measured = copy_audio(context, file, recording, report)
        refuse_too_long(measured.duration_sec, context.services.settings)
    if measured.video is None:
        return measured
    with open_unchanged(context.services, SOURCES, source, few_places=True) as file:
        return replace(measured, video=replace(measured.video, field_order=find_field_order(file, measured)))


def _report_reading(context: StepContext, fraction: float) -> None:
    context.report(PROBED + (1.0 - PROBED) * fraction)
