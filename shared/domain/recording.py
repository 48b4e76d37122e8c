"""What is known of a recording before anything is made of it; knows nothing of how it was found out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VideoStream:
    """The picture: `width` and `height` in pixels as a viewer sees them (rotation applied), `rotation` in degrees
    clockwise that a player has to turn the coded picture, `fps` the average rate, times in seconds."""

    index: int
    codec: str
    width: int
    height: int
    rotation: int
    fps: float
    start_sec: float
    duration_sec: float


@dataclass(frozen=True, slots=True)
class AudioStream:
    """The sound: `sample_rate` in hertz, times in seconds."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    start_sec: float
    duration_sec: float


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording's facts. Its clock starts at zero where the earliest stream starts (`start_sec` on the container's
    own clock), and `duration_sec` is what the container declares, or the decoded length where it declares none."""

    container: str
    size_bytes: int
    start_sec: float
    duration_sec: float
    video: VideoStream | None
    audio: AudioStream | None
    warnings: tuple[str, ...] = ()
