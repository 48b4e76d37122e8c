"""Describe the shape of `sidecar.json`: the facts of a recording and of every file made from it.

Apart from the media code so that the API can read and describe the file without a media library.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.cost_payload import JobCostPayload
from shared.domain.payload import Payload, WarningDetails
from shared.domain.recording import Recording
from shared.domain.warning import texts

Role: TypeAlias = Literal["picture", "sound", "slides", "unused"]


class _StreamPayload(Payload):
    """What the job used a stream for, where the recording has several of its kind."""

    role: Annotated[
        Role | None,
        Field(
            description="What the stream is used for, where there are several of its kind.",
            exclude_if=lambda role: role is None,
        ),
    ] = None
    reason: Annotated[
        str | None,
        Field(description="Why it was chosen, in a sentence.", exclude_if=lambda reason: reason is None),
    ] = None


class VideoStreamPayload(_StreamPayload):
    """The picture as a viewer sees it: rotation (degrees clockwise) applied to width and height.

    A `mirrored` one is mirrored left to right before it is turned.
    """

    kind: Literal["video"] = "video"
    index: int
    codec: str
    width: int
    height: int
    rotation: int
    fps: float
    start_sec: float
    duration_sec: float
    mirrored: Annotated[bool, Field(exclude_if=lambda mirrored: not mirrored)] = False


class AudioStreamPayload(_StreamPayload):
    """The sound; `sample_rate` in hertz."""

    kind: Literal["audio"] = "audio"
    index: int
    codec: str
    sample_rate: int
    channels: int
    start_sec: float
    duration_sec: float


class MediaPayload(Payload):
    """The recording itself, as it came."""

    container: str
    streams: list[VideoStreamPayload | AudioStreamPayload]
    duration_sec: float
    size_bytes: int
    sha256: str
    warnings: list[str] = Field(default=[])
    warning_details: WarningDetails = ()

    @classmethod
    def of(cls, recording: Recording, sha256: str) -> "MediaPayload":
        """Return the facts of `recording`; `sha256` is the digest of its bytes (hexadecimal)."""
        return cls(
            container=recording.container,
            streams=list(_streams(recording)),
            duration_sec=recording.duration_sec,
            size_bytes=recording.size_bytes,
            sha256=sha256,
            warnings=list(texts(recording.warnings)),
            warning_details=recording.warnings,
        )


def _streams(recording: Recording) -> Iterator[VideoStreamPayload | AudioStreamPayload]:
    """Yield the picture and the sound in use, then the other tracks."""
    choice = recording.choice
    several = bool(recording.other_videos), bool(recording.other_audios)
    if recording.video is not None:
        role: Role | None = "picture" if several[0] else None
        yield VideoStreamPayload(**asdict(recording.video), role=role, reason=choice.video_reason)
    if recording.audio is not None:
        role = "sound" if several[1] else None
        yield AudioStreamPayload(**asdict(recording.audio), role=role, reason=choice.audio_reason)
    for video in recording.other_videos:
        role = "slides" if video.index == choice.slides else "unused"
        yield VideoStreamPayload(**asdict(video), role=role)
    for audio in recording.other_audios:
        yield AudioStreamPayload(**asdict(audio), role="unused")


class ScenePayload(Payload):
    """A stretch between two changes of the picture; `thumbnail` is a name in `thumbnails`."""

    start: float
    end: float
    thumbnail: str | None = None


class ThumbnailPayload(Payload):
    """A still of the recording at `t` seconds."""

    name: str
    t: float
    width: int
    height: int


class RenditionPayload(Payload):
    """A video that was made of the recording: with what was tracked drawn on it, or following the instructor."""

    name: str
    content_type: str
    width: int | None = None
    height: int | None = None
    codec: str | None = None
    duration_sec: float


class ArtefactPayload(Payload):
    """A file that the job made; `sha256` in hexadecimal."""

    name: str
    content_type: str
    size_bytes: int
    sha256: str


class SidecarPayload(Payload):
    """`sidecar.json`, version 1."""

    version: Literal["v1"] = "v1"
    session_id: str
    job_id: str
    media: MediaPayload
    scenes: list[ScenePayload] = Field(default=[])
    thumbnails: list[ThumbnailPayload] = Field(default=[])
    renditions: list[RenditionPayload] = Field(default=[])
    artefacts: list[ArtefactPayload] = Field(default=[])
    cost: JobCostPayload | None = Field(
        default=None,
        exclude_if=lambda cost: cost is None,
        description="What the workers spent on the job until the file was written.",
    )


class Peaks(BaseModel):
    """`peaks.json`, the peaks of a waveform in version 2 of audiowaveform's JSON, under its names.

    https://github.com/bbc/audiowaveform/blob/master/doc/DataFormat.md
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[2] = 2
    channels: Literal[1] = 1
    sample_rate: int
    """Samples a second of the sound that was examined."""
    samples_per_pixel: int
    bits: Literal[8] = 8
    length: Annotated[int, Field(ge=0)]
    """Pairs in `data`."""
    data: tuple[int, ...]
    """The lowest and the highest sample of each stretch, from -128 to 127."""
