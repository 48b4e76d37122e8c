"""Find a WAV whose header declares less than the file holds.

A recorder that crashed, or that never went back to its header, leaves a length of some early moment there. FFmpeg reads
no further than that. Apart from `container.py`, which opens everything.
"""

import io
from typing import BinaryIO

from shared.media.chunks import MIN_MORE_BYTES, begins_chunk_or_file, read_chunks
from shared.media.corrected_file import ShortSound


def find_short_wav(source: BinaryIO) -> ShortSound | None:
    """Return the facts of a WAV that holds more sound than it declares; None for every other file."""
    source.seek(0)
    head = source.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    size, bytes_per_sec = source.seek(0, io.SEEK_END), 0
    for chunk in read_chunks(source, "little"):
        if chunk.name == b"fmt ":
            bytes_per_sec = int.from_bytes(chunk.head[16:20], "little")
        if chunk.name == b"data":
            begin, length = chunk.at + 8, chunk.length_bytes
            end = begin + length + length % 2
            # A length of 0 or of all ones is that of a stream, which FFmpeg reads to its end.
            if length in (0, 0xFFFFFFFF) or size - end < MIN_MORE_BYTES or not bytes_per_sec:
                return None
            if begins_chunk_or_file(source, end):
                return None
            actual = min(size - begin, 0xFFFFFFF0)
            field = {chunk.at + 4: actual.to_bytes(4, "little")}
            return ShortSound(length / bytes_per_sec, actual / bytes_per_sec, field)
    return None
