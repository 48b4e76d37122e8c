"""A message for a step that the job's plan does not have is ignored: the job goes on as if it had not come."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.message import StageMessage, StepKind
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import Delivery
from shared.pipeline.execution.failure import handle_poison_message
from shared.pipeline.execution.run_step import run_step

UNPLANNED = [
    pytest.param(Stage.TRANSCRIPTION, StepKind.PART, 7, id="unknown number"),
    pytest.param(Stage.TRANSCRIPTION, StepKind.MERGE, 1, id="a second merge"),
    pytest.param(Stage.TRANSCRIPTION, StepKind.PREPARE, 0, id="unknown step"),
    pytest.param(Stage.TRACKING, StepKind.PART, 0, id="skipped stage"),
    pytest.param(Stage.RENDITION, StepKind.MERGE, 0, id="stage that may not begin"),
]


def by_the_queue(harness: Any, message: StageMessage) -> None:
    run_step(harness.services, message, Delivery("message", 1))


def by_the_poison_queue(harness: Any, message: StageMessage) -> None:
    handle_poison_message(harness.services, message)


@pytest.mark.parametrize(("stage", "step", "number"), UNPLANNED)
@pytest.mark.parametrize("deliver", [by_the_queue, by_the_poison_queue])
def test_a_message_for_an_unplanned_step_is_ignored(
    harness: Any,
    caplog: pytest.LogCaptureFixture,
    deliver: Callable[[Any, StageMessage], None],
    stage: Stage,
    step: StepKind,
    number: int,
) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 2}
    harness.skipped = {Stage.TRACKING: "The recording has no picture."}
    if stage is Stage.RENDITION:
        harness.parts, harness.skipped = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1}, {}
    job = harness.submit()
    (download,) = harness.take()
    run_step(harness.services, download, Delivery("download", 1))
    planned = harness.take()
    rows = harness.storage.step_runs.of_job(job.job_id)

    message = download.model_copy(update={"stage": stage, "step": step, "part": number})
    with caplog.at_level(logging.WARNING):
        deliver(harness, message)

    assert "the job's plan has no such step" in caplog.text
    assert harness.storage.step_runs.of_job(job.job_id) == rows
    assert harness.job(job).status is JobStatus.DOWNLOADED
    for number_of_message, each in enumerate(planned):
        run_step(harness.services, each, Delivery(f"planned-{number_of_message}", 1))
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE
