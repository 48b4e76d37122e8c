"""Take recordings that a client puts into storage itself: announce an upload, and commit it when it has arrived.

Apart from `submit` because an upload has a row of its own, and a commit that may be repeated.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from shared.domain.errors import Conflict, InvalidRequest, NotFound, UploadIncomplete, WriteConflict
from shared.domain.idempotency import Reserved
from shared.domain.job import Job
from shared.domain.options import JobOptions
from shared.domain.recording_name import source_file_name
from shared.domain.session import Upload
from shared.pipeline.context import Services
from shared.pipeline.jobs.submit import (
    JobRequest,
    enqueue_first_step,
    get_or_create_session,
    new_session,
    source_blob_name,
    start_job,
    validate_request,
)
from shared.pipeline.jobs.vocabularies import terms_for
from shared.pipeline.stages.plan import refuse_unavailable
from shared.pipeline.updates import retry_conflicts
from shared.pipeline.webhooks.signature import check_callback
from shared.storage.ports import SOURCES, BlobFacts

UPLOAD_BLOCK_BYTES = 8 * 1024**2
"""Block size that clients are asked to use: 50,000 blocks of it hold 390 GiB."""


@dataclass(frozen=True, slots=True)
class AnnouncedUpload:
    """An upload's row and the address that the client PUTs blocks to."""

    upload: Upload
    url: str


def announce_upload(
    services: Services,
    org_id: str,
    source_name: str,
    content_length: int,
    content_type: str,
    options: JobOptions,
    reserved: Reserved,
) -> AnnouncedUpload:
    """Reserve a session's place, and return an address to upload to.

    The options are only checked: the commit brings those that count. The same reserved identifiers again return the
    upload that is there.

    Raises:
        InvalidRequest: The recording is too large.
        StorageFull: The local storage's disk is nearly full.
        EngineUnavailable: A job with these options could only fail.
    """
    validate_request(services, options)
    terms_for(services, org_id, options)
    if content_length > services.settings.max_source_bytes:
        raise InvalidRequest(
            f"The recording has {content_length} bytes; at most {services.settings.max_source_bytes} are accepted."
        )
    now = services.clock()
    valid_for = timedelta(hours=services.settings.upload_valid_hours)
    upload = Upload(
        upload_id=reserved.resource_id,
        org_id=org_id,
        session_id=reserved.session_id,
        source_name=source_name,
        source_blob=source_blob_name(org_id, reserved.session_id, source_file_name(source_name)),
        content_length=content_length,
        content_type=content_type,
        created_at=now,
        expires_at=now + valid_for,
    )
    try:
        services.storage.uploads.create(upload)
    except WriteConflict:  # an earlier request got this far
        upload = services.storage.uploads.get(org_id, upload.upload_id).value
    url = services.storage.blobs.upload_url(SOURCES, upload.source_blob, upload.expires_at - now)
    return AnnouncedUpload(upload, url)


def commit_upload(services: Services, request: JobRequest, upload_id: str, sha256: str | None = None) -> Job:
    """Return the job for a finished upload; a second commit returns the same job.

    The download stage compares `sha256`, if it is given.

    Raises:
        NotFound: There is no such upload.
        UploadIncomplete: The blob is missing, or has another length.
        Conflict: The upload has expired.
        EngineUnavailable: A job with these options could only fail.
    """
    return retry_conflicts(partial(_commit_once, services, request, upload_id, sha256), services.sleep)


def _commit_once(services: Services, request: JobRequest, upload_id: str, sha256: str | None) -> Job:
    stored = services.storage.uploads.get(request.org_id, upload_id)
    upload = stored.value
    if upload.job_id is not None:
        with suppress(NotFound):  # the first commit crashed between the upload's row and the job's
            return enqueue_first_step(
                services, services.storage.jobs.get(upload.org_id, upload.job_id).value, is_new=False
            )
    blob = arrived_upload(services, upload)
    refuse_unavailable(services.settings, request.options)
    check_callback(services.settings, request.callback_url)
    terms_for(services, request.org_id, request.options)
    if upload.job_id is None:
        upload = services.storage.uploads.update(
            stored, upload.evolve(job_id=request.job_id or services.new_id())
        ).value
    return _commit(services, request, upload, blob, sha256)


def arrived_upload(services: Services, upload: Upload) -> BlobFacts:
    """Return the blob of an upload that arrived as announced; raise UploadIncomplete, and Conflict after its expiry."""
    if upload.abandoned or upload.expires_at < services.clock():
        raise Conflict(f"The upload expired at {upload.expires_at:%Y-%m-%d %H:%M} UTC; begin a new one.")
    blob = services.storage.blobs.facts(SOURCES, upload.source_blob)
    if blob is None:
        raise UploadIncomplete("The upload has no committed data yet; PUT the blocks and then the block list.")
    if blob.size_bytes != upload.content_length:
        raise UploadIncomplete(f"{upload.content_length} bytes were announced and {blob.size_bytes} arrived.")
    return blob


def _commit(services: Services, request: JobRequest, upload: Upload, blob: BlobFacts, sha256: str | None) -> Job:
    """Create the session, with the recording's ETag as of now: what is written later is not this recording."""
    session = new_session(services, request, upload.session_id, upload.source_name)
    session = session.evolve(
        content_type=upload.content_type,
        expected_sha256=sha256,
        source_etag=blob.etag,
        upload_id=upload.upload_id,
    )
    return start_job(services, request, get_or_create_session(services, session), upload.job_id)
