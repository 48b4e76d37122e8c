"""The queue triggers called directly with the host's own message objects."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import azure.functions as func
import pytest

from functions import maintenance, queue_triggers
from functions.downloader import downloader_poison
from functions.tasks import tasks, tasks_poison, webhooks, webhooks_poison
from functions.transcription import transcription
from shared.domain.errors import NotFound
from shared.domain.job import finish_stage, new_job
from shared.domain.message import StageMessage, StepKind
from shared.domain.options import JobOptions
from shared.domain.stage import Stage
from shared.domain.step_run import StepRun
from shared.domain.task import Task, TaskMessage, TaskState
from shared.job_status import JobStatus
from shared.pipeline.context import Services, StepContext
from shared.pipeline.jobs.scheduled_submission import submit_scheduled
from shared.pipeline.webhooks.announce import deliver_webhook
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.wiring import services as wired_services

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def services() -> Iterator[Services]:
    """Services in memory, where the composition root would connect to an account."""

    def work(context: StepContext) -> None:
        raise NotFound("The work was reached.")

    services = Services(
        storage=MemoryStorage(lambda: NOW),
        settings=Settings(),
        clock=lambda: NOW,
        new_id=lambda: "id",
        work={(Stage.TRANSCRIPTION, StepKind.PART): work},
    )
    job = new_job(
        job_id="j", session_id="s", org_id="o", now=NOW, options=JobOptions(), callback_url=None, traceparent=None
    )
    services.storage.jobs.create(finish_stage(job, Stage.DOWNLOAD, NOW))
    with wired_services.replaced_by(services):
        yield services


def queue_message(body: bytes) -> func.QueueMessage:
    return func.QueueMessage(id="m", body=body)


def stage_message(stage: Stage) -> func.QueueMessage:
    message = StageMessage(job_id="j", org_id="o", session_id="s", stage=stage, step=StepKind.PART)
    return queue_message(message.to_text().encode())


def test_a_message_reaches_the_use_case(services: Services) -> None:
    transcription.build().get_user_function()(stage_message(Stage.TRANSCRIPTION))
    (row,) = (each for each in services.storage.step_runs.of_job("j") if each.value.attempts)
    assert row.value.last_error == "There is no session s."  # the step was begun


def test_a_message_of_a_job_that_is_gone_is_ignored(services: Services) -> None:
    gone = StageMessage(job_id="x", org_id="o", session_id="s", stage=Stage.DOWNLOAD, step=StepKind.PART)
    queue_triggers.run_message(queue_message(gone.to_text().encode()))


def test_an_unreadable_message_goes_back_to_the_host(services: Services) -> None:
    with pytest.raises(ValueError, match="validation error"):
        queue_triggers.run_message(queue_message(json.dumps({"jobId": "j"}).encode()))


def test_a_dead_letter_ends_its_job_and_is_kept(services: Services) -> None:
    part = StepRun(
        job_id="j", stage=Stage.DOWNLOAD, step=StepKind.PART, number=0, attempts=services.settings.max_attempts
    )
    services.storage.step_runs.create(part)
    for _ in range(2):
        downloader_poison.build().get_user_function()(stage_message(Stage.DOWNLOAD))
    assert services.storage.jobs.get("o", "j").value.status is JobStatus.ERROR
    (kept,) = services.storage.dead_letters.of_queue("o", "downloads")
    assert (kept.value.job_id, kept.value.at) == ("j", NOW)


def test_an_unreadable_dead_letter_is_kept(services: Services) -> None:
    for _ in range(2):
        queue_triggers.give_up_message(queue_message(b"not a message"), "downloads")
    (kept,) = services.storage.dead_letters.of_queue("", "downloads")
    assert (kept.value.body, kept.value.reason) == ("not a message", "The message cannot be read.")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"{not base64}", "{not base64}"),
        (b"bm90IGEgbWVzc2FnZQ==", "not a message"),
        ("für 😀".encode(), "für 😀"),
        (b"", ""),
    ],
)
@pytest.mark.parametrize("queue", ["downloads", "tasks", "webhooks"])
def test_text_that_is_not_base64_is_a_dead_letter_as_any_other(
    services: Services, text: bytes, kept: str, queue: str
) -> None:
    poison = {"downloads": downloader_poison, "tasks": tasks_poison, "webhooks": webhooks_poison}[queue]
    poison.build().get_user_function()(queue_message(text))
    (letter,) = services.storage.dead_letters.of_queue("", queue)
    assert letter.value.body == kept


def test_a_message_is_read_in_base64_and_without(services: Services) -> None:
    message = StageMessage(job_id="j", org_id="o", session_id="s", stage=Stage.TRANSCRIPTION, step=StepKind.PART)
    for text in (message.to_text().encode(), base64.b64encode(message.to_text().encode())):
        queue_triggers.run_message(queue_message(text))
    (row,) = (each for each in services.storage.step_runs.of_job("j") if each.value.attempts)
    assert row.value.last_error == "There is no session s."  # the step was begun


def test_a_task_s_message_runs_its_background_job(services: Services) -> None:
    task = submit_scheduled.using(services).delay("o", "deleted-meanwhile", {})
    tasks.build().get_user_function()(task_message(task))
    with pytest.raises(NotFound):
        services.storage.tasks.get(task.task_id)


def test_a_webhook_s_message_of_an_earlier_release_is_sent_to_the_queue_of_webhooks(services: Services) -> None:
    task = deliver_webhook.using(services, task_id="w").delay("o", "deleted-meanwhile", 1)
    assert len(services.storage.queues.waiting("webhooks")) == 1
    tasks.build().get_user_function()(task_message(task))
    assert [message.task_id for message in services.storage.queues.waiting("webhooks")] == ["w", "w"]
    assert services.storage.tasks.get("w").value.state is TaskState.WAITING
    for _ in range(2):
        webhooks.build().get_user_function()(task_message(task))
        assert services.storage.tasks.get("w").value.state is TaskState.DONE


def test_an_unreadable_task_s_message_goes_back_to_the_host_and_is_kept_in_the_end(services: Services) -> None:
    unreadable = queue_message(b'{"taskId": 1}')
    with pytest.raises(ValueError, match="validation error"):
        tasks.build().get_user_function()(unreadable)
    tasks_poison.build().get_user_function()(unreadable)
    (kept,) = services.storage.dead_letters.of_queue("", "tasks")
    assert kept.value.body == '{"taskId": 1}'


def test_a_task_that_used_up_its_attempts_is_a_dead_letter(services: Services) -> None:
    task = submit_scheduled.using(services).delay("o", "x", {})
    stored = services.storage.tasks.get(task.task_id)
    services.storage.tasks.update(stored, task.evolve(attempts=submit_scheduled.max_attempts))
    tasks_poison.build().get_user_function()(task_message(task))
    (kept,) = services.storage.dead_letters.of_queue("o", "tasks")
    assert kept.value.task_id == task.task_id


def test_the_sweep_asks_for_tasks_and_runs_schedules(services: Services) -> None:
    submit_scheduled.using(services, task_id="daily").schedule_cron("0 0 * * *", "o", "daily", {})
    stored = services.storage.schedules.get("o", "daily")
    services.storage.schedules.update(stored, stored.value.evolve(next_run_at=NOW))
    maintenance.sweep.build().get_user_function()(None)
    assert services.storage.queues.waiting("tasks")


def task_message(task: Task) -> func.QueueMessage:
    return queue_message(TaskMessage(task_id=task.task_id, name=task.name).to_text().encode())
