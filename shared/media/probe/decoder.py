"""Probe a recording, or its beginning, with FFmpeg: the part of a quick probe that runs code on hostile bytes.

Apart from `quick_probe.py`, so that it can run in a process of its own (`sandbox.py`).
"""

import io
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO, Protocol

from shared.domain.recording import Recording
from shared.domain.tracks import WantedTracks, use_tracks
from shared.domain.warning import About, RecordingWarning

ReadRange = Callable[[int, int], bytes]

ANY_TRACKS = WantedTracks()

BLOCK_BYTES = 1024**2
"""Size of one read: most indexes fit, and a slow server sends it in time."""

BLOCKS = 8
"""Blocks held at once."""


DECODE_SEC = 4.0
"""Decoding the sound, which finds damage as a job does, is given up after so long; measuring decodes nothing."""

MEASURE_SEC = 8.0
"""A measuring that takes longer is given up: the server is slow, or the machine is."""

UNMEASURED = RecordingWarning(
    "duration_declared",
    About.RECORDING,
    "The length is the one that the recording declares; a job reads all of it, and measures its length.",
)


class Decoder(Protocol):
    """Probes recordings. Both methods raise what `probe` raises."""

    def at_ranges(
        self, read_range: ReadRange, size_bytes: int, *, measures: bool, wanted: WantedTracks = ANY_TRACKS
    ) -> Recording:
        """Probe a recording through `read_range`, in pieces of at most `BLOCK_BYTES`; raise what that raises, too.

        With `measures`, read all of it and tell what a job would find: its length, and where clocks begin anew.
        """

    def at_head(self, head: bytes, size_bytes: int | None, wanted: WantedTracks = ANY_TRACKS) -> Recording:
        """Probe the beginning of a recording of `size_bytes` (None if unknown); `head` may be all of it."""


class InProcessDecoder:
    """A `Decoder` in this process, which a crash of FFmpeg ends."""

    def at_ranges(
        self, read_range: ReadRange, size_bytes: int, *, measures: bool, wanted: WantedTracks = ANY_TRACKS
    ) -> Recording:
        from shared.media.range_reader import RangeReader

        with RangeReader(read_range, size_bytes, BLOCK_BYTES, BLOCKS, read_ahead=False) as file:
            return _measured(file, size_bytes, wanted) if measures else _declared(file, size_bytes, wanted)

    def at_head(self, head: bytes, size_bytes: int | None, wanted: WantedTracks = ANY_TRACKS) -> Recording:
        if size_bytes is not None and len(head) >= size_bytes:
            return _measured(io.BytesIO(head), len(head), wanted)
        return _declared(_Head(head, size_bytes), size_bytes or len(head), wanted, whole=False)


class _TooLate(Exception):
    """The time for measuring is over."""


def _measured(file: BinaryIO, size_bytes: int, wanted: WantedTracks) -> Recording:
    """Return the recording as a job would find it, as far as there is time for it."""
    from shared.media.audio.decoder import AudioDecoder
    from shared.media.probe.probe import probe
    from shared.media.timeline.measure import measure
    from shared.media.timeline.walk import Walk

    recording = use_tracks(probe(file, size_bytes), wanted)
    if recording.audio is not None:
        with suppress(_TooLate):
            decoder = AudioDecoder(file, recording, _stops_after(DECODE_SEC))
            for _ in decoder:
                pass  # only what is told of the sound is of interest
            return decoder.measured()
    try:
        return measure(file, recording, Walk(file, recording, _stops_after(MEASURE_SEC)))
    except _TooLate:
        return _declared(file, size_bytes, wanted)


def _stops_after(seconds: float) -> Callable[[float], None]:
    deadline = time.monotonic() + seconds

    def stop_when_late(fraction: float) -> None:
        if time.monotonic() > deadline:
            raise _TooLate

    return stop_when_late


def _declared(file: BinaryIO, size_bytes: int, wanted: WantedTracks, *, whole: bool = True) -> Recording:
    """Return the recording with the length that it declares, and a warning that this is no more than that."""
    from shared.media.probe.probe import GUESSED, probe  # loads a media library only when decoding

    recording = use_tracks(probe(file, size_bytes, guess=True, whole=whole), wanted)
    if recording.duration_sec <= 0 or GUESSED in recording.warnings:
        return recording
    return replace(recording, warnings=(*recording.warnings, UNMEASURED))


class _Head(io.BytesIO):
    """The beginning of a recording as a file of the full size, with nothing behind that beginning.

    With an unknown size it cannot seek, so that FFmpeg does not take the beginning for the whole file.
    """

    def __init__(self, head: bytes, size_bytes: int | None) -> None:
        super().__init__(head)
        self._size_bytes = size_bytes

    def seekable(self) -> bool:
        return self._size_bytes is not None

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END and self._size_bytes is not None:
            return super().seek(self._size_bytes + offset)
        return super().seek(offset, whence)
