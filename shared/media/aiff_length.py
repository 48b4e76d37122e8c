"""Find an AIFF whose header declares less than the file holds, as `wav_length.py` does for WAV.

Its length stands in three places: the file's, the sound's in bytes, and the sound's in frames. A recorder that crashed
leaves all of them at zero or at some early moment.
https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/AIFF/Docs/AIFF-1.3.pdf
"""

import io
import struct
from typing import BinaryIO

from shared.media.corrected_file import ShortSound

_MIN_MORE_BYTES = 4096
"""Fewer bytes after the declared end are padding."""

_CHUNKS_READ = 64
"""Most chunks before the sound."""

_PLAIN = frozenset({b"", b"NONE", b"sowt", b"twos"})
"""Forms of the sound whose frames have the size that the header tells."""


def find_short_aiff(source: BinaryIO) -> ShortSound | None:
    """Return the facts of an AIFF that holds more sound than it declares; None for every other file."""
    source.seek(0)
    head = source.read(12)
    if head[:4] != b"FORM" or head[8:] not in (b"AIFF", b"AIFC"):
        return None
    size, at, described = source.seek(0, io.SEEK_END), 12, None
    for _ in range(_CHUNKS_READ):
        source.seek(at)
        chunk = source.read(30)
        if len(chunk) < 8:
            return None
        length = int.from_bytes(chunk[4:8])
        if chunk[:4] == b"COMM" and len(chunk) >= 26:
            described = at, chunk
        if chunk[:4] == b"SSND":
            return None if described is None else _short(source, size, at, length, *described)
        at += 8 + length + length % 2
    return None


def _short(source: BinaryIO, size: int, at: int, length: int, comm_at: int, comm: bytes) -> ShortSound | None:
    """Return the facts, where the sound of `length` bytes stands in the chunk at byte `at`."""
    channels, frames, bits = struct.unpack(">hIh", comm[8:16])
    rate, form = _rate(comm[16:26]), comm[26:30] if int.from_bytes(comm[4:8]) > 18 else b""
    frame_bytes = channels * ((bits + 7) // 8)
    begin = at + 16  # after the offset and the size of blocks
    end = at + 8 + max(length, 8)
    if form not in _PLAIN or frame_bytes <= 0 or rate <= 0:
        return None
    declared = min(frames * frame_bytes, end - begin)
    if size - max(end, begin + declared) < _MIN_MORE_BYTES or _is_chunk(source, end + end % 2, size):
        if frames * frame_bytes >= end - begin - frame_bytes or end > size:
            return None
        actual = end - begin  # only the number of frames is wrong
    else:
        actual = min(size - begin, 0xFFFFFFE0)
    whole = actual // frame_bytes
    fields = {
        4: (begin + actual - 8).to_bytes(4),
        comm_at + 10: whole.to_bytes(4),
        at + 4: (8 + actual).to_bytes(4),
    }
    return ShortSound(declared / frame_bytes / rate, whole / rate, fields)


def _rate(extended: bytes) -> float:
    """Return a number of 80 bits (IEEE 754, extended) as hertz; 0 for what is no rate."""
    exponent, mantissa = struct.unpack(">HQ", extended)
    rate = mantissa * 2.0 ** (exponent - 16383 - 63) if exponent < 16383 + 32 else 0.0
    return rate if rate >= 1.0 else 0.0


def _is_chunk(source: BinaryIO, at: int, size: int) -> bool:
    """Return whether a chunk or a further file begins at byte `at`."""
    source.seek(at)
    chunk = source.read(8)
    return chunk[:4].isascii() and chunk[:4].decode().isprintable() and len(chunk) == 8 and at + 8 <= size
