"""Read slices of the audio copy (a WAV file, 16 kHz, mono, 16 bit) by byte ranges.

Apart from storage: the source may be any seekable file. Reads no more bytes than requested, so a slice of a three-hour
recording costs as much as a slice of a short one.
"""

import struct
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from shared.domain.errors import DamagedRecording

SAMPLE_RATE = 16_000
SAMPLE_BYTES = 2
MAX_HEADER_CHUNKS = 64
PCM = 0x0001
"""Format tag of integer samples."""
EXTENSIBLE = 0xFFFE
"""Format tag of a header that gives the actual tag at byte 24."""


class WavAudio:
    """The sound on the recording's clock: sample i is heard at i / 16000 s.

    `source` must be seekable. Raises DamagedRecording where it is not a 16 kHz mono 16-bit WAV file.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._data_at, self._samples = _find_samples(source)

    @property
    def duration_sec(self) -> float:
        """Return the length of the sound in seconds."""
        return self._samples / SAMPLE_RATE

    def read_s16(self, start_sec: float, end_sec: float) -> bytes:
        """Return little-endian 16-bit samples of [start, end), cut to the length of the sound."""
        first = min(self._samples, max(0, round(start_sec * SAMPLE_RATE)))
        last = min(self._samples, max(first, round(end_sec * SAMPLE_RATE)))
        self._source.seek(self._data_at + first * SAMPLE_BYTES)
        return _read_up_to(self._source, (last - first) * SAMPLE_BYTES)

    def read(self, start_sec: float, end_sec: float) -> NDArray[np.float32]:
        """Return samples of [start, end) between -1 and 1, cut to the length of the sound."""
        samples = np.frombuffer(self.read_s16(start_sec, end_sec), dtype="<i2")
        return samples.astype(np.float32) / np.float32(32768.0)


def _find_samples(source: BinaryIO) -> tuple[int, int]:
    """Return the byte offset of the first sample and the number of samples.

    A streaming writer does not know the size in advance and writes 0 or 0xFFFFFFFF. The samples then reach to the end
    of the file. They also do where the header declares more than the file holds.
    """
    size = source.seek(0, 2)
    source.seek(0)
    riff, _, wave = struct.unpack("<4sI4s", _read_exactly(source, 12))
    if riff not in (b"RIFF", b"RF64") or wave != b"WAVE":
        raise DamagedRecording("The audio copy is not a WAV file.")
    long_size = 0
    checked = False
    at = 12
    for _ in range(MAX_HEADER_CHUNKS):
        source.seek(at)
        name, length = struct.unpack("<4sI", _read_exactly(source, 8))
        at += 8
        if name == b"ds64":
            long_size = struct.unpack("<8xQ", _read_exactly(source, 16))[0]
        elif name == b"fmt ":
            _check_format(_read_exactly(source, min(length, 26)))
            checked = True
        elif name == b"data":
            if not checked:
                raise DamagedRecording("The audio copy does not say in which form its samples are.")
            declared = long_size if riff == b"RF64" and length == 0xFFFFFFFF else length
            present = max(0, size - at)
            return at, (min(declared, present) if declared else present) // SAMPLE_BYTES
        at += length + length % 2
    raise DamagedRecording("The audio copy has no samples.")


def _check_format(fields: bytes) -> None:
    if len(fields) < 16:
        raise DamagedRecording("The audio copy's header is cut off.")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", fields[:16])
    if tag == EXTENSIBLE and len(fields) >= 26:
        tag = struct.unpack("<H", fields[24:26])[0]
    if (tag, channels, rate, bits) != (PCM, 1, SAMPLE_RATE, 16):
        raise DamagedRecording(
            f"The audio copy should be 16 kHz mono 16-bit PCM, but is {rate} Hz, {channels} channels, {bits} bits."
        )


def _read_exactly(source: BinaryIO, count: int) -> bytes:
    data = _read_up_to(source, count)
    if len(data) < count:
        raise DamagedRecording("The audio copy ends inside its header.")
    return data


def _read_up_to(source: BinaryIO, count: int) -> bytes:
    """Read `count` bytes, or fewer at the end; a short read is not the end, only an empty one."""
    pieces: list[bytes] = []
    while count > 0:
        piece = source.read(count)
        if not piece:
            break
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
