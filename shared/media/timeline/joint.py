"""Detect from the times of packets that a recording's clock begins anew; pure arithmetic, without a media library.

Files that were joined byte by byte, segments of live streams, and encoders that restarted have several clocks in one
file. A single wrong time is no new clock: a second packet has to confirm it.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

BACK_SEC = 0.75
"""A longer step back means a new clock; sound that is sent twice and frames out of order stay within it."""

AGAIN_SEC = 0.1
"""A longer step back means a new clock in a transport stream, if it leads to where the piece began: segments of live
streams may be shorter than `BACK_SEC`."""

BEHIND_SEC = 3.0
"""A stream that begins so far behind the others in a transport stream belongs to another clock."""

GAP_SEC = 10.0
"""A longer step forward means a new clock in formats whose clock may be anything.

The same as FFmpeg's `dts_delta_threshold` (https://ffmpeg.org/ffmpeg.html), which holds for the same formats.
"""

ARBITRARY_CLOCKS = frozenset({"mpegts", "mpeg"})
"""FFmpeg's formats in which a clock begins anywhere and may jump (AVFMT_TS_DISCONT)."""

CLOCKLESS_GAP_SEC = 6 * 3600.0
"""A longer step forward means a new clock in every other format: no lecture has such a pause."""

WRAP_SEC = 2**33 / 90_000
"""The clocks of transport and program streams have 33 bits; FFmpeg counts on, but not the same way from every place."""

_SAME_SEC = 0.02
"""Joined segments of one encoder begin at the same time on their clocks, within this."""

_AGREE_SEC = 10.0
"""Two times of a new clock lie within this of each other."""


class Place(Enum):
    """The place of a packet in time."""

    FOLLOWS = auto()
    """It belongs to the clock so far."""
    DOUBTFUL = auto()
    """Its time jumps; the next packets tell whether that is a new clock or a wrong time."""
    JOINT = auto()
    """It confirms that a new clock has begun with the packets that were doubtful."""


@dataclass(slots=True)
class JointDetector:
    """Judges the packets of one piece in the order in which they stand in the file; times in seconds."""

    format: str
    """FFmpeg's name of the container."""
    declared_end_sec: float | None = None
    """The end that the container declares on the same clock; None if it declares none."""
    _first: dict[int, float] = field(default_factory=dict)
    _latest: dict[int, float] = field(default_factory=dict)
    _front: float | None = None
    _doubtful: list[tuple[int, float]] = field(default_factory=list)

    def judge(self, stream: int, time_sec: float, duration_sec: float) -> Place:
        """Return the place of the next packet of `stream`."""
        if not self._jumps(stream, time_sec):
            # A packet of the same stream on the old clock: the doubtful times were wrong.
            if any(other == stream for other, _ in self._doubtful):
                self._doubtful.clear()
            self._first.setdefault(stream, time_sec)
            self._latest[stream] = max(time_sec, self._latest.get(stream, time_sec))
            self._front = max(time_sec + duration_sec, self._front or time_sec)
            return Place.FOLLOWS
        confirmed = any(abs(time_sec - before) < _AGREE_SEC for _, before in self._doubtful)
        self._doubtful.append((stream, time_sec))
        return Place.JOINT if confirmed else Place.DOUBTFUL

    @property
    def front_sec(self) -> float:
        """Return the time up to which the clock so far has come."""
        return self._front or 0.0

    def latest_sec(self, stream: int) -> float | None:
        """Return the latest time of a stream on the clock so far; None if it has had no packet."""
        return self._latest.get(stream)

    def _jumps(self, stream: int, time_sec: float) -> bool:
        if self._front is None:
            return False
        before = self._latest.get(stream)
        if before is not None and time_sec < before - BACK_SEC:
            return True
        if self.format in ARBITRARY_CLOCKS and self._begins_again(stream, time_sec):
            return True
        return time_sec > self._front + self._gap_sec(time_sec)

    def _begins_again(self, stream: int, time_sec: float) -> bool:
        """Return whether the stream is back where it began and goes on from there, or begins far behind the others."""
        if stream not in self._first:
            return time_sec < self.front_sec - BEHIND_SEC
        if any(other == stream and before < time_sec < self._latest[stream] for other, before in self._doubtful):
            return True  # it goes on from there
        return time_sec <= self._first[stream] + _SAME_SEC and time_sec < self._latest[stream] - AGAIN_SEC

    def _gap_sec(self, time_sec: float) -> float:
        """Return the longest step forward to this time that is a gap and not a jump."""
        if self.format in ARBITRARY_CLOCKS:
            return GAP_SEC
        beyond = self.declared_end_sec is not None and time_sec > self.declared_end_sec + 1.0
        return GAP_SEC if beyond else CLOCKLESS_GAP_SEC
