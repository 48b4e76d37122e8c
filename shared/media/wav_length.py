"""Let FFmpeg read all of a WAV whose header declares less than the file holds.

A recorder that crashed, or that never went back to its header, leaves a length of some early moment there. FFmpeg reads
no further than that. Apart from `container.py`, which opens everything.
"""

import io
from dataclasses import dataclass
from typing import BinaryIO

_MIN_MORE_BYTES = 4096
"""Fewer bytes after the declared end are padding."""

_CHUNKS_READ = 64
"""Most chunks before the sound."""


@dataclass(frozen=True, slots=True)
class ShortWav:
    """A WAV that holds more than it declares."""

    field_at: int
    """The byte at which the length of the sound stands."""
    declared_bytes: int
    actual_bytes: int
    bytes_per_sec: int
    """Of the sound."""


def find_short_wav(source: BinaryIO) -> ShortWav | None:
    """Return the facts of a WAV that holds more sound than it declares; None for every other file."""
    source.seek(0)
    head = source.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    size, at, bytes_per_sec = source.seek(0, io.SEEK_END), 12, 0
    for _ in range(_CHUNKS_READ):
        source.seek(at)
        chunk = source.read(20)
        length = int.from_bytes(chunk[4:8], "little")
        if len(chunk) < 8:
            return None
        if chunk[:4] == b"fmt ":
            bytes_per_sec = int.from_bytes(chunk[16:20], "little")
        if chunk[:4] == b"data":
            end = at + 8 + length + length % 2
            more = size - end
            # A length of 0 or of all ones is that of a stream, which FFmpeg reads to its end.
            if length in (0, 0xFFFFFFFF) or more < _MIN_MORE_BYTES or not bytes_per_sec or _is_chunk(source, end, size):
                return None
            return ShortWav(at + 4, length, min(size - at - 8, 0xFFFFFFF0), bytes_per_sec)
        at += 8 + length + length % 2
    return None


def _is_chunk(source: BinaryIO, at: int, size: int) -> bool:
    """Return whether a chunk or a further file begins at byte `at`."""
    source.seek(at)
    chunk = source.read(8)
    return chunk[:4].isascii() and chunk[:4].decode().isprintable() and at + 8 <= size


class Corrected(io.BufferedIOBase, BinaryIO):
    """The file of a `ShortWav` with the right length in its header; closing it leaves `source` open."""

    def __init__(self, source: BinaryIO, wav: ShortWav) -> None:
        self._source = source
        self._at = wav.field_at
        self._field = wav.actual_bytes.to_bytes(4, "little")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._source.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._source.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return what `source` does, with the length in its place."""
        begin = self._source.tell()
        data = self._source.read(-1 if size is None else size)
        first = self._at - begin
        if first >= len(data) or first + 4 <= 0:
            return data
        corrected = bytearray(data)
        for number, byte in enumerate(self._field):
            if 0 <= first + number < len(data):
                corrected[first + number] = byte
        return bytes(corrected)
