"""Find the frame that is shown at a time, for times that rise, within one piece of a recording.

Frames are decoded from the keyframe before a time, or from the frame found last if no keyframe lies in between: a
screen recorder may write one keyframe for an hour. Bounds are in seconds of the recording, so that they mean the same
at any frame rate and on any machine. Apart from `thumbnails.py`, which makes pictures of the frames.
"""

from collections.abc import Callable, Iterator
from itertools import islice

import av
import av.error
from av.container import InputContainer
from av.stream import Stream

from shared.domain.recording import Piece
from shared.media.timeline.pieces import demux_piece
from shared.media.video.picture import seek, seek_to_start

MAX_DECODED_SEC = 600.0
"""Most of the recording that is decoded for one frame."""

_JUMPS_SEC = (0.0, 10.0, 60.0)
"""Formats without an index (transport streams) seek to any packet; then the seek is repeated this much earlier."""

_LOOKED_AT_PACKETS = 3000
"""Packets in which a keyframe is looked for after a seek."""

_EARLY_SEC = 1.0
"""The first picture is shown this much before its time, where a recording begins with sound."""

_MISSED_SEC = 1.0
"""A frame that could not be decoded leaves no picture from this much after the last good one on."""


class StillFinder:
    """Finds frames of `piece`; times are on the piece's own clock, and rise from call to call.

    Args:
        looker: the piece, opened to look for keyframes only.
        runner: the piece, opened once more to decode.
        index: the number of the picture's stream.
        piece: the piece.
        decoded_one: called at every decoded frame; may raise to stop the work.
    """

    def __init__(
        self,
        looker: InputContainer,
        runner: InputContainer,
        index: int,
        piece: Piece,
        decoded_one: Callable[[], None],
    ) -> None:
        self._looker = looker
        self._runner = runner
        self._index = index
        self._piece = piece
        self._decoded_one = decoded_one
        self._frames: Iterator[tuple[float, av.VideoFrame]] = iter(())
        self._shown: tuple[float, av.VideoFrame] | None = None
        self._ahead: tuple[float, av.VideoFrame] | None = None
        self._failed_sec: float | None = None
        """Time of the first packet after `_shown` that could not be decoded."""

    def frame_at(self, clock_sec: float, budget_sec: float) -> tuple[av.VideoFrame | None, float]:
        """Return the frame shown at `clock_sec`, and how much of the recording was decoded for it.

        The frame is None if there is none of that moment, or if it takes more than `budget_sec` to decode.
        """
        budget_sec = min(budget_sec, MAX_DECODED_SEC)
        spent_sec = 0.0
        for earlier_sec in (*_JUMPS_SEC, None):
            begin_sec = None if earlier_sec is None else clock_sec - earlier_sec
            if begin_sec is not None and begin_sec < self._piece.start_sec:
                continue
            key_sec = self._keyframe_before(begin_sec, clock_sec)
            if key_sec is None and begin_sec is not None:
                continue
            if not self._goes_on_to(clock_sec, key_sec):
                self._restart(begin_sec)
            from_sec = self._front_sec if self._front_sec is not None else key_sec or self._piece.start_sec
            if clock_sec - from_sec > budget_sec - spent_sec:
                return None, spent_sec
            self._advance(clock_sec)
            spent_sec += max(0.0, clock_sec - from_sec)
            if self._shown is not None and self._shown[0] <= clock_sec + 1e-6:
                return self._if_of_its_moment(clock_sec), spent_sec
        if self._ahead is not None and self._ahead[0] - clock_sec <= _EARLY_SEC:
            return self._ahead[1], spent_sec
        return None, spent_sec

    @property
    def _front_sec(self) -> float | None:
        """Return the time up to which frames are decoded."""
        front = self._ahead or self._shown
        return None if front is None else front[0]

    def _goes_on_to(self, clock_sec: float, key_sec: float | None) -> bool:
        """Return whether decoding on from the last frame leads to `clock_sec` faster than from the keyframe."""
        front = self._front_sec
        if front is None or self._shown is None or self._shown[0] > clock_sec:
            return False
        return self._ahead is None or key_sec is None or key_sec <= front

    def _sought(self, container: InputContainer, stream: Stream, begin_sec: float | None) -> bool:
        """Seek to the keyframe before `begin_sec`, or to the beginning; return whether that worked."""
        if begin_sec is None:
            return seek_to_start(container, stream, self._piece.start_sec)
        return seek(container, stream, begin_sec)

    def _keyframe_before(self, begin_sec: float | None, clock_sec: float) -> float | None:
        """Return the time of the first keyframe from a seek to `begin_sec` on; None if it is after `clock_sec`."""
        stream = self._looker.streams[self._index]
        if not self._sought(self._looker, stream, begin_sec):
            return None
        for packet in islice(demux_piece(self._looker, stream, self._piece), _LOOKED_AT_PACKETS):
            if packet.size and packet.is_keyframe and packet.pts is not None:
                time_sec = float(packet.pts * packet.time_base)
                return time_sec if time_sec <= clock_sec + 1e-6 else None
        return None

    def _restart(self, begin_sec: float | None) -> None:
        """Decode anew from the keyframe before `begin_sec` on, or from the beginning."""
        self._shown = self._ahead = self._failed_sec = None
        stream = self._runner.streams[self._index]
        if isinstance(stream, av.VideoStream) and self._sought(self._runner, stream, begin_sec):
            self._frames = self._decoded(stream)
        else:
            self._frames = iter(())

    def _decoded(self, stream: av.VideoStream) -> Iterator[tuple[float, av.VideoFrame]]:
        """Yield (time, frame) from the first keyframe on, in order of display."""
        before: float | None = None
        for packet in demux_piece(self._runner, stream, self._piece):
            try:
                frames = stream.decode(packet if packet.size else None)
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                if before is not None and packet.pts is not None and self._failed_sec is None:
                    self._failed_sec = float(packet.pts * packet.time_base)
                continue
            for frame in frames:
                self._decoded_one()
                tick = frame.time_base or stream.time_base
                if frame.pts is None or tick is None or (before is None and not frame.key_frame):
                    continue
                time_sec = float(frame.pts * tick)
                if before is not None and time_sec < before:
                    continue
                before = time_sec
                yield time_sec, frame

    def _advance(self, clock_sec: float) -> None:
        """Decode until the next frame is after `clock_sec`, or until the end."""
        if self._ahead is not None:
            if self._ahead[0] > clock_sec + 1e-6:
                return
            self._shown, self._ahead = self._ahead, None
        for time_sec, frame in self._frames:
            if time_sec > clock_sec + 1e-6:
                self._ahead = (time_sec, frame)
                return
            self._shown = (time_sec, frame)
            if self._failed_sec is not None and time_sec > self._failed_sec:
                self._failed_sec = None

    def _if_of_its_moment(self, clock_sec: float) -> av.VideoFrame | None:
        """Return the frame found last, or None if a later one could not be decoded."""
        assert self._shown is not None
        time_sec, frame = self._shown
        missed = self._failed_sec is not None and time_sec < self._failed_sec <= clock_sec
        return None if missed and clock_sec - time_sec > _MISSED_SEC else frame
