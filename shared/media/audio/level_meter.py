"""Measure the sound while it is decoded: its levels, what is clipped, and each channel.

Apart from the decoder, which hands over what it has decoded anyway. The levels are those of the mono sound.
Clipping and channels are measured before the channels are mixed and the sound is resampled, which would hide them.
"""

import math

import av
import numpy as np
from numpy.typing import NDArray

from shared.domain.quality.records import SILENCE_DB, SoundLevels
from shared.media.audio.clock import SAMPLE_RATE

_FRAMES_A_SECOND = 20
FRAME_SAMPLES = SAMPLE_RATE // _FRAMES_A_SECOND
"""Samples of 50 ms of the mono sound."""
_FALL_FRAMES = 2
"""Frames over which the level falls."""
FULL_SCALE = 0.97
"""A sample from here on counts as clipped: lossy codecs spread what was cut off around full scale."""
_S16 = 32768.0
_S32 = 2147483648.0


class LevelMeter:
    """The levels of one recording's sound; `hear` and `hear_channels` are called in order of time."""

    def __init__(self) -> None:
        self._samples = 0
        self._powers: list[float] = []
        self._channels: dict[int, _Second] = {}
        self._are_two = True
        self._has_two = False

    def hear(self, pcm: bytes) -> None:
        """Add the next piece of the mono sound, s16le at 16 kHz; a whole number of 50 ms, but for the last piece."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        self._samples += len(samples)
        whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
        self._powers += np.mean(np.square(samples[:whole].reshape(-1, FRAME_SAMPLES)), axis=1).tolist()

    def hear_channels(self, frame: av.AudioFrame, at_sec: float) -> None:
        """Add a decoded frame in its original form, which begins at this time; each second gets its own samples."""
        samples = _channels_of(frame)
        if samples is None or not samples.size:
            return
        self._are_two = self._are_two and samples.shape[0] == 2
        self._has_two = self._has_two or samples.shape[0] == 2
        second, passed = divmod(round(at_sec * frame.sample_rate), frame.sample_rate)
        cuts = range(frame.sample_rate - passed, samples.shape[1], frame.sample_rate)
        for number, part in enumerate(np.split(samples, cuts, axis=1), second):
            self._add(number, part)

    def _add(self, number: int, samples: NDArray[np.float32]) -> None:
        """Add samples of one second of each channel."""
        second = self._channels.setdefault(number, _Second(np.zeros(samples.shape[0]), np.zeros(samples.shape[0])))
        if len(second.power) != samples.shape[0]:
            return
        second.samples += samples.shape[1]
        second.power += np.einsum("ij,ij->i", samples, samples)
        second.clipped += np.count_nonzero(np.abs(samples) >= FULL_SCALE, axis=1)

    def measured(self) -> SoundLevels:
        """Return the levels, when all sound was heard."""
        powers = self._powers or [0.0]
        seconds = [powers[at : at + _FRAMES_A_SECOND] for at in range(0, len(powers), _FRAMES_A_SECOND)]
        channels = [self._channels.get(number) for number in range(len(seconds))]
        two = channels if self._are_two and self._has_two else []
        return SoundLevels(
            duration_sec=self._samples / SAMPLE_RATE,
            level=tuple(_decibel(sum(each) / len(each) / _S16**2) for each in seconds),
            loudest=tuple(_decibel(max(each) / _S16**2) for each in seconds),
            quietest=tuple(_decibel(min(each) / _S16**2) for each in seconds),
            fall=tuple(_falls(powers, len(seconds))),
            clipped=tuple(0 if each is None else each.clipped_share for each in channels),
            left=tuple(SILENCE_DB if each is None else each.level(0) for each in two),
            right=tuple(SILENCE_DB if each is None else each.level(1) for each in two),
            tail=tuple(_decibel(each / _S16**2) for each in powers[-_FRAMES_A_SECOND:]),
        )


def _falls(powers: list[float], seconds: int) -> list[int]:
    """Return the steepest fall within 100 ms that begins in each second, in dB."""
    if len(powers) <= _FALL_FRAMES:
        return [0] * seconds
    levels = 10 * np.log10(np.maximum(np.array(powers) / _S16**2, 1e-10))
    falls = np.zeros(seconds * _FRAMES_A_SECOND)
    falls[: len(levels) - _FALL_FRAMES] = levels[:-_FALL_FRAMES] - levels[_FALL_FRAMES:]
    found: list[int] = np.round(falls.reshape(seconds, _FRAMES_A_SECOND).max(axis=1)).astype(int).tolist()
    return [max(0, each) for each in found]


class _Second:
    """The sums over one second of each channel."""

    def __init__(self, power: NDArray[np.float64], clipped: NDArray[np.float64]) -> None:
        self.samples = 0
        self.power = power
        self.clipped = clipped

    def level(self, channel: int) -> int:
        return _decibel(float(self.power[channel]) / self.samples) if self.samples else SILENCE_DB

    @property
    def clipped_share(self) -> int:
        return round(float(self.clipped.max()) / self.samples * 10_000) if self.samples else 0


def _channels_of(frame: av.AudioFrame) -> NDArray[np.float32] | None:
    """Return (channels, samples) between -1 and 1; None for a form that is not known."""
    name = frame.format.name
    if name not in ("fltp", "flt", "s16", "s16p", "s32", "s32p"):
        return None
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if name.startswith("flt"):
        return np.asarray(samples, np.float32)
    scale = _S16 if name.startswith("s16") else _S32
    return np.asarray(samples.astype(np.float32) / np.float32(scale))


def _decibel(power: float) -> int:
    """Return a power, of which 1 is full scale, as whole decibels."""
    return max(SILENCE_DB, round(10 * math.log10(power))) if power > 1e-10 else SILENCE_DB
