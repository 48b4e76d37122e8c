"""Learn how long a kind of work takes for a recording of some length: a line through earlier jobs, the latest first.

Work takes some seconds however short the recording is, and some for each of its seconds. Both are found by least
squares of the relative error, over sums that shrink with each job, so that a row of a few numbers is enough. The
defaults count as part of one job: the first real one outweighs them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.domain.expectation import Expectation
from shared.domain.recording import Recording, VideoStream
from shared.domain.stage import Stage

KEPT_SHARE = 0.9
"""The share of its weight that a job keeps with each later one."""

DEFAULT_WEIGHT = 0.1
"""The weight of the defaults, in jobs."""

DEFAULT_SPREAD = 0.5
"""The standard deviation of the logarithm of real over expected duration while nothing was learned."""

MIN_SPREAD = 0.08
MAX_SPREAD = 1.5
MAX_OUTLIER = 3.0
"""A job that took this many times longer, or shorter, than expected counts as one at this limit: it may have waited."""

_DEFAULT_AT_SEC = (20.0, 3600.0)
"""The lengths of the two recordings of which the defaults tell."""

_SCALE_SEC = 20.0
"""The length from which on an error counts as a share of the length: of shorter recordings it counts in seconds."""

_MIN_SEC = 0.05

COMPLETION = "completion"
"""What follows from all results together, after the last stage."""


class Codec(StrEnum):
    """A class of codecs that take about as long to decode."""

    H264 = "h264"
    HEVC = "hevc"
    MPEG2 = "mpeg2"
    AV1 = "av1"
    VP9 = "vp9"
    OTHER = "other"


class Size(StrEnum):
    """A class of pictures by their number of pixels."""

    SMALL = "small"
    """Up to 640 × 480."""
    HD = "hd"
    """Up to 1280 × 720."""
    FULL_HD = "fullhd"
    """Up to 1920 × 1080."""
    LARGE = "large"


_CODECS = {"h264": Codec.H264, "hevc": Codec.HEVC, "mpeg2video": Codec.MPEG2, "av1": Codec.AV1, "vp9": Codec.VP9}
_PIXELS = ((640 * 480, Size.SMALL), (1280 * 720, Size.HD), (1920 * 1080, Size.FULL_HD))

_DEFAULTS: Mapping[str, tuple[float, float]] = {
    "transcription": (1.0, 0.036),
    "tracking": (1.0, 0.118),
    "rendition": (1.0, 0.52),
    COMPLETION: (0.5, 0.0),
}
"""Seconds, and seconds for each second of the recording with pictures of 1920 × 1080.

The rates are the CPU seconds that docs/benchmarks.md gives for this project's machine, as one core would take them; the
fixed seconds are those of a job of a few seconds. Another machine, or more workers, have other ones: they are learned.
"""

_SIZE_FACTORS: Mapping[str, float] = {Size.SMALL: 0.3, Size.HD: 0.6, Size.FULL_HD: 1.0, Size.LARGE: 2.5}
"""How much the rate changes with the picture, before it was learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What earlier jobs tell of one kind of work: decayed sums over them of weight, length and duration."""

    kind: str
    jobs: int = 0
    weight: float = 0.0
    length: float = 0.0
    length_squared: float = 0.0
    duration: float = 0.0
    length_duration: float = 0.0
    variance: float = DEFAULT_SPREAD**2
    """Of the logarithm of real over expected duration."""

    @classmethod
    def default(cls, kind: str) -> "Pace":
        """Return the pace of work of which nothing is known."""
        stage, *_, size = kind.split("-")
        fixed_sec, rate = _DEFAULTS[stage]
        factor = 1.0 if stage == Stage.TRANSCRIPTION else _SIZE_FACTORS.get(size, 1.0)
        pace = cls(kind=kind)
        for length_sec in _DEFAULT_AT_SEC:
            pace = pace._with(length_sec, fixed_sec + rate * factor * length_sec, DEFAULT_WEIGHT / 2)
        return pace

    def expect(self, recording_sec: float) -> Expectation:
        """Return how long the work is expected to take for a recording of this length."""
        fixed_sec, rate = self._line()
        spread = min(MAX_SPREAD, max(MIN_SPREAD, math.sqrt(self.variance)))
        sec = max(_MIN_SEC, fixed_sec + rate * recording_sec)
        return Expectation(kind=self.kind, sec=sec, spread=spread, jobs=self.jobs)

    def learn(self, recording_sec: float, took_sec: float) -> "Pace":
        """Return the pace after one more job."""
        expected_sec = self.expect(recording_sec).sec
        took_sec = max(took_sec, _MIN_SEC)
        error = math.log(took_sec / expected_sec)
        if self.jobs > 0:
            error = max(-math.log(MAX_OUTLIER), min(math.log(MAX_OUTLIER), error))
        variance = self.variance + (error**2 - self.variance) / min(self.jobs + 2, 1 / (1 - KEPT_SHARE))
        learned = self._decayed()._with(recording_sec, expected_sec * math.exp(error), 1.0)
        return replace(learned, jobs=self.jobs + 1, variance=variance)

    def _decayed(self) -> "Pace":
        return replace(
            self,
            weight=self.weight * KEPT_SHARE,
            length=self.length * KEPT_SHARE,
            length_squared=self.length_squared * KEPT_SHARE,
            duration=self.duration * KEPT_SHARE,
            length_duration=self.length_duration * KEPT_SHARE,
        )

    def _with(self, length_sec: float, took_sec: float, weight: float) -> "Pace":
        """Add a job; dividing by its squared scale makes the relative error count."""
        weight /= (_SCALE_SEC + length_sec) ** 2
        return replace(
            self,
            weight=self.weight + weight,
            length=self.length + weight * length_sec,
            length_squared=self.length_squared + weight * length_sec**2,
            duration=self.duration + weight * took_sec,
            length_duration=self.length_duration + weight * length_sec * took_sec,
        )

    def _line(self) -> tuple[float, float]:
        """Return the fixed seconds, and the seconds for each second of the recording; neither is below zero."""
        determinant = self.weight * self.length_squared - self.length**2
        if determinant > 1e-9 * self.weight * self.length_squared:
            rate = (self.weight * self.length_duration - self.length * self.duration) / determinant
            fixed_sec = (self.duration - rate * self.length) / self.weight
            if rate >= 0 and fixed_sec >= 0:
                return fixed_sec, rate
            if rate < 0:
                return self.duration / self.weight, 0.0
        return 0.0, self.length_duration / self.length_squared


def kinds_of(recording: Recording, engine: str, rendition: str | None) -> Mapping[str, str]:
    """Return the kinds of work of a job, by stage: the keys of the rows that tell of it.

    All of them name the picture and what is rendered: stages of a job share its workers, so that one is slower beside
    others.

    Args:
        recording: the facts of the recording.
        engine: the name of the speech engine.
        rendition: what the rendition makes, and how; None if there is none.
    """
    video = recording.video
    picture = "none" if video is None else f"{_CODECS.get(video.codec, Codec.OTHER)}-{_size(video)}"
    beside = f"{rendition or 'plain'}-{picture}"
    return {
        Stage.TRANSCRIPTION: f"{Stage.TRANSCRIPTION}-{engine}-{beside}",
        Stage.TRACKING: f"{Stage.TRACKING}-{beside}",
        Stage.RENDITION: f"{Stage.RENDITION}-{beside}",
        COMPLETION: f"{COMPLETION}-{picture}",
    }


def _size(video: VideoStream) -> Size:
    pixels = video.width * video.height
    return next((size for limit, size in _PIXELS if pixels <= limit), Size.LARGE)
