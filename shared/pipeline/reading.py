"""What the stages' steps share: a job's blobs as files, and the names that they agree on."""

from typing import BinaryIO

from shared.domain.errors import NotFound
from shared.domain.recording import Recording
from shared.media.range_reader import RangeReader
from shared.pipeline.services import Services, StepContext

AUDIO_COPY = "audio.wav"
PLATE = "plate.png"


def open_blob(services: Services, container: str, name: str) -> BinaryIO:
    """A blob as a seekable file that holds a few blocks of it; raises NotFound."""
    blobs = services.storage.blobs
    facts = blobs.facts(container, name)
    if facts is None:
        raise NotFound(f"There is no blob {name} in {container}.")
    return RangeReader(lambda offset, length: blobs.read_range(container, name, offset, length), facts.size_bytes)


def part_blob(context: StepContext, number: int) -> str:
    """Where part `number` of the step's stage leaves its result in container `work`."""
    return context.work_blob(f"{context.message.stage}/{number:05d}.json")


def recording_of(context: StepContext) -> Recording:
    """What the download stage found out; the stages after it cannot run before."""
    if context.session.recording is None:
        raise ValueError(f"session {context.session.session_id} has no recording yet")
    return context.session.recording
