"""Find a WAV whose header declares less than the file holds.

A recorder that crashed, or that never went back to its header, leaves a length of some early moment there. FFmpeg reads
no further than that. Apart from `container.py`, which opens everything.
"""

import io
from typing import BinaryIO

from shared.media.corrected_file import ShortSound

_MIN_MORE_BYTES = 4096
"""Fewer bytes after the declared end are padding."""

_CHUNKS_READ = 64
"""Most chunks before the sound."""


def find_short_wav(source: BinaryIO) -> ShortSound | None:
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
            actual = min(size - at - 8, 0xFFFFFFF0)
            field = {at + 4: actual.to_bytes(4, "little")}
            return ShortSound(length / bytes_per_sec, actual / bytes_per_sec, field)
        at += 8 + length + length % 2
    return None


def _is_chunk(source: BinaryIO, at: int, size: int) -> bool:
    """Return whether a chunk or a further file begins at byte `at`."""
    source.seek(at)
    chunk = source.read(8)
    if chunk.startswith((b"ID3", b"\x1aE\xdf\xa3")) or chunk[4:] == b"ftyp":
        return True
    return chunk[:4].isascii() and chunk[:4].decode().isprintable() and at + 8 <= size
