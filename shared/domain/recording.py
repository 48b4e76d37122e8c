"""Define the facts of a recording, apart from the modules that find them out."""

from dataclasses import dataclass

from shared.domain.warning import RecordingWarning


@dataclass(frozen=True, slots=True)
class VideoStream:
    """The picture."""

    index: int
    codec: str
    width: int
    """In pixels, as a viewer sees it (rotation applied)."""

    height: int
    """In pixels, as a viewer sees it (rotation applied)."""

    rotation: int
    """The degrees clockwise that a player has to turn the coded picture."""

    fps: float
    """The average rate, in frames per second."""

    start_sec: float
    duration_sec: float


@dataclass(frozen=True, slots=True)
class AudioStream:
    """The sound."""

    index: int
    codec: str
    sample_rate: int
    """In hertz."""

    channels: int
    start_sec: float
    duration_sec: float


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording's facts. Its clock starts at zero where the earliest stream starts."""

    container: str
    size_bytes: int
    start_sec: float
    """The start of the recording's clock on the container's own clock."""

    duration_sec: float
    """What the container declares, or the decoded length where it declares none."""

    video: VideoStream | None
    audio: AudioStream | None
    warnings: tuple[RecordingWarning, ...] = ()
