"""Walk the chunks of a WAV or an AIFF, and tell whether a chunk or a further file begins behind the declared end.

Apart from `wav_length.py` and `aiff_length.py`, which know what the chunks of each format hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

MIN_MORE_BYTES = 4096
"""Fewer bytes after the declared end are padding."""

_CHUNKS_READ = 64
"""Most chunks before the sound."""

_HEAD_BYTES = 30
"""What is read of each chunk: enough for the description of the sound."""

_FILE_MARKS = (b"ID3", b"\x1aE\xdf\xa3", b"FLV\x01")
"""How a tag, a Matroska and a Flash video begin. The marks of most other files look like those of chunks."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of a file of the IFF family."""

    at: int
    """The byte where its name begins."""
    head: bytes
    """Its name, its length, and the beginning of its content."""
    length_bytes: int
    """The declared length of its content."""

    @property
    def name(self) -> bytes:
        """Return the four characters that name it."""
        return self.head[:4]


def read_chunks(source: BinaryIO, byte_order: Literal["little", "big"]) -> Iterator[Chunk]:
    """Yield the first chunks of the file, whose lengths have this byte order."""
    at = 12
    for _ in range(_CHUNKS_READ):
        source.seek(at)
        head = source.read(_HEAD_BYTES)
        if len(head) < 8:
            return
        chunk = Chunk(at, head, int.from_bytes(head[4:8], byte_order))
        yield chunk
        at += 8 + chunk.length_bytes + chunk.length_bytes % 2


def begins_chunk_or_file(source: BinaryIO, at: int) -> bool:
    """Return whether a chunk or a further file begins at byte `at`."""
    source.seek(at)
    head = source.read(8)
    if head.startswith(_FILE_MARKS) or head[4:] == b"ftyp":
        return True
    return len(head) == 8 and head[:4].isascii() and head[:4].decode().isprintable()
