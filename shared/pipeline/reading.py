"""Reading a job's blobs as files, and the names that the stages agree on."""

from typing import BinaryIO, cast

from shared.domain.errors import NotFound
from shared.media.range_reader import RangeReader
from shared.pipeline.services import Services

AUDIO_COPY = "audio.wav"
PLATE = "plate.png"


def open_blob(services: Services, container: str, name: str) -> BinaryIO:
    """A blob as a seekable file that holds a few blocks of it; raises NotFound."""
    blobs = services.storage.blobs
    facts = blobs.facts(container, name)
    if facts is None:
        raise NotFound(f"There is no blob {name} in {container}.")
    return cast(
        BinaryIO,
        RangeReader(lambda offset, length: blobs.read_range(container, name, offset, length), facts.size_bytes),
    )
