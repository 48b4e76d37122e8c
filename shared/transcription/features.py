"""Compute the features of pocketsphinx's English model: 13 mel cepstra for each 10 ms, minus their mean.

Computed here and not inside the decoder, for two reasons. The decoder can be fed in short pieces, between which other
threads run, while the mean is still that of the whole utterance. And missing bands can be filled in before the cepstra
are computed (see `telephone`). The numbers are those of the model's `feat.params` (130 to 6800 Hz, 25 filters of unit
area, a unitary cosine transform, lifter 22) and of the front end that it was trained with (Hamming windows of 410
samples, pre-emphasis 0.97).
"""

import numpy as np
from numpy.typing import NDArray

from shared.transcription.audio import SAMPLE_RATE

FRAMES_PER_SEC = 100
CEPSTRA = 13
FILTERS = 25
_HOP = SAMPLE_RATE // FRAMES_PER_SEC
"""Samples from one frame to the next."""
_WINDOW = 410
"""Samples of a frame."""
_FFT = 512
"""Points of the Fourier transform."""
_LOWEST_HZ = 130.0
_HIGHEST_HZ = 6800.0
_LIFTER = 22
_PRE_EMPHASIS = 0.97
_FLOOR = 1e-4
"""Added to a filter's power before the logarithm."""
SILENT = -9.0
"""The level of a filter is above this where there is any sound."""
_BLOCK_FRAMES = 500
"""Frames transformed at a time, which bounds the memory for a long utterance."""


def filter_levels(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return (frames, 25) of 16 kHz sound: the natural logarithms of the filters' powers.

    Frame i stands for the 10 ms from i · 10 ms on.
    """
    sound = samples.astype(np.float64)
    sound[1:] -= _PRE_EMPHASIS * sound[:-1].copy()
    if len(sound) < _WINDOW:
        return np.zeros((0, FILTERS))
    frames = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP]
    blocks = [_levels(frames[at : at + _BLOCK_FRAMES]) for at in range(0, len(frames), _BLOCK_FRAMES)]
    return np.concatenate(blocks)


def cepstra(levels: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the cepstra (frames, 13) of filter levels (frames, 25), not normalised."""
    return (levels @ COSINES).astype(np.float32)


def without_mean(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cepstra minus their mean over the utterance (cepstral mean normalisation).

    This removes the constant effect of microphone and room. Frames of digital silence, which fill in for missing
    sound, do not count towards the mean.
    """
    heard = frames[frames[:, 0] >= 0.0]
    return (frames - heard.mean(axis=0)).astype(np.float32) if len(heard) else frames


def _levels(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.abs(np.fft.rfft(frames * _HAMMING, _FFT)) ** 2
    return np.asarray(np.log(power @ _FILTER_BANK + _FLOOR))


def _filter_bank() -> NDArray[np.float64]:
    """Return (257, 25): triangles of unit area, evenly spaced in mel, their corners on points of the transform."""
    mel = np.linspace(_to_mel(_LOWEST_HZ), _to_mel(_HIGHEST_HZ), FILTERS + 2)
    step_hz = SAMPLE_RATE / _FFT
    corners = np.floor(700.0 * (10.0 ** (mel / 2595.0) - 1.0) / step_hz + 0.5) * step_hz
    hz = np.arange(_FFT // 2 + 1)[:, None] * step_hz
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (hz - low) / (middle - low), (high - hz) / (high - middle)
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low))


def _to_mel(hz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hz / 700.0))


def _cosine_transform() -> NDArray[np.float64]:
    """Return (25, 13): the transform from filter levels to liftered cepstra."""
    order = np.arange(CEPSTRA)
    waves = np.cos(np.pi / FILTERS * np.outer(np.arange(FILTERS) + 0.5, order))
    scale = np.where(order == 0, np.sqrt(1.0 / FILTERS), np.sqrt(2.0 / FILTERS))
    return np.asarray(waves * scale * (1.0 + _LIFTER / 2 * np.sin(np.pi * order / _LIFTER)))


_HAMMING = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(_WINDOW) / (_WINDOW - 1))
_FILTER_BANK = _filter_bank()
COSINES = _cosine_transform()
"""(25, 13): the transform from filter levels to liftered cepstra."""
