"""The queue triggers called directly with the host's own message objects."""

import json
from datetime import UTC, datetime

import azure.functions as func
import pytest

from functions import doors
from functions.downloader import downloader_poison
from functions.transcription import transcription
from shared.domain.errors import NotFound
from shared.domain.job import new_job
from shared.domain.message import StageMessage, Step
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.services import Services, StepContext
from shared.settings import Settings
from shared.storage.memory import MemoryStorage

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services in memory, where the composition root would connect to an account."""

    def work(context: StepContext) -> None:
        raise NotFound("The work was reached.")

    services = Services(
        storage=MemoryStorage(lambda: NOW),
        settings=Settings(),
        clock=lambda: NOW,
        new_id=lambda: "id",
        work={(Stage.TRANSCRIPTION, Step.PART): work},
    )
    job = new_job(job_id="j", session_id="s", org_id="o", now=NOW, options={}, callback_url=None, traceparent=None)
    services.storage.jobs.create(job)
    monkeypatch.setattr(doors, "services", lambda: services)
    return services


def queue_message(body: bytes) -> func.QueueMessage:
    return func.QueueMessage(id="m", body=body)


def stage_message(stage: Stage) -> func.QueueMessage:
    message = StageMessage(job_id="j", org_id="o", session_id="s", stage=stage, step=Step.PART)
    return queue_message(message.to_text().encode())


def test_a_message_reaches_the_use_case(services: Services) -> None:
    with pytest.raises(NotFound):  # the session is not there: the step was begun
        transcription.build().get_user_function()(stage_message(Stage.TRANSCRIPTION))


def test_a_message_of_a_job_that_is_gone_is_ignored(services: Services) -> None:
    gone = StageMessage(job_id="x", org_id="o", session_id="s", stage=Stage.DOWNLOAD, step=Step.PART)
    doors.run_message(queue_message(gone.to_text().encode()))


def test_an_unreadable_message_goes_back_to_the_host(services: Services) -> None:
    with pytest.raises(ValueError, match="validation error"):
        doors.run_message(queue_message(json.dumps({"jobId": "j"}).encode()))


def test_a_dead_letter_ends_its_job(services: Services) -> None:
    downloader_poison.build().get_user_function()(stage_message(Stage.DOWNLOAD))
    assert services.storage.jobs.get("o", "j").value.status is JobStatus.ERROR


def test_an_unreadable_dead_letter_is_kept(services: Services) -> None:
    for _ in range(2):
        doors.give_up_message(queue_message(b"not a message"), "downloads")
    (kept,) = services.storage.dead_letters.of_queue("", "downloads")
    assert (kept.value.body, kept.value.reason) == ("not a message", "The message cannot be read.")
