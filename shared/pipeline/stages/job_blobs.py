"""Read and write the files of a job: as streams, as JSON, and the recording itself.

Apart from the stages because all of them share it.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from shared.domain.errors import BlobMissing, ChecksumMismatch, NotFound
from shared.domain.job import Job
from shared.domain.recording import Recording
from shared.domain.session import Session
from shared.media.range_reader import RangeReader
from shared.pipeline.artefacts import RECORDING, Artefact
from shared.pipeline.context import Services, StepContext, job_blob
from shared.storage.ports import SOURCES, BlobFacts

T = TypeVar("T", bound=BaseModel)

log = logging.getLogger(__name__)


class RecordingFile(BaseModel):
    """The facts of the recording with the tracks that the job's options name, which hold for this job only."""

    recording: Recording


NOT_THERE = "The recording is not in storage any more; upload it again."

CHANGED = "The recording was changed after it had been submitted; upload it as a new one."


def open_blob(services: Services, container: str, name: str) -> BinaryIO:
    """Open a blob as a seekable file that holds a few blocks of it; raise BlobMissing."""
    blobs = services.storage.blobs
    facts = blobs.facts(container, name)
    if facts is None:
        raise BlobMissing.of(container, name)
    return RangeReader(lambda offset, length: blobs.read_range(container, name, offset, length), facts.size_bytes)


def open_unchanged(services: Services, container: str, facts: BlobFacts, *, few_places: bool = False) -> BinaryIO:
    """Open a blob as `open_blob` does; a read raises WriteConflict once the blob has another ETag than in the facts."""
    blobs, name, etag = services.storage.blobs, facts.name, facts.etag
    opened = RangeReader.for_few_places if few_places else RangeReader
    return opened(lambda offset, length: blobs.read_range(container, name, offset, length, etag), facts.size_bytes)


def open_recording(context: StepContext, *, few_places: bool = False) -> BinaryIO:
    """Open the recording; raise BlobMissing, and ChecksumMismatch if it is not the one that was examined.

    With `few_places` it is read in small pieces, which suits a reader that seeks often.
    An upload's address can still write for a while after the commit. Any write with it changes the ETag. A
    recording that only the download stage writes has another ETag while it is being fetched again: it counts as
    missing then. Reads name the ETag, so that a recording that is overwritten while it is read raises WriteConflict.
    """
    session = context.session
    facts = context.services.storage.blobs.facts(SOURCES, session.source_blob)
    if facts is None or (session.source_url is not None and session.sha256 is not None and is_changed(session, facts)):
        raise BlobMissing.of(SOURCES, session.source_blob)
    if is_changed(session, facts):
        raise ChecksumMismatch(CHANGED)
    return open_unchanged(context.services, SOURCES, facts, few_places=few_places)


def is_changed(session: Session, facts: BlobFacts) -> bool:
    """Return whether the blob is another one than the session's row knows.

    The row of an earlier release has no ETag: its jobs compare the hash that was written to the blob's metadata.
    """
    if session.source_etag is not None:
        return facts.etag != session.source_etag
    return session.sha256 is not None and facts.sha256 != session.sha256


def open_file(context: StepContext, artefact: Artefact, **numbers: int) -> BinaryIO:
    """Open a file of the job; raise BlobMissing."""
    return open_blob(context.services, artefact.container, context.work_blob(artefact.name_of(**numbers)))


def in_blocks(chunks: Iterable[bytes], block_bytes: int) -> Iterator[bytes]:
    """Yield the same bytes in blocks of `block_bytes`, the last one shorter."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= block_bytes:
            yield bytes(buffer[:block_bytes])
            del buffer[:block_bytes]
    if buffer:
        yield bytes(buffer)


def write_file(services: Services, job: Job, artefact: Artefact, data: bytes, **numbers: int) -> None:
    """Write a file of the job, in place of what is there."""
    blob = job_blob(job, artefact.name_of(**numbers))
    services.storage.blobs.write(artefact.container, blob, data, artefact.content_type)


def write_json(services: Services, job: Job, artefact: Artefact, model: BaseModel, **numbers: int) -> None:
    """Write the model, under its names on the wire, as a file of the job."""
    write_file(services, job, artefact, model.model_dump_json(by_alias=True).encode(), **numbers)


def read_file(services: Services, job: Job, artefact: Artefact, **numbers: int) -> bytes:
    """Return a file of the job; raise BlobMissing."""
    return services.storage.blobs.read(artefact.container, job_blob(job, artefact.name_of(**numbers)))


def read_json(services: Services, job: Job, artefact: Artefact, model: type[T], **numbers: int) -> T:
    """Return what `write_json` wrote; raise BlobMissing, and ValidationError for anything else."""
    return model.model_validate_json(read_file(services, job, artefact, **numbers))


def find_json(services: Services, job: Job, artefact: Artefact, model: type[T], **numbers: int) -> T | None:
    """Return what `write_json` wrote; None where there is no such file, or one that cannot be read.

    Files of a stage that the job skips are not looked for.
    """
    if artefact.stage is not None and job.skips(artefact.stage):
        return None
    return find_model(services, artefact.container, job_blob(job, artefact.name_of(**numbers)), model)


def find_model(services: Services, container: str, blob: str, model: type[T]) -> T | None:
    """Return the JSON in a blob; None where there is no such blob, or one that cannot be read.

    A file that cannot be read is logged: what is made from several files goes on without it.
    """
    try:
        return model.model_validate_json(services.storage.blobs.read(container, blob))
    except NotFound:
        return None
    except ValidationError:
        log.exception("a file cannot be read", extra={"action": "read", "blob": f"{container}/{blob}"})
        return None


def recording_of(context: StepContext) -> Recording:
    """Return the facts that the download stage found for this job.

    Raise ValueError before it has run, and BlobMissing.
    """
    return _recording(context.services, context.job, context.session)


def recording_of_job(services: Services, job: Job) -> Recording:
    """Return the facts that the download stage found for a job; raise NotFound, and errors as in `recording_of`."""
    return _recording(services, job, services.storage.sessions.get(job.org_id, job.session_id).value)


def _recording(services: Services, job: Job, session: Session) -> Recording:
    if job.options.tracks.any:
        return read_json(services, job, RECORDING, RecordingFile).recording
    if session.recording is None:
        raise ValueError(f"session {session.session_id} has no recording yet")
    return session.recording
