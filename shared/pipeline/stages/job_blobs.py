"""What the stages' steps share: a job's blobs as files, and the names that they agree on."""

from typing import BinaryIO

from shared.domain.errors import BlobMissing, ChecksumMismatch
from shared.domain.recording import Recording
from shared.media.range_reader import RangeReader
from shared.pipeline.context import Services, StepContext
from shared.storage.ports import SOURCES

AUDIO_COPY = "audio.wav"

NOT_THERE = "The recording is not in storage any more; upload it again."

CHANGED = "The recording was changed after it had been submitted; upload it as a new one."


def open_blob(services: Services, container: str, name: str) -> BinaryIO:
    """A blob as a seekable file that holds a few blocks of it; raises BlobMissing."""
    blobs = services.storage.blobs
    facts = blobs.facts(container, name)
    if facts is None:
        raise BlobMissing.of(container, name)
    return RangeReader(lambda offset, length: blobs.read_range(container, name, offset, length), facts.size_bytes)


def open_recording(context: StepContext) -> BinaryIO:
    """The recording; raises BlobMissing, and ChecksumMismatch when it is not the one that was examined.

    An upload's address still writes for a while after the commit. Writing over a blob drops the hash noted with it.
    Where nobody but the download stage writes, a recording without a hash is one that is being fetched once more.
    """
    session = context.session
    facts = context.services.storage.blobs.facts(SOURCES, session.source_blob)
    if facts is None or (session.source_url is not None and session.sha256 is not None and facts.sha256 is None):
        raise BlobMissing.of(SOURCES, session.source_blob)
    if session.sha256 is not None and facts.sha256 != session.sha256:
        raise ChecksumMismatch(CHANGED)
    return open_blob(context.services, SOURCES, session.source_blob)


def part_blob(context: StepContext, number: int) -> str:
    """Where part `number` of the step's stage leaves its result in container `work`."""
    return context.work_blob(f"{context.message.stage}/{number:05d}.json")


def recording_of(context: StepContext) -> Recording:
    """What the download stage found out; the stages after it cannot run before."""
    if context.session.recording is None:
        raise ValueError(f"session {context.session.session_id} has no recording yet")
    return context.session.recording
