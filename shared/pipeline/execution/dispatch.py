"""Asking for steps: which steps a stage has, and sending each step's message once.

A step's row is written before its message is sent. Whoever dies in between leaves a row that the sweep finds.
"""

from contextlib import suppress
from datetime import timedelta

from shared.domain.errors import WriteConflict
from shared.domain.job import Job
from shared.domain.message import StageMessage, StepKind
from shared.domain.stage import Stage
from shared.domain.step_run import STEPS, StepRun
from shared.pipeline.context import Services
from shared.storage.ports import MAX_DELAY, Stored


def steps_after(stage: Stage, step: StepKind | None) -> StepKind | None:
    """The step that follows `step` (the first for None), or None when the stage is over."""
    steps = STEPS[stage]
    position = 0 if step is None else steps.index(step) + 1
    return steps[position] if position < len(steps) else None


def request_step(services: Services, job: Job, stage: Stage, step: StepKind) -> None:
    """Sends the messages of all the step's parts, save those that were sent in this attempt, are done, or wait for what
    is made again."""
    for number in range(job.stages[stage].parts if step is StepKind.PART else 1):
        asked = StepRun(job_id=job.job_id, stage=stage, step=step, number=number, job_attempt=job.attempt)
        stored = services.storage.step_runs.create(asked)
        part = stored.value.in_attempt(job.attempt)
        if part.sends == 0 and not part.blocked:
            send_step(services, job, stored)


def send_step(services: Services, job: Job, stored: Stored[StepRun], rest: timedelta = timedelta(0)) -> None:
    """Notes the sending on the part's row, then sends; does nothing when someone else was quicker.

    The message for a step that is to rest, or for a job that begins later, is delayed; where a queue cannot delay it so
    far, it is left to the sweep.
    """
    part, now = stored.value.in_attempt(job.attempt), services.clock()
    begins_at = job.start_at if job.start_at and not job.started_at else now
    delay = max(begins_at - now, rest)
    if delay > MAX_DELAY:
        return
    try:
        noted = services.storage.step_runs.update(
            stored, part.evolve(sends=part.sends + 1, sent_at=now + delay, blocked=False)
        )
    except WriteConflict:
        return
    message = StageMessage(
        job_id=job.job_id,
        org_id=job.org_id,
        session_id=job.session_id,
        stage=part.stage,
        step=part.step,
        part=part.number,
        attempt=job.attempt,
        traceparent=job.traceparent,
    )
    receipt = services.storage.queues.send(message, delay)
    with suppress(WriteConflict):  # somebody has received it already
        services.storage.step_runs.update(noted, noted.value.evolve(receipt=receipt))


def withdraw_messages(services: Services, job: Job) -> int:
    """Takes back what was sent for this attempt of the job and nobody has received; returns how many messages."""
    withdrawn = 0
    for stored in services.storage.step_runs.of_job(job.job_id):
        part = stored.value
        if part.receipt is not None and part.job_attempt == job.attempt:
            withdrawn += services.storage.queues.withdraw(part.receipt)
    return withdrawn
