"""Two channels into one, so that whatever is said on either is heard; knows nothing of files.

A balanced microphone on a stereo input gives the same voice twice, with opposite signs: their mean is silence. Where
the channels run against each other for a while, the second one is turned over before they are added. And a microphone
that nobody speaks into adds its hiss to the voice on the other: while a channel only hisses, it is left out. What
moves on it, be it soft, is let in at once.
"""

from collections import deque
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MEMORY_SAMPLES = 8_000  # half a second at 16 kHz: longer than a syllable
OPPOSITE = -0.8  # of a wide stereo picture the two correlate at -0.3 at the very least
ALIKE = -0.2
BLOCK_SAMPLES = 1_600
STEADY_BLOCKS = 30  # three seconds: nobody holds a vowel as long
STEADY = 4.0  # between the strongest and the weakest block: 6 dB; a voice goes up and down by 20


class MonoMix:
    """Give it a stream of stereo sound, piece by piece."""

    def __init__(self) -> None:
        self._left = self._right = self._both = 0.0
        self._sign: Literal[-1, 1] = 1
        self._channels = (_Channel(), _Channel())

    def mix(self, stereo: NDArray[np.int16]) -> NDArray[np.int16]:
        """(n, 2) → (n,): the mean of the channels, the second turned over where it is the first one's opposite; a
        channel that only hisses counts as silence, unless there is nothing else."""
        if len(stereo) == 0:
            return np.zeros(0, np.int16)
        left, right = stereo[:, 0].astype(np.float32), stereo[:, 1].astype(np.float32)
        powers = float(left @ left), float(right @ right)
        both = float(left @ right)
        kept = float(np.exp(-len(stereo) / MEMORY_SAMPLES))
        self._left = self._left * kept + powers[0]
        self._right = self._right * kept + powers[1]
        self._both = self._both * kept + both
        scale = (self._left * self._right) ** 0.5
        if self._both < OPPOSITE * scale:
            self._sign = -1
        elif self._both > ALIKE * scale:
            self._sign = 1
        hisses = [channel.hisses(power, len(stereo)) for channel, power in zip(self._channels, powers, strict=True)]
        first, second = self._channels
        if hisses == [True, False] and second.was_heard:
            left = np.zeros_like(left)
        elif hisses == [False, True] and first.was_heard:
            right = np.zeros_like(right)
        return np.round((left + self._sign * right) / 2).astype(np.int16)


class _Channel:
    """How strong a channel was in the last seconds."""

    def __init__(self) -> None:
        self._blocks: deque[float] = deque(maxlen=STEADY_BLOCKS)
        self._power, self._samples = 0.0, 0
        self.was_heard = False

    def hisses(self, power: float, samples: int) -> bool:
        """Whether the channel has been steady, and is, with `power` in the next `samples`."""
        self.was_heard = self.was_heard or power > 0
        weakest = min(self._blocks, default=0.0)
        was_steady = len(self._blocks) == STEADY_BLOCKS and max(self._blocks) < STEADY * weakest
        self._power, self._samples = self._power + power, self._samples + samples
        if self._samples >= BLOCK_SAMPLES:
            self._blocks.append(self._power / self._samples)
            self._power, self._samples = 0.0, 0
        return was_steady and power / samples < STEADY * weakest
