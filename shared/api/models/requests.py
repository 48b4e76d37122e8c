"""The bodies that clients send: strict models, bounded in every length, that name fields they do not know."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict, JsonValue
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.api.dependencies import ID_PATTERN
from shared.domain import options
from shared.domain.errors import InvalidRequest
from shared.domain.idempotency import Reserved
from shared.domain.vocabulary import MAX_JOB_VOCABULARIES, VOCABULARY_NAME
from shared.pipeline.jobs.submit import JobRequest

MAX_URL_CHARS = 8192
"""Signed links of OneDrive and S3 pass 2,048 characters."""

MAX_GIVEN_NAME_CHARS = 200
MAX_METADATA_DEPTH = 32
MAX_IGNORE_ZONES = 16
MAX_DELAY_SEC = 366 * 86400
MAX_RETENTION_DAYS = 3650
MAX_STREAMS = 32
SESSION_NAME = "sessionName"

_ENCODED = re.compile(r"[^\S\t\n\r\v\f\x1c-\x1f\x85]|[<>\"{}|^`]")
"""What stands in addresses of files as people copy them, and is encoded when it is sent: blanks above all."""

_NOT_IN_ADDRESSES = re.compile(r'[\s<>"{}|\\^`]|%(?![0-9A-Fa-f]{2})')
"""https://www.rfc-editor.org/rfc/rfc3987#section-2.2"""
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _http_url(value: str) -> str:
    value = _encoded(value.strip())
    try:
        parts = urlsplit(value)
        (parts.hostname or "").encode("idna")
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or not value.isprintable() or _NOT_IN_ADDRESSES.search(value):
        raise ValueError("This must be an http or https address")
    return value


def _encoded(url: str) -> str:
    """Return the address with what cannot stand behind its host encoded; the host is left as it is."""
    host, rest = re.fullmatch(r"([^:/?#]*://[^/?#]*|)(.*)", url, re.DOTALL).groups()  # type: ignore[union-attr]
    return host + _ENCODED.sub(lambda found: quote(found[0]), rest) if host else url


