"""A job's trace, for a person who looks into a job without a tracing backend."""

from datetime import datetime
from functools import partial

from fastapi import APIRouter
from pydantic import Field

from shared.api.dependencies import JobId, ReaderDep, ServicesDep, off_loop
from shared.api.models.views import View
from shared.api.openapi.route_docs import reading
from shared.domain.errors import NotFound
from shared.pipeline.jobs.trace import JobTrace, job_trace

router = APIRouter(tags=["jobs"])


class SpanView(View):
    """One span: the request, an attempt at the job, or an attempt at a step."""

    span_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    parent_id: str | None = Field(description="The span above it.")
    name: str = Field(description="`request`, `job`, `webhook`, or a stage and its step, such as `transcription part`.")
    part: int | None = Field(description="The number of the part, for steps.")
    attempt: int
    outcome: str = Field(
        description="`accepted`, `running`, `done`, `failed`, `crashed`, `delivered`, or the job's final status."
    )
    detail: str | None = Field(description="What made it fail.")
    started_at: datetime | None = Field(description="null where only the end is known.")
    finished_at: datetime | None
    links: list[str] = Field(description="The spans of the steps whose results it needed.")


class TraceView(View):
    """A job's trace."""

    trace_id: str = Field(pattern=r"^[0-9a-f]{32}$", description="The `traceId` of problem responses and logs.")
    spans: list[SpanView]

    @classmethod
    def of(cls, trace: JobTrace) -> "TraceView":
        """Return the view of a trace."""
        spans = [
            SpanView(
                span_id=f"{span.span_id:016x}",
                parent_id=None if span.parent_id is None else f"{span.parent_id:016x}",
                name=span.name,
                part=span.part,
                attempt=span.attempt,
                outcome=span.outcome,
                detail=span.detail,
                started_at=span.started_at,
                finished_at=span.finished_at,
                links=[f"{link:016x}" for link in span.links],
            )
            for span in trace.spans
        ]
        return cls(trace_id=f"{trace.trace_id:032x}", spans=spans)


@router.get("/jobs/{jobId}/trace", summary="Trace a job", responses=reading(NotFound), operation_id="traceJob")
async def trace_job(job_id: JobId, services: ServicesDep, caller: ReaderDep) -> TraceView:
    """The job's request, its attempts, and every attempt at its steps, with the ids that telemetry exports, from what
    is stored: also where no telemetry is. Of an attempt that failed only the end is known."""
    return TraceView.of(await off_loop(partial(job_trace, services, caller.org_id, job_id)))
