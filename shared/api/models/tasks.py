"""Define the shapes in which the API shows background jobs."""

from datetime import datetime

from pydantic import Field

from shared.api.http.links import Links
from shared.api.models.views import View
from shared.pipeline.housekeeping.background_tasks import BackgroundCall, CallState


class TaskLinks(View):
    """Where to go from a background job."""

    self: str


class TaskView(View):
    """A background job: a call that runs once, or a schedule of calls, which has a `cron` and the state `scheduled`."""

    task_id: str
    org_id: str = Field(description="Empty for what belongs to the service itself.")
    name: str = Field(description="The registered name of the function.")
    state: CallState
    attempts: int = Field(ge=0)
    last_error: str | None
    created_at: datetime
    next_run_at: datetime | None = Field(
        description="When the next attempt may begin, or the schedule's next run; null when there will be none."
    )
    last_run_at: datetime | None = Field(description="The cron's time of the schedule's latest run.")
    finished_at: datetime | None
    cron: str | None
    time_zone: str | None
    links: TaskLinks

    @classmethod
    def of(cls, call: BackgroundCall, links: Links, *, is_operator: bool) -> "TaskView":
        """Return the view of a call; the text of an internal error is shown to an operator, its kind to others."""
        error = call.last_error
        if error is not None and call.error_is_internal and not is_operator:
            error = error.partition(":")[0]
        return cls(
            task_id=call.task_id,
            org_id=call.org_id,
            name=call.name,
            state=call.state,
            attempts=call.attempts,
            last_error=error,
            created_at=call.created_at,
            next_run_at=call.next_run_at,
            last_run_at=call.last_run_at,
            finished_at=call.finished_at,
            cron=call.cron,
            time_zone=call.time_zone,
            links=TaskLinks(self=links.task(call.task_id)),
        )


class TaskPage(View):
    """Some background jobs, newest first; `nextLink` leads to the next page and is missing on the last."""

    items: list[TaskView]
    next_link: str | None = Field(default=None, exclude_if=lambda link: link is None)
