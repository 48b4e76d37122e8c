"""Place decoded sound on the recording's clock; pure arithmetic on times, without a media library.

A stream's timestamps jitter, jump, overlap, and can be wrong. Within a tolerance sound stays contiguous. A gap becomes
silence, an overlap is dropped, and an implausible jump is ignored.
"""

from dataclasses import dataclass

SAMPLE_RATE = 16_000
"""Samples per second of the decoded sound (Hz)."""

TOLERANCE_SEC = 0.05
"""Difference between a timestamp and the expected time that is ignored.

A smaller one is not noticeable in a transcript. Matroska rounds to 1 ms, and capture devices jitter by tens of
milliseconds.
"""

RESET_SEC = 10.0
"""A longer step back means a clock that was reset, not sound sent twice.

Most resets make a piece of their own (`timeline`); this is for formats in which no demuxer can begin there.
"""

PAST_END_SEC = 1.0
"""A jump further past the declared end may be damage: following it could write hours of silence."""

DAMAGE_SEC = 10.0
"""A jump past the declared end is damage if it is longer; a shorter one is a gap, and the declared end is wrong."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The place of the next piece of sound."""

    new_run: bool
    """The piece begins a new run: it does not follow the sound before it directly."""
    start_sample: int
    """Number of the piece's first sample on the recording's clock, at the clock's rate."""


class AudioClock:
    """The place of sound on the recording's clock, piece by piece; all times in seconds on that clock."""

    def __init__(self, duration_sec: float, rate_hz: int = SAMPLE_RATE) -> None:
        self._rate_hz = rate_hz
        self._latest_sec = duration_sec + PAST_END_SEC
        self._expected_sec: float | None = None
        self._shift_sec = 0.0

    @property
    def end_sec(self) -> float:
        """Return the time at which the sound placed so far ends."""
        return self._expected_sec or 0.0

    def place(self, time_sec: float | None, length_sec: float) -> Placement:
        """Place the next piece, of `length_sec`, with the timestamp `time_sec` (None if it carries none)."""
        expected = self._expected_sec
        if time_sec is None:
            start = expected or 0.0
        else:
            start = time_sec + self._shift_sec
            if expected is not None and self._untrue(start, expected):
                self._shift_sec += expected - start
                start = expected
        new_run = expected is None or abs(start - expected) > TOLERANCE_SEC
        base = start if new_run or expected is None else expected
        self._expected_sec = base + length_sec
        return Placement(new_run=new_run, start_sample=round(base * self._rate_hz))

    def _untrue(self, start: float, expected: float) -> bool:
        return start < expected - RESET_SEC or (start > self._latest_sec and start > expected + DAMAGE_SEC)
