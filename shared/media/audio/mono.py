"""Mix two channels to one, so that speech on either channel is heard; independent of files.

A balanced microphone on a stereo input delivers the same voice twice, with opposite signs: their mean is silence.
While the channels are in antiphase, the second one is inverted before they are added. An unused microphone adds its
noise to the voice on the other channel. So a channel with steady noise only is left out. A change of its level, even a
soft one, lets it in at once.
"""

import math
from collections import deque
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MEMORY_SEC = 0.5
"""Time constant of the running powers: longer than a syllable."""

OPPOSITE = -0.8
"""Correlation of the channels below which the second one is inverted; a wide stereo image stays above -0.3."""

ALIKE = -0.2
"""Correlation of the channels above which the second one is no longer inverted."""

PIECE_SEC = 0.025
"""Sound for which the channels' factors are decided at once."""

BLOCK_SEC = 0.1
"""Length of the blocks in which a channel's power is measured."""

STEADY_BLOCKS = 30
"""Blocks that a channel has to be steady for: three seconds, which is longer than any spoken vowel."""

STEADY = 4.0
"""Power of the strongest block over that of the weakest: 6 dB. A voice rises and falls by 20 dB."""


class MonoMix:
    """A mixer for a stream of stereo sound of `rate_hz`, piece by piece."""

    def __init__(self, rate_hz: int) -> None:
        self._piece_samples = round(PIECE_SEC * rate_hz)
        self._memory_samples = MEMORY_SEC * rate_hz
        self._left = self._right = self._both = 0.0
        self._sign: Literal[-1, 1] = 1
        self._channels = (_Channel(BLOCK_SEC * rate_hz), _Channel(BLOCK_SEC * rate_hz))

    def mix(self, stereo: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return the mean of the channels, (n, 2) → (n,).

        Invert the second channel while it is the opposite of the first. Take a channel with steady noise only as
        silence, unless the other channel has steady noise only as well or was never heard. Both are decided anew for
        every `PIECE_SEC`.
        """
        length = self._piece_samples
        whole = len(stereo) // length * length
        mixed = [
            self._mix_pieces(pieces)
            for pieces in (stereo[:whole].reshape(-1, length, 2), stereo[whole:][np.newaxis])
            if pieces.size
        ]
        return np.concatenate(mixed) if mixed else np.zeros(0, np.int16)

    def _mix_pieces(self, pieces: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return the mean of the channels of pieces of one length, (k, m, 2) → (k * m,)."""
        left, right = pieces[..., 0].astype(np.float32), pieces[..., 1].astype(np.float32)
        powers = (_power(left, left), _power(right, right), _power(left, right))
        length = pieces.shape[1]
        kept = math.exp(-length / self._memory_samples)
        weights = np.array(
            [self._weigh(*each, length=length, kept=kept) for each in zip(*powers, strict=True)], np.float32
        )
        mixed = left * weights[:, :1] + right * weights[:, 1:]
        return np.round(mixed / 2).astype(np.int16).reshape(-1)

    def _weigh(self, left: float, right: float, both: float, *, length: int, kept: float) -> tuple[int, int]:
        """Return the factors of the channels in the next piece: 1, 0 for none, or -1 for the opposite.

        Args:
            left: the power of the first channel, as the sum of squares.
            right: the power of the second channel.
            both: the sum of the products of the channels.
            length: the piece's length in samples.
            kept: the share of the running powers that is left after a piece of this length.
        """
        self._left = self._left * kept + left
        self._right = self._right * kept + right
        self._both = self._both * kept + both
        scale = (self._left * self._right) ** 0.5
        if self._both < OPPOSITE * scale:
            self._sign = -1
        elif self._both > ALIKE * scale:
            self._sign = 1
        first, second = self._channels
        hisses = first.hisses(left, length), second.hisses(right, length)
        if hisses == (True, False) and second.was_heard:
            return 0, self._sign
        if hisses == (False, True) and first.was_heard:
            return 1, 0
        return 1, self._sign


def _power(first: NDArray[np.float32], second: NDArray[np.float32]) -> list[float]:
    """Return the sum of the products of two channels for each piece, (k, m) → k numbers."""
    powers: list[float] = np.einsum("ij,ij->i", first, second).tolist()
    return powers


class _Channel:
    """The power of one channel in the last seconds, in blocks of so many samples."""

    def __init__(self, block_samples: float) -> None:
        self._block_samples = block_samples
        self._blocks: deque[float] = deque(maxlen=STEADY_BLOCKS)
        self._power, self._samples = 0.0, 0
        self._weakest, self._was_steady = 0.0, False
        self.was_heard = False

    def hisses(self, power: float, samples: int) -> bool:
        """Add `power`, the sum of squares of the next `samples`; return whether the channel was and stays steady."""
        self.was_heard = self.was_heard or power > 0
        stays_steady = self._was_steady and power / samples < STEADY * self._weakest
        self._power, self._samples = self._power + power, self._samples + samples
        if self._samples >= self._block_samples:
            self._blocks.append(self._power / self._samples)
            self._power, self._samples = 0.0, 0
            self._weakest = min(self._blocks)
            self._was_steady = len(self._blocks) == STEADY_BLOCKS and max(self._blocks) < STEADY * self._weakest
        return stays_steady
