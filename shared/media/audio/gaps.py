"""Count the gaps in a recording's sound from the times of its packets, as decoding it does.

Apart from the decoder, so that a probe tells of the gaps that a job will find.
"""

from shared.domain.recording import Recording
from shared.domain.warning import About, RecordingWarning
from shared.media.audio.clock import SAMPLE_RATE, AudioClock

JOINT_SLACK_SEC = 0.5
"""Where two files were joined, the sound of the first may end so much before its picture: that is no gap."""


def gap_warnings(lost_sec: float) -> list[RecordingWarning]:
    """Return a warning if the sound has gaps; `lost_sec` is their length in all."""
    if lost_sec <= 0:
        return []
    text = f"The sound has gaps of {lost_sec:.2f} s in all; silence stands in their place."
    return [RecordingWarning("sound_gaps", About.SOUND, text)]


class SoundGaps:
    """Counts gaps packet by packet."""

    def __init__(self, recording: Recording) -> None:
        self._clock = AudioClock(recording.duration_sec)
        self._begun = False
        self.lost_sec = 0.0
        """Length of all gaps so far, but for a late beginning."""

    def add(self, start_sec: float | None, length_sec: float, *, first_of_piece: bool) -> None:
        """Add the next packet, on the recording's clock; `first_of_piece` for the first one after a joint."""
        before_sec = self._clock.end_sec
        placed = self._clock.place(start_sec, length_sec)
        missing_sec = placed.start_sample / SAMPLE_RATE - before_sec
        if self._begun and placed.new_run and not (first_of_piece and missing_sec <= JOINT_SLACK_SEC):
            self.lost_sec += max(0.0, missing_sec)
        self._begun = True
