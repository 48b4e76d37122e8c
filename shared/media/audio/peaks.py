"""Find the peaks of sound that a waveform is drawn from, in the format of BBC's audiowaveform.

https://github.com/bbc/audiowaveform/blob/master/doc/DataFormat.md
"""

import numpy as np
from numpy.typing import NDArray

from shared.media.audio.clock import SAMPLE_RATE
from shared.media.payload import Peaks

SAMPLES_PER_PIXEL = SAMPLE_RATE // 10
"""Ten pairs of peaks a second: three hours are 108,000 pairs."""

_TO_8_BITS = 8
"""Bits that are dropped of samples of 16."""


class PeakFinder:
    """Finds the peaks of mono sound of 16 kHz (s16le), block by block."""

    def __init__(self) -> None:
        self._pairs: list[NDArray[np.int16]] = []
        self._rest = np.zeros(0, np.int16)

    def hear(self, block: bytes) -> None:
        """Add the next sound."""
        sound = np.concatenate([self._rest, np.frombuffer(block, "<i2")])
        whole = len(sound) // SAMPLES_PER_PIXEL * SAMPLES_PER_PIXEL
        self._add(sound[:whole].reshape(-1, SAMPLES_PER_PIXEL))
        self._rest = sound[whole:]

    def found(self) -> Peaks:
        """Return the peaks, when all sound was heard."""
        if len(self._rest):
            self._add(self._rest[np.newaxis])
            self._rest = self._rest[:0]
        pairs = np.concatenate(self._pairs) if self._pairs else np.zeros((0, 2), np.int16)
        return Peaks(
            sample_rate=SAMPLE_RATE,
            samples_per_pixel=SAMPLES_PER_PIXEL,
            length=len(pairs),
            data=tuple((pairs >> _TO_8_BITS).reshape(-1).tolist()),
        )

    def _add(self, stretches: NDArray[np.int16]) -> None:
        if len(stretches):
            self._pairs.append(np.stack([stretches.min(axis=1), stretches.max(axis=1)], axis=1))
