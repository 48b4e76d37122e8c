"""Define the facts of a recording, apart from the modules that find them out."""

from dataclasses import dataclass

from shared.domain.warning import RecordingWarning


@dataclass(frozen=True, slots=True)
class PictureSize:
    """The size of the picture from a time on."""

    at_sec: float
    width: int
    """In pixels, as coded."""

    height: int
    """In pixels, as coded."""


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
    mirrored: bool = False
    """Whether a player has to mirror the coded picture left to right before it turns it."""

    pixel_aspect: float = 1.0
    """The width of a coded pixel over its height."""

    resized: tuple[PictureSize, ...] = ()
    """Where the size changes in the middle of the recording."""

    pixel_format: str | None = None
    """FFmpeg's name of the decoded picture's form; None if it is not known."""

    field_order: str | None = None
    """The field that comes first if the picture is interlaced: `tff` (top), `bff` (bottom), or `auto` where each frame
    tells; None if it is progressive."""


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
class TrackChoice:
    """The reasons for the choice of tracks, where there is more than one of a kind."""

    audio_reason: str | None = None
    """Why this sound was taken, in a sentence; None if there is only one."""

    video_reason: str | None = None
    """Why this picture is followed, in a sentence; None if there is only one."""

    slides: int | None = None
    """The stream index of the picture with the slides; None if there is no second picture."""

    asked: bool = False
    """Whether a job's options named a track, so that the choice holds for that job only."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the file with one clock of its own. Files that were joined byte by byte have several."""

    at_sec: float
    """Where it begins on the recording's clock."""

    duration_sec: float
    start_sec: float
    """Where it begins on its own clock."""

    offset_bytes: int
    """Where a demuxer has to begin to read it."""

    size_bytes: int
    """How much there is to read."""

    skip_bytes: int = 0
    """Packets that start within so many bytes belong to the piece before."""

    @property
    def end_sec(self) -> float:
        """Return where the piece ends on the recording's clock."""
        return self.at_sec + self.duration_sec


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording's facts. Its clock starts at zero where the earliest stream starts."""

    container: str
    size_bytes: int
    start_sec: float
    """The start of the recording's clock on the container's own clock."""

    duration_sec: float
    """The measured length; of a recording that was only probed, what the container declares (0: nothing)."""

    video: VideoStream | None
    audio: AudioStream | None
    warnings: tuple[RecordingWarning, ...] = ()
    pieces: tuple[Piece, ...] = ()
    """The pieces in order of time, if there is more than one."""

    other_videos: tuple[VideoStream, ...] = ()
    """The pictures that can be decoded and are not followed."""

    other_audios: tuple[AudioStream, ...] = ()
    """The sounds that can be decoded and are not transcribed."""

    choice: TrackChoice = TrackChoice()

    @property
    def timeline(self) -> tuple[Piece, ...]:
        """Return the pieces in order of time, at least one."""
        return self.pieces or (Piece(0.0, self.duration_sec, self.start_sec, 0, self.size_bytes),)
