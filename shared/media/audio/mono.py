"""Mix two channels to one, so that speech on either channel is heard; independent of files.

A balanced microphone on a stereo input delivers the same voice twice, with opposite signs: their mean is silence.
While the channels are in antiphase, the second one is inverted before they are added. An unused microphone adds its
noise to the voice on the other channel. So a channel with steady noise only is left out. A change of its level, even a
soft one, lets it in at once.
"""

from collections import deque
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MEMORY_SAMPLES = 8_000
"""Time constant of the running powers: half a second at 16 kHz, which is longer than a syllable."""

OPPOSITE = -0.8
"""Correlation of the channels below which the second one is inverted; a wide stereo image stays above -0.3."""

ALIKE = -0.2
"""Correlation of the channels above which the second one is no longer inverted."""

BLOCK_SAMPLES = 1_600
"""Length of the blocks in which a channel's power is measured: a tenth of a second at 16 kHz."""

STEADY_BLOCKS = 30
"""Blocks that a channel has to be steady for: three seconds, which is longer than any spoken vowel."""

STEADY = 4.0
"""Power of the strongest block over that of the weakest: 6 dB. A voice rises and falls by 20 dB."""


class MonoMix:
    """A mixer for a stream of stereo sound, piece by piece."""

    def __init__(self) -> None:
        self._left = self._right = self._both = 0.0
        self._sign: Literal[-1, 1] = 1
        self._channels = (_Channel(), _Channel())

    def mix(self, stereo: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return the mean of the channels, (n, 2) → (n,).

        Invert the second channel while it is the opposite of the first. Take a channel with steady noise only as
        silence, unless the other channel has steady noise only as well or was never heard.
        """
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
    """The power of one channel in the last seconds."""

    def __init__(self) -> None:
        self._blocks: deque[float] = deque(maxlen=STEADY_BLOCKS)
        self._power, self._samples = 0.0, 0
        self.was_heard = False

    def hisses(self, power: float, samples: int) -> bool:
        """Add `power`, the sum of squares of the next `samples`; return whether the channel was and stays steady."""
        self.was_heard = self.was_heard or power > 0
        weakest = min(self._blocks, default=0.0)
        was_steady = len(self._blocks) == STEADY_BLOCKS and max(self._blocks) < STEADY * weakest
        self._power, self._samples = self._power + power, self._samples + samples
        if self._samples >= BLOCK_SAMPLES:
            self._blocks.append(self._power / self._samples)
            self._power, self._samples = 0.0, 0
        return was_steady and power / samples < STEADY * weakest
