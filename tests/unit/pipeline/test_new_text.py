"""Each part of the transcription tells once that its text can be read, however often its step runs."""

from typing import Any

import pytest

from shared.domain.event import NewText
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import StepContext
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.jobs.submit import retry_job
from shared.pipeline.stages.announce_text import announce_text
from shared.transcription.payload import TranscriptEngine, TranscriptPart


def part_of(context: StepContext) -> TranscriptPart:
    number = context.message.part
    return TranscriptPart(
        part=number,
        start=10.0 * number,
        end=10.0 * number + 10.0,
        language=None,
        engine=TranscriptEngine(name="moonshine", version="0.1.0", model="tiny-en"),
        written=True,
        segments=(),
        speech_sec=0.0,
        warnings=(),
    )


def announced(harness: Any, job: Any) -> list[float]:
    """Return where the announced parts begin, in the order of the log, which must have no gaps."""
    events = harness.storage.jobs.events(job.org_id, job.job_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    return [event.text.start_sec for event in events if event.type == "transcript"]


@pytest.mark.parametrize("deliveries", [1, 2])
def test_each_part_is_announced_once(harness: Any, deliveries: int) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 3, Stage.TRACKING: 1}
    harness.instead[Stage.TRANSCRIPTION, StepKind.PART] = lambda context: announce_text(context, part_of(context))
    job = harness.submit()
    harness.drain(deliveries)
    assert harness.job(job).status is JobStatus.DONE
    assert sorted(announced(harness, job)) == [0.0, 10.0, 20.0]
    assert harness.job(job).latest_text == NewText(start_sec=20.0, end_sec=30.0, words=0)


def test_a_part_that_fails_after_it_was_announced_is_not_announced_again(harness: Any) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1}
    tries: list[int] = []

    def work(context: StepContext) -> None:
        announce_text(context, part_of(context))
        tries.append(context.message.part)
        if context.message.part == 1 and tries.count(1) <= harness.services.settings.max_attempts:
            raise RuntimeError("crashed between the announcement and the row")

    harness.instead[Stage.TRANSCRIPTION, StepKind.PART] = work
    job = harness.submit()
    harness.drain_until_error(job)
    retry_job(harness.services, job.org_id, job.job_id)
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE
    assert tries.count(1) == harness.services.settings.max_attempts + 1
    assert sorted(announced(harness, job)) == [0.0, 10.0]


def test_a_job_that_is_being_canceled_announces_nothing(harness: Any) -> None:
    def work(context: StepContext) -> None:
        cancel_job(context.services, context.job.org_id, context.job.job_id)
        announce_text(context, part_of(context))

    harness.instead[Stage.TRANSCRIPTION, StepKind.PART] = work
    job = harness.submit()
    harness.drain()
    assert harness.job(job).status is JobStatus.CANCELED
    assert announced(harness, job) == []
