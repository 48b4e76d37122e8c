"""Two channels into one, also where one of them is upside down; knows nothing of files.

A balanced microphone on a stereo input gives the same voice twice, with opposite signs: their mean is silence. Where
the channels run against each other for a while, the second one is turned over before they are added.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

MEMORY_SAMPLES = 8_000  # half a second at 16 kHz: longer than a syllable
OPPOSITE = -0.8  # of a wide stereo picture the two correlate at -0.3 at the very least
ALIKE = -0.2


class MonoMix:
    """Give it a stream of stereo sound, piece by piece."""

    def __init__(self) -> None:
        self._left = self._right = self._both = 0.0
        self._sign: Literal[-1, 1] = 1

    def mix(self, stereo: NDArray[np.int16]) -> NDArray[np.int16]:
        """(n, 2) → (n,): the mean of the channels, the second turned over where it is the first one's opposite."""
        if len(stereo) == 0:
            return np.zeros(0, np.int16)
        left, right = stereo[:, 0].astype(np.float32), stereo[:, 1].astype(np.float32)
        kept = float(np.exp(-len(stereo) / MEMORY_SAMPLES))
        self._left = self._left * kept + float(left @ left)
        self._right = self._right * kept + float(right @ right)
        self._both = self._both * kept + float(left @ right)
        scale = (self._left * self._right) ** 0.5
        if self._both < OPPOSITE * scale:
            self._sign = -1
        elif self._both > ALIKE * scale:
            self._sign = 1
        return np.round((left + self._sign * right) / 2).astype(np.int16)
