"""The bodies in which clients send schedules, and the shapes in which the API shows them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from shared.api.http.links import Links
from shared.api.models.fields import Identifier, RequestModel, Url, exactly_one, named
from shared.api.models.requests import RENAMINGS, Submission, refuse_renaming
from shared.api.models.views import View, without_query
from shared.domain.errors import InvalidRequest
from shared.domain.schedule import Schedule
from shared.pipeline.tasks.cron import MAX_CRON_CHARS, known_zone, next_run

ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)
"""Whether a cron can be read does not depend on the time."""

MAX_ZONE_CHARS = 64


def _readable_cron(value: str) -> str:
    try:
        next_run(value, "UTC", ANY_TIME)
    except InvalidRequest as err:
        raise ValueError(err.detail) from err
    return value


def _known_zone(value: str) -> str:
    try:
        known_zone(value)
    except InvalidRequest as err:
        raise ValueError(err.detail) from err
    return value


class ScheduledJob(Submission):
    """The recording to submit at each run: exactly one of `sourceUrl` and `sessionId`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": exactly_one("sourceUrl", "sessionId"), "not": {"anyOf": RENAMINGS}}
    )

    source_url: Url | None = Field(default=None, description="An http or https address to fetch the recording from.")
    session_id: Identifier | None = Field(default=None, description="A session whose recording is in storage.")

    @model_validator(mode="after")
    def _one_source(self) -> "ScheduledJob":
        if (self.source_url is None) == (self.session_id is None):
            raise ValueError("Give exactly one of sourceUrl and sessionId")
        refuse_renaming(self, self.session_id)
        return self

    def kept(self) -> dict[str, Any]:
        """Return the fields to store, named as in `POST /jobs`; the session's name may also stand in the metadata."""
        name, metadata = named(self.metadata)
        fields = {
            "sourceUrl": self.source_url,
            "sessionId": self.session_id,
            "sessionName": self.session_name or name,
            "metadata": metadata,
            "options": self.options.given(),
            "callbackUrl": self.callback_url,
        }
        return {key: value for key, value in fields.items() if value is not None}


class CreateSchedule(RequestModel):
    """A recording to submit again and again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "cron": "0 2 * * MON-FRI",
                    "timeZone": "Europe/Zurich",
                    "job": {"sourceUrl": "https://example.com/latest.mp4", "sessionName": "The daily talk"},
                }
            ]
        }
    )

    cron: Annotated[str, AfterValidator(_readable_cron)] = Field(
        max_length=MAX_CRON_CHARS,
        description="Five fields: minute, hour, day of the month, month, day of the week.",
        examples=["0 2 * * MON-FRI"],
        json_schema_extra={"format": "cron"},
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="UTC",
        max_length=MAX_ZONE_CHARS,
        description="An IANA name.",
        examples=["Europe/Zurich"],
        json_schema_extra={"format": "time-zone"},
    )
    job: ScheduledJob


class ScheduleLinks(View):
    """Where to go from a schedule."""

    self: str
    last_job: str | None


class ScheduleView(View):
    """A recording that is submitted again and again. `lastRunAt` is the time that the cron named; `lastJobId` is the
    job of the latest run that was accepted, `lastError` why the latest one was not."""

    schedule_id: str
    org_id: str
    cron: str
    time_zone: str
    job: dict[str, Any]
    next_run_at: datetime
    last_run_at: datetime | None
    last_job_id: str | None
    last_error: str | None
    created_at: datetime
    links: ScheduleLinks

    @classmethod
    def of(cls, schedule: Schedule, links: Links) -> "ScheduleView":
        """Return the view of a schedule of submissions."""
        last_job = links.job(schedule.last_job_id) if schedule.last_job_id else None
        return cls(
            schedule_id=schedule.schedule_id,
            org_id=schedule.org_id,
            cron=schedule.cron,
            time_zone=schedule.time_zone,
            job=_shown(schedule.arguments["request"]),
            next_run_at=schedule.next_run_at,
            last_run_at=schedule.last_run_at,
            last_job_id=schedule.last_job_id,
            last_error=schedule.last_error,
            created_at=schedule.created_at,
            links=ScheduleLinks(self=links.schedule(schedule.schedule_id), last_job=last_job),
        )


def _shown(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request with its addresses as sessions and jobs show theirs."""
    addresses = {name: without_query(request[name]) for name in ("sourceUrl", "callbackUrl") if name in request}
    return {**request, **addresses}


class SchedulePage(View):
    """Some schedules, newest first; `nextLink` leads to the next page and is missing on the last."""

    items: list[ScheduleView]
    next_link: str | None = Field(default=None, exclude_if=lambda link: link is None)
