"""Where decoded sound belongs on the recording's clock; pure arithmetic on times, no media library.

A stream's times jitter, jump, overlap and lie. The clock follows them only where it matters: within a tolerance sound
stays contiguous, a gap becomes silence, an overlap is dropped, and a jump that cannot be true is ignored.
"""

from dataclasses import dataclass

SAMPLE_RATE = 16_000
# Below this nobody notices in a transcript; Matroska rounds to 1 ms and capture devices jitter by tens of them.
TOLERANCE_SEC = 0.05
# A step back of more than this is a clock that was reset (joined transport streams), not sound sent twice.
RESET_SEC = 10.0
# A jump this far past the declared end is taken for damage: following it could write hours of silence.
PAST_END_SEC = 1.0


@dataclass(frozen=True, slots=True)
class Placement:
    """What to do before the next piece of sound: begin a new run, and where (a sample's number) it has to begin."""

    new_run: bool
    start_sample: int


class AudioClock:
    """Decides, piece by piece, where sound goes; times in seconds on the recording's clock."""

    def __init__(self, duration_sec: float) -> None:
        self._latest_sec = duration_sec + PAST_END_SEC
        self._expected_sec: float | None = None
        self._shift_sec = 0.0

    @property
    def end_sec(self) -> float:
        """Where the sound placed so far ends."""
        return self._expected_sec or 0.0

    def place(self, time_sec: float | None, length_sec: float) -> Placement:
        """Where a piece of `length_sec` goes that says it begins at `time_sec` (None: it does not say)."""
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
        return Placement(new_run=new_run, start_sample=round(base * SAMPLE_RATE))

    def _untrue(self, start: float, expected: float) -> bool:
        return start < expected - RESET_SEC or (start > self._latest_sec and start > expected + TOLERANCE_SEC)
