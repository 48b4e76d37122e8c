"""The bodies that clients send: strict models, bounded in every length, that name fields they do not know."""

from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic.config import JsonDict, JsonValue
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.api.models.fields import (
    SESSION_NAME,
    Identifier,
    Metadata,
    Name,
    RequestModel,
    Time,
    Url,
    WholeNumber,
    exactly_one,
    named,
)
from shared.api.models.job_options import JobOptions
from shared.domain.errors import InvalidRequest
from shared.domain.idempotency import Reserved
from shared.pipeline.jobs.submit import JobRequest

MAX_DELAY_SEC = 366 * 86400

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


class Submission(RequestModel):
    """What every way of submitting shares."""

    session_name: Name | None = Field(default=None, description="The session's name; the file's unless given.")
    metadata: Metadata = Field(default={})
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
