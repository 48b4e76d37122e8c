"""Define how a recording is to be processed, as clients send it: the options of a job.

Apart from the requests that hold them. `shared.domain.options` has them as the use cases take them.
"""

from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from shared.api.models.fields import RequestModel, WholeNumber, as_whole
from shared.domain import options
from shared.domain.vocabulary import MAX_JOB_VOCABULARIES, VOCABULARY_NAME

MAX_IGNORE_ZONES = 16
MAX_RETENTION_DAYS = 3650
MAX_STREAMS = 32


class FollowCamOptions(RequestModel):
    """How the follow-cam's picture is to be."""

    aspect: Literal["16:9", "4:3", "1:1", "4:5", "9:16"] | None = Field(
        default=None, description="Width to height; the recording's own unless given."
    )
    height: WholeNumber = Field(
        default=720, ge=144, le=1080, description="At most so many pixels high; never enlarged."
    )


class CaptionOptions(RequestModel):
    """The room and the time that a caption may take, such as 32 characters and 3 to 7 seconds."""

    max_line_chars: Annotated[int, Field(ge=16, le=80), BeforeValidator(as_whole)] | None = Field(
        default=None, description="Characters of a line, 42 unless given; a full-width one counts two."
    )
    max_lines: Annotated[int, Field(ge=1, le=3), BeforeValidator(as_whole)] | None = Field(
        default=None, description="Lines of a caption, 2 unless given."
    )
    max_chars_per_sec: float | None = Field(
        default=None,
        ge=5.0,
        le=40.0,
        description="Characters that are read in a second, 20 unless given: kept where the speech allows it.",
    )
    min_sec: float | None = Field(
        default=None,
        ge=0.5,
        le=4.0,
        description="The shortest time that a caption is shown, 1 unless given. More than 1 is kept where the speech "
        "allows it.",
    )
    max_sec: float | None = Field(
        default=None, ge=5.0, le=15.0, description="The longest time that a caption is shown, 7 unless given."
    )


def _in_picture(zone: list[float]) -> list[float]:
    x, y, width, height = zone
    if width <= 0 or height <= 0 or x + width > 1.0 + 1e-6 or y + height > 1.0 + 1e-6:
        raise ValueError("A zone has a width and a height, and lies in the picture")
    return zone


StreamIndex = Annotated[int, Field(ge=0, lt=MAX_STREAMS), BeforeValidator(as_whole)]
Zone = Annotated[
    list[Annotated[float, Field(ge=0.0, le=1.0)]], Field(min_length=4, max_length=4), AfterValidator(_in_picture)
]
"""[x, y, width, height] in fractions of the picture."""


class JobOptions(RequestModel):
    """How the recording is to be processed."""

    engine: options.EngineName | None = Field(
        default=None, description="Transcription engine; the server's setting unless given."
    )
    language: str | None = Field(
        default=None,
        max_length=35,
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        description="What is spoken, as a BCP 47 tag such as `en` or `de-CH`; found out unless given.",
    )
    initial_prompt: str | None = Field(
        default=None,
        max_length=1000,
        description="Text as it might have been said before, in the language and spelling that the transcript is to "
        "have. For engines that can use it.",
    )
    hotwords: Annotated[list[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=50)] | None = Field(
        default=None,
        description="Names and terms to expect, for engines that can use them. `title`, `speaker` and `course` in the "
        "metadata are added.",
    )

    overlay: bool | None = Field(
        default=None, description="Whether to make `track-overlay.mp4`: the recording with what was tracked drawn in."
    )
    follow_cam: bool | FollowCamOptions | None = Field(
        default=None,
        description="Whether, or how, to make `follow.mp4`: a calm virtual camera that keeps the instructor in frame.",
    )
    detector: options.DetectorName | None = Field(
        default=None, description="Who finds people in the picture; the server's setting unless given."
    )
    retention_days: Annotated[int, Field(ge=1, le=MAX_RETENTION_DAYS), BeforeValidator(as_whole)] | None = Field(
        default=None,
        description="The session is deleted when nothing happened to it for so many days; sooner, where the server's "
        "settings say so. Of a session's jobs the latest counts.",
    )
    region_of_interest: Zone | None = Field(
        default=None, description="Only people with the centre of their box in here are followed: x, y, width, height."
    )
    ignore_zones: Annotated[list[Zone], Field(max_length=MAX_IGNORE_ZONES)] | None = Field(
        default=None,
        description="People with the centre of their box in one of these are not followed, such as the audience.",
    )

    vocabularies: (
        Annotated[list[Annotated[str, Field(pattern=VOCABULARY_NAME)]], Field(max_length=MAX_JOB_VOCABULARIES)] | None
    ) = Field(
        default=None,
        description="Names of vocabularies: the job takes a copy of their terms, for engines that can use hotwords.",
    )
    captions: CaptionOptions | None = Field(
        default=None, description="The room and the time that a caption in the WebVTT and SubRip files may take."
    )
    audio_track: StreamIndex | None = Field(
        default=None,
        description="Stream index of the sound to transcribe, as `streams` of the probe and the sidecar have it; "
        "chosen by what the sounds contain unless given.",
    )
    video_track: StreamIndex | None = Field(
        default=None,
        description="Stream index of the picture to follow; chosen by what the pictures contain unless given.",
    )
    slides_track: StreamIndex | None = Field(
        default=None, description="Stream index of the picture with the slides; the other picture unless given."
    )

    rendition: Literal["auto", "always", "never"] | None = Field(
        default=None,
        description="Whether to make `rendition.mp4`, which every browser plays (H.264 and AAC in MP4): `auto` if the "
        "recording itself is none, `always`, or `never`; `auto` unless given.",
    )

    def given(self) -> dict[str, Any]:
        """Return only the options that were given, by their names on the wire."""
        given = self.model_dump(by_alias=True, exclude_none=True)
        return {name: value for name, value in given.items() if value != {}}

    def to_domain(self) -> options.JobOptions:
        """Return the options as the use cases take them."""
        return options.JobOptions.from_json(self.given())


def read_options(given: dict[str, Any], *place: str) -> options.JobOptions:
    """Return the options that stand at this place of a request; raise RequestValidationError, which points there."""
    try:
        return JobOptions.model_validate(given).to_domain()
    except ValidationError as err:
        raise RequestValidationError([{**each, "loc": (*place, *each["loc"])} for each in err.errors()]) from err
