"""A reason of the verdict is told once while the job runs, however often its step runs: an event, and a webhook."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.event import EarlyWarning
from shared.domain.message import StepKind
from shared.domain.quality.payload import Reason
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import StepContext
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.execution.early_warnings import warn_early
from shared.pipeline.jobs.submit import retry_job
from tests.support.crashing_storage import every_crash
from tests.support.webhook_harness import WebhookHarness
from tests.support.webhook_receiver import Receiver, receiving

SILENT = Reason(code="no_sound", start=0.0, end=60.0, text="The recording has no sound.")
MUTED = Reason(code="sound_muted", start=20.0, end=31.0, text="The sound is muted from 0:20 to 0:31.")


def warned(harness: Any, job: Any) -> list[str]:
    """Return the codes of the warnings in the order of the log, which must have no gaps."""
    events = harness.storage.jobs.events(job.org_id, job.job_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    return [event.warning.code for event in events if event.type == "warning"]


@pytest.mark.parametrize("deliveries", [1, 2])
def test_each_reason_is_told_once_and_before_the_end(harness: Any, deliveries: int) -> None:
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = lambda context: context.warn([MUTED])
    harness.instead[Stage.TRACKING, StepKind.PART] = lambda context: context.warn([MUTED, SILENT])
    job = harness.submit()
    harness.drain(deliveries)
    assert harness.job(job).status is JobStatus.DONE
    assert warned(harness, job) == ["sound_muted", "no_sound"]
    told = EarlyWarning(code="sound_muted", start=20.0, end=31.0, text=MUTED.text)
    assert harness.job(job).warnings[0] == told
    assert [each.type for each in harness.storage.jobs.events(job.org_id, job.job_id)][-1] == "status"


def test_a_step_that_fails_after_it_warned_does_not_warn_again(harness: Any) -> None:
    tries: list[int] = []

    def work(context: StepContext) -> None:
        context.warn([SILENT])
        tries.append(context.job.attempt)
        if len(tries) <= harness.services.settings.max_attempts:
            raise RuntimeError("crashed between the warning and the row")

    harness.instead[Stage.TRANSCRIPTION, StepKind.PART] = work
    job = harness.submit()
    harness.drain_until_error(job)
    retry_job(harness.services, job.org_id, job.job_id)
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE
    assert set(tries) == {1, 2}
    assert warned(harness, job) == ["no_sound"]


def test_a_job_that_is_being_canceled_warns_of_nothing(harness: Any) -> None:
    def work(context: StepContext) -> None:
        cancel_job(context.services, context.job.org_id, context.job.job_id)
        context.warn([SILENT])

    harness.instead[Stage.TRANSCRIPTION, StepKind.PART] = work
    job = harness.submit()
    harness.drain()
    assert harness.job(job).status is JobStatus.CANCELED
    assert warned(harness, job) == []


def test_the_callback_hears_each_warning_once_and_then_the_end() -> None:
    with receiving() as receiver:
        harness = WebhookHarness()
        job = harness.job(receiver.url())
        for _ in range(2):
            warn_early(harness.services, harness.read(job), [SILENT, MUTED])
            harness.run_all()
        harness.end(harness.read(job), JobStatus.DONE)
        harness.run_all()
        warnings, (end,) = receiver.received[:2], receiver.received[2:]
    assert end.payload["type"] == "job.done"
    assert [each.headers["webhook-id"] for each in warnings] == ["msg_j1_no_sound", "msg_j1_sound_muted"]
    assert warnings[1].payload["type"] == "recording.warning"
    assert warnings[1].payload["data"]["warning"] == {
        "code": "sound_muted",
        "start": 20.0,
        "end": 31.0,
        "text": "The sound is muted from 0:20 to 0:31.",
    }
    assert warnings[1].payload["data"]["jobId"] == "j1"
    assert harness.is_tidy()


def test_a_crash_at_any_write_loses_no_warning() -> None:
    def scenario(receiver: Receiver, crash_at: int) -> bool:
        harness = WebhookHarness()
        job = harness.job(receiver.url())
        crashed = harness.crash_point.crashes_at(crash_at, lambda: warn_early(harness.services, job, [SILENT]))
        warn_early(harness.services, harness.read(job), [SILENT])  # the step runs again
        harness.live(timedelta(minutes=10))
        assert {each.headers["webhook-id"] for each in receiver.received} == {"msg_j1_no_sound"}
        assert len({each.body for each in receiver.received}) == 1
        assert warned(harness, job) == ["no_sound"]
        receiver.received.clear()
        return crashed

    with receiving() as receiver:
        every_crash(lambda crash_at: scenario(receiver, crash_at))