def _rfc_3339(value: Any) -> Any:
    if value is not None and not (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        raise ValueError("This must be a time with its zone, such as 2026-01-31T02:00:00Z")
    return value


def _whole(value: Any) -> Any:
    """Return 1.0 as the integer that it is in JSON, which knows one kind of number; any other value as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_METADATA_MEANING = f"Anything that is to be kept with the session; `{SESSION_NAME}` names it, too."
_NAME_SCHEMA: JsonDict = {
    "properties": {
        SESSION_NAME: {
            "anyOf": [{"type": "string", "minLength": 1, "maxLength": MAX_GIVEN_NAME_CHARS}, {"type": "null"}]
        }
    }
}
METADATA_SCHEMA = {"type": "object", "description": _METADATA_MEANING, **_NAME_SCHEMA}

Identifier = Annotated[str, Field(pattern=ID_PATTERN)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_GIVEN_NAME_CHARS)]
Url = Annotated[
    str,
    Field(max_length=MAX_URL_CHARS, json_schema_extra={"format": "iri"}),
    AfterValidator(_http_url),
]
Metadata = Annotated[
    dict[str, Any],
    Field(
        max_length=200,
        description=_METADATA_MEANING,
        json_schema_extra=_NAME_SCHEMA,
    ),
]
WholeNumber = Annotated[int, BeforeValidator(_whole)]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc_3339)]


def exactly_one(*names: str) -> list[JsonValue]:
    """Return the `oneOf` of JSON Schema by which one of these texts must be given, and no other."""
    return [{"required": [name], "properties": {name: {"type": "string"}}} for name in names]


ONE_SOURCE = exactly_one("sourceUrl", "uploadId", "sessionId")
TWO_STARTS: JsonDict = {
    "required": ["startAt", "delaySeconds"],
    "properties": {"startAt": {"type": "string"}, "delaySeconds": {"type": "number"}},
}
RENAMINGS: list[JsonValue] = [
    {
        "required": ["sessionId", SESSION_NAME],
        "properties": {"sessionId": {"type": "string"}, SESSION_NAME: {"type": "string"}},
    },
    {
        "required": ["sessionId", "metadata"],
        "properties": {"sessionId": {"type": "string"}, "metadata": {"minProperties": 1}},
    },
]
"""A session that is there with another name or other metadata, as JSON Schema says it."""


class RequestModel(BaseModel):
    """Something that is asked: nothing unknown, and nothing converted."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False, extra="forbid", strict=True)


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

    max_line_chars: Annotated[int, Field(ge=16, le=80), BeforeValidator(_whole)] | None = Field(
        default=None, description="Characters of a line, 42 unless given; a full-width one counts two."
    )
    max_lines: Annotated[int, Field(ge=1, le=3), BeforeValidator(_whole)] | None = Field(
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


StreamIndex = Annotated[int, Field(ge=0, lt=MAX_STREAMS), BeforeValidator(_whole)]
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
    retention_days: Annotated[int, Field(ge=1, le=MAX_RETENTION_DAYS), BeforeValidator(_whole)] | None = Field(
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


class Submission(RequestModel):
    """What every way of submitting shares."""

    session_name: Name | None = Field(default=None, description="The session's name; the file's unless given.")
    metadata: Metadata = {}
    options: JobOptions = JobOptions()
    callback_url: Url | None = Field(default=None, description="An http or https address to tell of the job's end.")

    @model_validator(mode="after")
    def _name_in_metadata(self) -> "Submission":
        named(self.metadata)
        return self

    def job_request(
        self, org_id: str, traceparent: str, reserved: Reserved, start_at: datetime | None = None
    ) -> JobRequest:
        """Return the use case's request; the name may also stand in the metadata."""
        name, metadata = named(self.metadata)
        return JobRequest(
            org_id=org_id,
            session_name=self.session_name or name,
            metadata=metadata,
            options=self.options.to_domain(),
            callback_url=self.callback_url,
            traceparent=traceparent,
            start_at=start_at,
            job_id=reserved.job_id,
            session_id=reserved.session_id,
        )


def refuse_renaming(body: Submission, session_id: str | None) -> None:
    """Raise ValidationError for a name or metadata that are given with a session: it has its own."""
    given = {SESSION_NAME: body.session_name, "metadata": body.metadata} if session_id is not None else {}
    error = PydanticCustomError(
        "renaming", "A session that is there keeps its name and metadata; leave this out with sessionId"
    )
    errors = [InitErrorDetails(type=error, loc=(name,), input=value) for name, value in given.items() if value]
    if errors:
        raise ValidationError.from_exception_data(type(body).__name__, errors)


class _Timed(RequestModel):
    """When the work is to begin: at once, unless one of the two says otherwise. A time that is past means at once."""

    start_at: Time | None = Field(
        default=None, strict=False, description="Not before this time, which may be a year from now."
    )
    delay_seconds: float | None = Field(
        default=None, ge=0, le=MAX_DELAY_SEC, description="Not before so many seconds have passed."
    )

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.start_at is not None and self.delay_seconds is not None:
            raise ValueError("Give startAt or delaySeconds, not both")
        return self

    def begins_at(self, now: datetime) -> datetime | None:
        """Return the time before which the work must not begin; None for at once."""
        asked = self.start_at if self.delay_seconds is None else now + timedelta(seconds=self.delay_seconds)
        if asked is not None and asked > now + timedelta(seconds=MAX_DELAY_SEC):
            raise InvalidRequest(f"startAt may be at most {MAX_DELAY_SEC // 86400} days from now.")
        return asked.astimezone(UTC) if asked is not None and asked > now else None


class ProcessSession(_Timed):
    """How a recording that is there is to be processed once more."""

    model_config = ConfigDict(json_schema_extra={"not": TWO_STARTS, "examples": [{"options": {"language": "en"}}]})

    options: JobOptions = JobOptions()
    callback_url: Url | None = Field(default=None, description="Where to tell of the job's end.")


class _OneSource(RequestModel):
    """Where a recording is: exactly one of `sourceUrl`, `uploadId` and `sessionId`."""

    source_url: Url | None = Field(default=None, description="An http or https address to fetch the recording from.")
    upload_id: Identifier | None = Field(default=None, description="An upload that `POST /ingest/init` announced.")
    session_id: Identifier | None = Field(default=None, description="A session whose recording is in storage.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(each is not None for each in (self.source_url, self.upload_id, self.session_id)) != 1:
            raise ValueError("Give exactly one of sourceUrl, uploadId and sessionId")
        return self


class ProbeSource(_OneSource):
    """A recording to look at: exactly one of `sourceUrl`, `uploadId` and `sessionId`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": ONE_SOURCE,
            "examples": [
                {"sourceUrl": "https://example.com/talk.mp4", "options": {"language": "en"}},
                {"uploadId": "7w1x3e5j8k2m9n4p6q2"},
            ],
        }
    )

    options: JobOptions = Field(default=JobOptions(), description="Those that the job would get.")


class SubmitJob(_OneSource, Submission, _Timed):
    """A recording to process: exactly one of `sourceUrl`, `uploadId` and `sessionId`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": ONE_SOURCE,
            "not": {"anyOf": [TWO_STARTS, *RENAMINGS]},
            "examples": [
                {"sourceUrl": "https://example.com/talk.mp4", "sessionName": "A talk"},
                {"sessionId": "7w1x3e5j8k2m9n4p6q0", "options": {"engine": "pocketsphinx", "language": "en"}},
                {
                    "sourceUrl": "https://example.com/talk.mp4",
                    "delaySeconds": 3600,
                    "callbackUrl": "https://example.com/hooks/rostrum",
                },
            ],
        }
    )

    @model_validator(mode="after")
    def _keeps_its_name(self) -> Self:
        refuse_renaming(self, self.session_id)
        return self


class AnnounceUpload(RequestModel):
    """A file that the client will put into storage itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sourceName": "talk.mp4", "contentLength": 734003200, "contentType": "video/mp4"}]
        }
    )

    source_name: Name
    content_length: WholeNumber = Field(ge=1, description="The file's size in bytes.")
    content_type: str = Field(
        default="application/octet-stream", max_length=200, pattern=r"^[\w.+-]+/[\w.+-]+( *; *[\w.+-]+=[\w.+\"-]+)*$"
    )
    options: JobOptions = Field(
        default=JobOptions(),
        description="Those that the commit will give: what cannot be done is refused before the file is sent.",
    )


class CommitUpload(Submission):
    """An upload whose blocks and block list are in storage."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"uploadId": "7w1x3e5j8k2m9n4p6q2", "metadata": {"course": "Algebra"}}]}
    )

    upload_id: Identifier
    sha256: str | None = Field(
        default=None, pattern=r"^[0-9A-Fa-f]{64}$", description="Compared with what arrived, if given."
    )


def named(metadata: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Return the session's name that stands in the metadata, if any, and the rest; raise ValueError."""
    if _is_deeper(metadata, MAX_METADATA_DEPTH):
        raise ValueError(f"The metadata are nested more than {MAX_METADATA_DEPTH} levels deep")
    try:
        json.dumps(metadata, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as err:
        raise ValueError("The metadata hold a number or a text that is none, such as NaN") from err
    rest = {key: value for key, value in metadata.items() if key != SESSION_NAME}
    name = metadata.get(SESSION_NAME)
    if name is not None and (not isinstance(name, str) or not 1 <= len(name) <= MAX_GIVEN_NAME_CHARS):
        raise ValueError(f"{SESSION_NAME} must be a text of 1 to {MAX_GIVEN_NAME_CHARS} characters")
    return name, rest


def _is_deeper(value: Any, levels: int) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return children is not None and (levels == 0 or any(_is_deeper(child, levels - 1) for child in children))
