"""Asking for steps: which steps a stage has, and sending each step's message once.

A step's row is written before its message is sent. Whoever dies in between leaves a row that the sweep finds.
"""

from shared.domain.errors import WriteConflict
from shared.domain.job import Job
from shared.domain.message import StageMessage, Step
from shared.domain.part import Part
from shared.domain.stage import Stage
from shared.pipeline.services import Services
from shared.storage.ports import Stored

STEPS: dict[Stage, tuple[Step, ...]] = {
    Stage.DOWNLOAD: (Step.PART,),
    Stage.TRANSCRIPTION: (Step.PART, Step.MERGE),
    Stage.TRACKING: (Step.PREPARE, Step.PART, Step.MERGE),
}


def steps_after(stage: Stage, step: Step | None) -> Step | None:
    """The step that follows `step` (the first for None), or None when the stage is over."""
    steps = STEPS[stage]
    position = 0 if step is None else steps.index(step) + 1
    return steps[position] if position < len(steps) else None


def request_step(services: Services, job: Job, stage: Stage, step: Step) -> None:
    """Sends the messages of all the step's parts, save those that were sent before."""
    for number in range(job.stages[stage].parts if step is Step.PART else 1):
        stored = services.storage.parts.create(Part(job_id=job.job_id, stage=stage, step=step, number=number))
        if stored.value.sends == 0:
            send_step(services, job, stored)


def send_step(services: Services, job: Job, stored: Stored[Part]) -> None:
    """Notes the sending on the part's row, then sends; does nothing when someone else was quicker."""
    part = stored.value
    noted = part.evolve(sends=part.sends + 1, sent_at=services.clock())
    try:
        services.storage.parts.update(stored, noted)
    except WriteConflict:
        return
    services.storage.queues.send(
        StageMessage(
            job_id=job.job_id,
            org_id=job.org_id,
            session_id=job.session_id,
            stage=part.stage,
            step=part.step,
            part=part.number,
            attempt=job.attempt,
            traceparent=job.traceparent,
        )
    )
