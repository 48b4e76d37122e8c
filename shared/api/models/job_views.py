"""Define the shapes in which the API shows jobs, their stages and their events, as the contract has them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from shared.api.http.links import Links
from shared.api.models.views import View, without_query
from shared.domain import event
from shared.domain.cost_payload import JobCostPayload
from shared.domain.estimate import estimate_of
from shared.domain.event import Estimate
from shared.domain.failure import MAX_FAILURES
from shared.domain.job import Job
from shared.domain.message import StepKind
from shared.domain.stage import Stage, StageProgress, StageState
from shared.domain.webhook import DeliveryState, WebhookDelivery
from shared.job_status import JobStatus


class Step(StrEnum):
    """What a message asks of its stage: get ready, work on one time slice, or join the slices."""

    PREPARE = StepKind.PREPARE
    PART = StepKind.PART
    MERGE = StepKind.MERGE


class StageView(View):
    """How far a stage is; `reason` says why it was skipped or failed."""

    state: StageState
    progress: float = Field(ge=0, le=1)
    parts_done: int
    parts: int
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    reason: str | None

    @classmethod
    def of(cls, progress: StageProgress) -> "StageView":
        """Return the view of a stage."""
        return cls.model_validate(progress)


class JobErrorView(View):
    """Why a job ended in ERROR."""

    code: str
    title: str
    detail: str
    stage: Stage | None
    retryable: bool


class StepFailureView(View):
    """A failed attempt, the `attempt`-th, at a step of the job's `jobAttempt`: `step` is `prepare`, `part` or `merge`,
    and `part` counts from 0."""

    code: str
    title: str
    detail: str
    stage: Stage
    step: Step
    part: int
    attempt: int
    job_attempt: int
    at: datetime
    retryable: bool


class JobLinks(View):
    """Where to go from a job."""

    self: str
    events: str
    session: str


class JobStatusView(View):
    """A job's status alone."""

    job_id: str
    status: JobStatus
    stage: Stage | None
    progress: float = Field(ge=0, le=1)
    error: JobErrorView | None

    @classmethod
    def of(cls, job: Job) -> "JobStatusView":
        """Return the view of a job's status."""
        return cls.model_validate(job)


class DeliveryView(View):
    """One POST to the `callbackUrl`: the `number`-th of its kind for the end of the job's `attempt`. `willRetryAt` says
    when a failed one is followed by another, and is null when there is none."""

    delivery_id: str
    webhook_id: str
    attempt: int
    number: int
    url: str
    state: DeliveryState
    sent_at: datetime
    status_code: int | None
    error: str | None
    duration_sec: float | None
    will_retry_at: datetime | None


class WarningView(View):
    """A reason of the verdict that is known while the job runs."""

    code: str
    start: float
    end: float
    text: str


class EstimateView(View):
    """When a job is likely to be done, by what `jobs` earlier ones took (0: this release's defaults); four jobs in five
    end between `low` and `high`."""

    done_at: datetime
    low: datetime
    high: datetime
    jobs: int


class JobView(View):
    """One run of the pipeline over a session."""

    job_id: str
    session_id: str
    org_id: str
    status: JobStatus
    stage: Stage | None
    progress: float = Field(ge=0, le=1)
    stages: dict[Stage, StageView]
    cancel_requested: bool
    attempt: int
    error: JobErrorView | None
    failures: list[StepFailureView] = Field(
        default=[],
        description="The failed attempts at the job's steps, also of those that were made good, the latest last: at "
        f"most {MAX_FAILURES}.",
    )
    warnings: list[WarningView] = Field(
        default=[], description="Why the recording may be no good, as far as it is known while the job runs."
    )
    options: dict[str, Any]
    callback_url: str | None
    start_at: datetime | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deliveries: list[DeliveryView] | None = Field(
        default=None,
        exclude_if=lambda deliveries: deliveries is None,
        description="The latest deliveries of webhooks; only with a single job that has a `callbackUrl`.",
    )
    estimate: EstimateView | None = Field(
        default=None, description="When the job is likely to be done, as of `updatedAt`; null where that is a guess."
    )
    cost: JobCostPayload | None = Field(
        default=None,
        exclude_if=lambda cost: cost is None,
        description="What the workers spent on it until now; only with a single job, once a step of it has told.",
    )
    links: JobLinks

    @classmethod
    def of(
        cls, job: Job, links: Links, deliveries: Sequence[WebhookDelivery] | None = None, *, with_cost: bool = False
    ) -> "JobView":
        """Return the view of a job."""
        return cls(
            job_id=job.job_id,
            session_id=job.session_id,
            org_id=job.org_id,
            status=job.status,
            stage=job.stage,
            progress=job.progress,
            stages={stage: StageView.of(progress) for stage, progress in job.stages.items()},
            cancel_requested=job.cancel_requested,
            attempt=job.attempt,
            error=_error(job.error),
            failures=[StepFailureView.model_validate(each) for each in job.failures],
            warnings=[WarningView.model_validate(each) for each in job.warnings],
            options=job.options.to_json(),
            callback_url=None if job.callback_url is None else without_query(job.callback_url),
            start_at=job.start_at,
            created_at=job.created_at,
            updated_at=job.updated_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            deliveries=None if deliveries is None else [DeliveryView.model_validate(each) for each in deliveries],
            estimate=_estimate(estimate_of(job)),
            cost=JobCostPayload.of(job) if with_cost else None,
            links=JobLinks(
                self=links.job(job.job_id), events=links.job_events(job.job_id), session=links.session(job.session_id)
            ),
        )


class JobPage(View):
    """Some jobs, newest first; `nextLink` leads to the next page and is missing on the last."""

    items: list[JobView]
    next_link: str | None = Field(default=None, exclude_if=lambda link: link is None)


class EventView(View):
    """A change of a job, as the event stream tells it.

    An event `transcript` also has `start`, `end` and `words`: the part of the recording whose text can be read now. An
    event `warning` has `warning`: why the recording may be no good. `estimate` is there where the job's end can be
    estimated.
    """

    job_id: str
    sequence: int
    at: datetime
    status: JobStatus
    stage: Stage | None
    progress: float
    error: JobErrorView | None
    start: float | None = Field(default=None, exclude_if=lambda value: value is None)
    end: float | None = Field(default=None, exclude_if=lambda value: value is None)
    words: int | None = Field(default=None, exclude_if=lambda value: value is None)
    warning: WarningView | None = Field(default=None, exclude_if=lambda value: value is None)
    estimate: EstimateView | None = Field(default=None, exclude_if=lambda value: value is None)

    @classmethod
    def of(cls, entry: event.Event) -> "EventView":
        """Return the view of an event."""
        view = cls.model_validate(entry)
        if entry.text is None:
            return view
        span = {"start": entry.text.start_sec, "end": entry.text.end_sec, "words": entry.text.words}
        return view.model_copy(update=span)


class ImportedView(View):
    """The job that the request set going, and its session."""

    job_id: str
    session_id: str


def _error(error: event.JobError | None) -> JobErrorView | None:
    return None if error is None else JobErrorView.model_validate(error)


def _estimate(estimate: Estimate | None) -> EstimateView | None:
    return None if estimate is None else EstimateView.model_validate(estimate)
