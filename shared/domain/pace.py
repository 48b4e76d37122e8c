"""Learn how long a kind of work takes for a recording of some length, from the latest jobs of the kind.

Work takes some seconds however short the recording is, and some for each of its seconds: a line through the jobs, by
least squares that give little weight to a job which is far from the others. No line is right everywhere, for a long
recording is cut into parts: so the median of what jobs of about the same length took beside the line corrects it. The
range is what four in five of the latest expectations were within.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.domain.expectation import Expectation
from shared.domain.recording import Recording, VideoStream
from shared.domain.stage import Stage

KEPT_SHARE = 0.93
"""The share of its weight that a job keeps with each later one."""

MAX_LESSONS = 24
"""How many of the latest jobs are kept."""

DEFAULT_WEIGHT = 0.1
"""The weight of the defaults in the line, in jobs."""

NO_CORRECTION_WEIGHT = 0.2
"""The weight of the line itself among the jobs that correct it, in jobs."""

DEFAULT_SPREAD = 0.5
"""The standard deviation of the logarithm of real over expected duration while nothing was learned."""

FIRST_SPREAD = 0.3
"""The spread that counts as one more job once something was learned: few jobs tell little of it."""

MIN_SPREAD = 0.06
MAX_SPREAD = 1.5

RANGE_SPREADS = 1.28
"""So many standard deviations to either side hold four in five of a normal distribution."""

RANGE_SHARE = 0.8

FAR = 0.15
"""The logarithm of real over expected duration from which on a job loses weight: it may have waited."""

SIMILAR = 0.3
"""Jobs correct the line at lengths whose logarithm is about this far from theirs."""

_ROUNDS = 4
"""How often the line is drawn anew with the weights that follow from the one before."""

_DEFAULT_AT_SEC = (20.0, 3600.0)
"""The lengths of the two recordings of which the defaults tell."""

_SCALE_SEC = 5.0
"""The length from which on lengths and errors count as shares: those of shorter recordings count in seconds."""

_MIN_SEC = 0.05

_TINY = 1e-9

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


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one job took."""

    recording_sec: float
    took_sec: float
    expected_sec: float | None
    """How long it had been expected to take; None for the first job of a kind."""

    def to_line(self) -> str:
        """Return the lesson as one line of a stored text."""
        expected = "" if self.expected_sec is None else f"{self.expected_sec:.3f}"
        return f"{self.recording_sec:.3f} {self.took_sec:.3f} {expected}"

    @classmethod
    def from_line(cls, line: str) -> "Lesson":
        """Read `to_line`; raise ValueError for what no job can have taken."""
        length, took, *expected = line.split()
        lesson = cls(float(length), float(took), float(expected[0]) if expected else None)
        if not all(0 < each < math.inf for each in (lesson.took_sec, lesson.expected_sec or 1.0)):
            raise ValueError("a duration is not above zero")
        if not 0 <= lesson.recording_sec < math.inf:
            raise ValueError("a length is below zero")
        return lesson


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What earlier jobs tell of one kind of work: the latest of them, and sums of weight, length and duration."""

    kind: str
    jobs: int = 0
    weight: float = 0.0
    """The sums are the defaults, or what an earlier release learned; they are the line from which lessons set out."""
    length: float = 0.0
    length_squared: float = 0.0
    duration: float = 0.0
    length_duration: float = 0.0
    variance: float = DEFAULT_SPREAD**2
    """Of the logarithm of real over expected duration, while there are no lessons."""

    lessons: tuple[Lesson, ...] = ()
    """The latest jobs, the last one at the end."""

    @classmethod
    def default(cls, kind: str) -> "Pace":
        """Return the pace of work of which nothing is known."""
        stage, *_, size = kind.split("-")
        fixed_sec, rate = _DEFAULTS[stage]
        factor = 1.0 if stage == Stage.TRANSCRIPTION else _SIZE_FACTORS.get(size, 1.0)
        return cls(kind=kind)._along(fixed_sec, rate * factor)

    def expect(self, recording_sec: float) -> Expectation:
        """Return how long the work is expected to take for a recording of this length."""
        line = self._fit()
        sec = line.at(recording_sec) * math.exp(self._correction(line, recording_sec))
        return Expectation(kind=self.kind, sec=max(_MIN_SEC, sec), spread=self._spread(), jobs=self.jobs)

    def learn(self, recording_sec: float, took_sec: float) -> "Pace":
        """Return the pace after one more job."""
        expected_sec = self.expect(recording_sec).sec if self.jobs else None
        lesson = Lesson(recording_sec, max(took_sec, _MIN_SEC), expected_sec)
        return replace(self, jobs=self.jobs + 1, lessons=(*self.lessons, lesson)[-MAX_LESSONS:])

    def _aged(self) -> Iterable[tuple[Lesson, float]]:
        """Return the lessons with their weights, the latest first."""
        return ((lesson, KEPT_SHARE**age) for age, lesson in enumerate(reversed(self.lessons)))

    def _fit(self) -> "_Line":
        """Return the line through the lessons: first the one set out from, made as steep as their median asks for."""
        line = _Line(*self._line())
        if not self.lessons:
            return line
        factor = math.exp(_quantile(((line.error(lesson), weight) for lesson, weight in self._aged()), 0.5))
        line = began = _Line(line.fixed_sec * factor, line.rate * factor)
        for _ in range(_ROUNDS):
            sums = Pace(kind=self.kind)._along(began.fixed_sec, began.rate, KEPT_SHARE ** len(self.lessons))
            for lesson, weight in self._aged():
                trust = min(1.0, FAR / max(abs(line.error(lesson)), _TINY)) ** 2
                sums = sums._with(lesson.recording_sec, lesson.took_sec, weight * trust)
            line = _Line(*sums._line())
        return line

    def _correction(self, line: "_Line", recording_sec: float) -> float:
        """Return the logarithm by which jobs of about this length took longer than the line says."""
        place = math.log(_SCALE_SEC + recording_sec)
        near = [(0.0, NO_CORRECTION_WEIGHT)]
        for lesson, weight in self._aged():
            far = (math.log(_SCALE_SEC + lesson.recording_sec) - place) / SIMILAR
            near.append((line.error(lesson), weight * math.exp(-(far**2) / 2)))
        return _quantile(near, 0.5)

    def _spread(self) -> float:
        """Return the spread that makes the range as wide as four in five of the latest expectations needed."""
        if not self.lessons:
            return min(MAX_SPREAD, max(MIN_SPREAD, math.sqrt(self.variance)))
        errors = [(FIRST_SPREAD * RANGE_SPREADS, 1.0)]
        for lesson, weight in self._aged():
            if lesson.expected_sec is not None:
                errors.append((abs(math.log(lesson.took_sec / lesson.expected_sec)), weight))
        return min(MAX_SPREAD, max(MIN_SPREAD, _quantile(errors, RANGE_SHARE) / RANGE_SPREADS))

    def _along(self, fixed_sec: float, rate: float, share: float = 1.0) -> "Pace":
        """Add a line, as two jobs on it that together weigh this share of `DEFAULT_WEIGHT`."""
        pace = self
        for length_sec in _DEFAULT_AT_SEC:
            pace = pace._with(length_sec, fixed_sec + rate * length_sec, share * DEFAULT_WEIGHT / 2)
        return pace

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


@dataclass(frozen=True, slots=True)
class _Line:
    """Seconds, and seconds for each second of the recording."""

    fixed_sec: float
    rate: float

    def at(self, recording_sec: float) -> float:
        return max(_MIN_SEC, self.fixed_sec + self.rate * recording_sec)

    def error(self, lesson: Lesson) -> float:
        """Return the logarithm of the lesson's real over its expected duration."""
        return math.log(lesson.took_sec / self.at(lesson.recording_sec))


def _quantile(weighted: Iterable[tuple[float, float]], share: float) -> float:
    """Return the smallest value up to which at least this share of the weight lies."""
    ordered = sorted(weighted)
    wanted = share * sum(weight for _, weight in ordered) * (1 - _TINY)
    reached = 0.0
    for value, weight in ordered:
        reached += weight
        if reached >= wanted:
            return value
    return ordered[-1][0]


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
