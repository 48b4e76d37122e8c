"""Name the kinds of work of a job, and say how long each takes while nothing was learned of it.

Apart from `shared.domain.pace`, which learns how long work of a kind takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.domain.recording import Recording, VideoStream
from shared.domain.stage import Stage

COMPLETION = "completion"
"""What follows from all results together, after the last stage."""


@dataclass(frozen=True, slots=True)
class Line:
    """How long work takes that needs some seconds always, and some for each second of the recording."""

    fixed_sec: float
    rate: float

    def at(self, recording_sec: float) -> float:
        """Return the seconds for a recording of this length."""
        return self.fixed_sec + self.rate * recording_sec


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

_DEFAULTS: Mapping[str, Line] = {
    "transcription": Line(0.2, 0.036),
    "tracking": Line(1.0, 0.118),
    "rendition": Line(1.0, 0.52),
    COMPLETION: Line(0.5, 0.0),
}
"""The line of each stage with pictures of 1920 × 1080.

The rates are the CPU seconds that docs/benchmarks.md gives for this project's machine, as one core would take them; the
fixed seconds are those of a job of a few seconds. Another machine, or more workers, have other ones: they are learned.
"""

_SIZE_FACTORS: Mapping[str, float] = {Size.SMALL: 0.3, Size.HD: 0.6, Size.FULL_HD: 1.0, Size.LARGE: 2.5}
"""How much the rate changes with the picture, before it was learned."""


def default_line(kind: str) -> Line:
    """Return what work of this kind takes by the defaults."""
    stage, *_, size = kind.split("-")
    line = _DEFAULTS[stage]
    return line if stage == Stage.TRANSCRIPTION else replace(line, rate=line.rate * _SIZE_FACTORS.get(size, 1.0))


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
