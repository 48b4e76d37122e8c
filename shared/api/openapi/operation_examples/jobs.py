"""Give examples of jobs: submitted, running and ended, with their events, traces and webhooks."""

from datetime import timedelta

from shared.api.models.job_views import (
    DeliveryView,
    EventView,
    JobLinks,
    JobPage,
    JobStatusView,
    JobView,
    StageView,
    Step,
    StepFailureView,
)
from shared.api.openapi.operation_examples.common import AT, CALLBACK, DONE_AT, LINKS, NEXT, Examples
from shared.api.openapi.problem_examples import DELIVERY_ID, JOB_ID, SESSION_ID
from shared.api.openapi.route_docs import EXAMPLE_TRACE
from shared.api.routes.deliveries import DeliveryList, RedeliveryView
from shared.api.routes.health import HealthView
from shared.api.routes.traces import SpanView, TraceView
from shared.api.version import VERSION
from shared.domain.errors import StorageUnavailable
from shared.domain.options import PLAYABLE_ALREADY
from shared.domain.stage import Stage, StageState
from shared.domain.webhook import DeliveryState
from shared.job_status import JobStatus

WAITING = StageView(
    state=StageState.WAITING,
    progress=0.0,
    parts_done=0,
    parts=1,
    attempts=0,
    started_at=None,
    finished_at=None,
    reason=None,
)
OVER = WAITING.model_copy(
    update={
        "state": StageState.DONE,
        "progress": 1.0,
        "parts_done": 1,
        "attempts": 1,
        "started_at": AT,
        "finished_at": DONE_AT,
    }
)
SKIPPED = WAITING.model_copy(update={"state": StageState.SKIPPED, "parts": 0, "reason": PLAYABLE_ALREADY})
SUBMITTED = JobView(
    job_id=JOB_ID,
    session_id=SESSION_ID,
    org_id="local",
    status=JobStatus.CREATED,
    stage=Stage.DOWNLOAD,
    progress=0.0,
    stages=dict.fromkeys(Stage, WAITING),
    cancel_requested=False,
    attempt=1,
    error=None,
    options={"language": "en"},
    callback_url=None,
    start_at=None,
    created_at=AT,
    updated_at=AT,
    started_at=None,
    finished_at=None,
    links=JobLinks(self=LINKS.job(JOB_ID), events=LINKS.job_events(JOB_ID), session=LINKS.session(SESSION_ID)),
)
RUNNING = SUBMITTED.model_copy(
    update={
        "status": JobStatus.DOWNLOADED,
        "stage": Stage.TRANSCRIPTION,
        "progress": 0.45,
        "stages": {
            Stage.DOWNLOAD: OVER,
            Stage.TRANSCRIPTION: OVER.model_copy(
                update={
                    "state": StageState.RUNNING,
                    "progress": 0.5,
                    "parts_done": 9,
                    "parts": 18,
                    "finished_at": None,
                }
            ),
            Stage.TRACKING: WAITING,
            Stage.RENDITION: SKIPPED,
        },
        "updated_at": AT + timedelta(minutes=2),
        "started_at": AT,
    }
)
ENDED = RUNNING.model_copy(
    update={
        "status": JobStatus.DONE,
        "stage": None,
        "progress": 1.0,
        "stages": {**dict.fromkeys(Stage, OVER), Stage.RENDITION: SKIPPED},
        "failures": [
            StepFailureView(
                code=StorageUnavailable.code,
                title=StorageUnavailable("").title,
                detail="The storage account did not answer for the blob work/…/transcription/00003.json.",
                stage=Stage.TRANSCRIPTION,
                step=Step.PART,
                part=3,
                attempt=1,
                job_attempt=1,
                at=AT + timedelta(minutes=1),
                retryable=True,
            )
        ],
        "callback_url": CALLBACK,
        "updated_at": DONE_AT,
        "finished_at": DONE_AT,
    }
)
DELIVERY = DeliveryView(
    delivery_id=DELIVERY_ID,
    webhook_id=f"msg_{JOB_ID}_1",
    attempt=1,
    number=1,
    url=CALLBACK,
    state=DeliveryState.DELIVERED,
    sent_at=DONE_AT,
    status_code=204,
    error=None,
    duration_sec=0.08,
    will_retry_at=None,
)
JOB_SPAN = SpanView(
    span_id="53995c3f42cd8ad8",
    parent_id=None,
    name="job",
    part=None,
    attempt=1,
    outcome="DONE",
    detail=None,
    started_at=AT,
    finished_at=DONE_AT,
    links=[],
)
STEP_SPAN = JOB_SPAN.model_copy(
    update={
        "span_id": "6bb0f1d4a8c3e2f5",
        "parent_id": JOB_SPAN.span_id,
        "name": "download part",
        "part": 0,
        "outcome": "done",
    }
)
EVENTS = (
    ("status", 1, JobStatus.CREATED, Stage.DOWNLOAD, 0.0, AT),
    ("progress", 2, JobStatus.CREATED, Stage.DOWNLOAD, 0.05, AT + timedelta(seconds=2)),
    ("transcript", 3, JobStatus.DOWNLOADED, Stage.TRANSCRIPTION, 0.3, AT + timedelta(seconds=30)),
    ("status", 4, JobStatus.DONE, None, 1.0, DONE_AT),
)
NEW_TEXT = {"start": 0.0, "end": 298.4, "words": 712}

JOB_EXAMPLES: Examples = {
    "submitJob": SUBMITTED,
    "submitDownload": SUBMITTED,
    "listJobs": JobPage(items=[RUNNING], next_link=NEXT.format("jobs")),
    "getJob": ENDED.model_copy(update={"deliveries": [DELIVERY]}),
    "getJobStatus": JobStatusView(
        job_id=JOB_ID, status=RUNNING.status, stage=RUNNING.stage, progress=RUNNING.progress, error=None
    ),
    "followJob": {
        "text/event-stream": "retry: 2000\n\n"
        + "".join(
            f"event: {event}\nid: {number}\ndata: "
            + EventView.model_validate(
                {
                    "job_id": JOB_ID,
                    "sequence": number,
                    "at": at,
                    "status": status,
                    "stage": stage,
                    "progress": progress,
                    "error": None,
                    **(NEW_TEXT if event == "transcript" else {}),
                }
            ).model_dump_json(by_alias=True)
            + "\n\n"
            for event, number, status, stage, progress, at in EVENTS
        )
    },
    "retryJob": SUBMITTED.model_copy(update={"attempt": 2}),
    "cancelJob": RUNNING.model_copy(update={"cancel_requested": True}),
    "traceJob": TraceView(trace_id=EXAMPLE_TRACE, spans=[JOB_SPAN, STEP_SPAN]),
    "listDeliveries": DeliveryList(items=[DELIVERY]),
    "redeliverWebhook": RedeliveryView(job_id=JOB_ID, webhook_id=DELIVERY.webhook_id),
    "processSession": SUBMITTED,
    "health": HealthView(status="ok", version=VERSION, storage="ok"),
}
