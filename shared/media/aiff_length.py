"""Find an AIFF whose header declares less than the file holds, as `wav_length.py` does for WAV.

Its length stands in three places: the file's, the sound's in bytes, and the sound's in frames. A recorder that crashed
leaves all of them at zero or at some early moment.
https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/AIFF/Docs/AIFF-1.3.pdf
"""

import io
import struct
from typing import BinaryIO

from shared.media.chunks import MIN_MORE_BYTES, Chunk, begins_chunk_or_file, read_chunks
from shared.media.corrected_file import ShortSound

_PLAIN = frozenset({b"", b"NONE", b"sowt", b"twos"})
"""Forms of the sound whose frames have the size that the header tells."""


def find_short_aiff(source: BinaryIO) -> ShortSound | None:
    """Return the facts of an AIFF that holds more sound than it declares; None for every other file."""
    source.seek(0)
    head = source.read(12)
    if head[:4] != b"FORM" or head[8:] not in (b"AIFF", b"AIFC"):
        return None
    size, described = source.seek(0, io.SEEK_END), None
    for chunk in read_chunks(source, "big"):
        if chunk.name == b"COMM" and len(chunk.head) >= 26:
            described = chunk
        if chunk.name == b"SSND":
            return None if described is None else _short(source, size, chunk, described)
    return None


def _short(source: BinaryIO, size: int, sound: Chunk, comm: Chunk) -> ShortSound | None:
    """Return the facts, where the sound stands in the chunk `sound` and `comm` describes it."""
    channels, frames, bits = struct.unpack(">hIh", comm.head[8:16])
    rate, form = _rate(comm.head[16:26]), comm.head[26:30] if comm.length_bytes > 18 else b""
    frame_bytes = channels * ((bits + 7) // 8)
    begin = sound.at + 16  # after the offset and the size of blocks
    end = sound.at + 8 + max(sound.length_bytes, 8)
    if form not in _PLAIN or frame_bytes <= 0 or rate <= 0:
        return None
    declared = min(frames * frame_bytes, end - begin)
    if size - max(end, begin + declared) < MIN_MORE_BYTES or begins_chunk_or_file(source, end + end % 2):
        if frames * frame_bytes >= end - begin - frame_bytes or end > size:
            return None
        actual = end - begin  # only the number of frames is wrong
    else:
        actual = min(size - begin, 0xFFFFFFE0)
    whole = actual // frame_bytes
    fields = {
        4: (begin + actual - 8).to_bytes(4),
        comm.at + 10: whole.to_bytes(4),
        sound.at + 4: (8 + actual).to_bytes(4),
    }
    return ShortSound(declared / frame_bytes / rate, whole / rate, fields)


def _rate(extended: bytes) -> float:
    """Return a number of 80 bits (IEEE 754, extended) as hertz; 0 for what is no rate."""
    exponent, mantissa = struct.unpack(">HQ", extended)
    rate = mantissa * 2.0 ** (exponent - 16383 - 63) if exponent < 16383 + 32 else 0.0
    return rate if rate >= 1.0 else 0.0
