"""Every second of the sound has levels of its own, however long the frames are in which it is decoded."""

import av
import numpy as np
from numpy.typing import NDArray

from shared.domain.quality.records import SoundLevels
from shared.media.audio.clock import SAMPLE_RATE
from shared.media.audio.level_meter import LevelMeter

RATE_HZ = 8000


def measured(samples: NDArray[np.float32], frame_samples: int) -> SoundLevels:
    """Return the levels of this sound of two channels, decoded in frames of so many samples."""
    meter = LevelMeter()
    for at in range(0, samples.shape[1], frame_samples):
        part = np.ascontiguousarray(samples[:, at : at + frame_samples])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.sample_rate = RATE_HZ
        meter.hear_channels(frame, at / RATE_HZ)
    meter.hear(bytes(2 * SAMPLE_RATE * samples.shape[1] // RATE_HZ))
    return meter.measured()


def test_batches_of_a_little_over_a_second_leave_no_second_without_levels() -> None:
    seconds = 180
    levels = measured(np.full((2, seconds * RATE_HZ), 1.0, np.float32), round(1.02 * RATE_HZ))
    assert levels.left == levels.right == (0,) * seconds
    assert levels.clipped == (10_000,) * seconds


def test_a_second_within_a_long_frame_is_told_from_its_neighbours() -> None:
    sound = np.full((2, 10 * RATE_HZ), 0.1, np.float32)
    sound[0, 3 * RATE_HZ : 4 * RATE_HZ] = 1.0
    for frame_samples in (10 * RATE_HZ, round(2.7 * RATE_HZ), 512):
        levels = measured(sound, frame_samples)
        assert levels.left == tuple(0 if second == 3 else -20 for second in range(10))
        assert levels.right == (-20,) * 10
        assert levels.clipped == tuple(10_000 if second == 3 else 0 for second in range(10))
