"""Give examples of what waits or recurs: tasks, schedules, dead letters, queues; and of vocabularies."""

from datetime import UTC, datetime, timedelta

from shared.api.models.schedules import ScheduleLinks, SchedulePage, ScheduleView
from shared.api.models.tasks import TaskLinks, TaskPage, TaskView
from shared.api.openapi.operation_examples.common import AT, LINKS, NEXT, Examples
from shared.api.openapi.problem_examples import DELIVERY_ID, SCHEDULE_ID
from shared.api.routes.queues import DeadLetterPage, DeadLetterView, QueueInfoView, QueueView, RequeuedView
from shared.api.routes.vocabularies import VocabularyList, VocabularySummary, VocabularyView
from shared.job_status import JobStatus
from shared.pipeline.housekeeping.background_tasks import CallState

VOCABULARY = VocabularyView(
    name="algebra", terms=["Noether", "Artinian"], updated_at=datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
)
SCHEDULE = ScheduleView(
    schedule_id=SCHEDULE_ID,
    org_id="local",
    cron="0 2 * * MON-FRI",
    time_zone="Europe/Zurich",
    job={"sourceUrl": "https://example.com/latest.mp4", "sessionName": "The daily talk"},
    next_run_at=AT + timedelta(days=2),
    last_run_at=None,
    last_job_id=None,
    last_error=None,
    created_at=AT,
    links=ScheduleLinks(self=LINKS.schedule(SCHEDULE_ID), last_job=None),
)
TASK = TaskView(
    task_id=f"redelivery-{DELIVERY_ID}",
    org_id="local",
    name="deliver_webhook",
    state=CallState.WAITING,
    attempts=2,
    last_error="The server answered 503.",
    created_at=AT,
    next_run_at=AT + timedelta(minutes=1),
    last_run_at=None,
    finished_at=None,
    cron=None,
    time_zone=None,
    links=TaskLinks(self=LINKS.task(f"redelivery-{DELIVERY_ID}")),
)
CRON = TASK.model_copy(
    update={
        "task_id": SCHEDULE_ID,
        "name": "submit_scheduled",
        "state": CallState.SCHEDULED,
        "attempts": 0,
        "last_error": None,
        "next_run_at": AT + timedelta(days=2),
        "cron": "0 2 * * MON-FRI",
        "time_zone": "Europe/Zurich",
        "links": TaskLinks(self=LINKS.task(SCHEDULE_ID)),
    }
)
DEAD_LETTER = DeadLetterView(
    letter_id=DELIVERY_ID,
    queue="transcriptions",
    org_id=None,
    job_id=None,
    task_id=None,
    reason="The message cannot be read.",
    at=AT,
    body="{not base64}",
)

QUEUE_EXAMPLES: Examples = {
    "listTasks": TaskPage(items=[TASK, CRON], next_link=NEXT.format("tasks")),
    "getTask": TASK,
    "retryTask": TASK.model_copy(update={"attempts": 0, "last_error": None}),
    "listDeadLetters": DeadLetterPage(items=[DEAD_LETTER], next_link=NEXT.format("jobs/poison/transcriptions")),
    "getQueueInfo": QueueInfoView(
        queues=[
            QueueView(name="downloads", waiting=0, poison=0, oldest_seconds=None),
            QueueView(name="transcriptions", waiting=12, poison=1, oldest_seconds=3.5),
        ],
        jobs={status: int(status in (JobStatus.DOWNLOADED, JobStatus.DONE)) for status in JobStatus},
    ),
    "requeueDeadLetters": RequeuedView(requeued=1),
    "listVocabularies": VocabularyList(
        items=[VocabularySummary(name="algebra", term_count=2, updated_at=datetime(2026, 11, 20, 9, 15, tzinfo=UTC))]
    ),
    "getVocabulary": VOCABULARY,
    "putVocabulary": VOCABULARY,
    "createSchedule": SCHEDULE,
    "listSchedules": SchedulePage(items=[SCHEDULE]),
    "getSchedule": SCHEDULE,
}
