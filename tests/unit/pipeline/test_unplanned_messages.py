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


def by_the_queue(house: Any, message: StageMessage) -> None:
    run_step(house.services, message, Delivery("stranger", 1))


def by_the_poison_queue(house: Any, message: StageMessage) -> None:
    handle_poison_message(house.services, message)


@pytest.mark.parametrize(("stage", "step", "number"), UNPLANNED)
@pytest.mark.parametrize("deliver", [by_the_queue, by_the_poison_queue])
def test_a_message_for_an_unplanned_step_is_ignored(
    house: Any,
    caplog: pytest.LogCaptureFixture,
    deliver: Callable[[Any, StageMessage], None],
    stage: Stage,
    step: StepKind,
    number: int,
) -> None:
    house.parts = {Stage.TRANSCRIPTION: 2}
    house.skipped = {Stage.TRACKING: "The recording has no picture."}
    if stage is Stage.RENDITION:
        house.parts, house.skipped = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1}, {}
    job = house.submit()
    (download,) = house.take()
    run_step(house.services, download, Delivery("download", 1))
    planned = house.take()
    rows = house.storage.step_runs.of_job(job.job_id)

    message = download.model_copy(update={"stage": stage, "step": step, "part": number})
    with caplog.at_level(logging.WARNING):
        deliver(house, message)

    assert "the job's plan has no such step" in caplog.text
    assert house.storage.step_runs.of_job(job.job_id) == rows
    assert house.job(job).status is JobStatus.DOWNLOADED
    for number_of_message, each in enumerate(planned):
        run_step(house.services, each, Delivery(f"planned-{number_of_message}", 1))
    house.drain()
    assert house.job(job).status is JobStatus.DONE
