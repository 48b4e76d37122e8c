"""Blobs that are gone although the step that makes them is done: the step is done again, and whoever missed them waits.

The emulator, killed, forgets blobs and rows of different moments; a person deletes a blob. A step that is done again
counts an attempt more, and so does the one that missed its blob: what is lost again and again ends the job.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress

from shared.domain.errors import BlobMissing, NotFound, WriteConflict
from shared.domain.job import NEEDS, Job
from shared.domain.message import StepKind
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import STEPS, StepRun
from shared.pipeline.artefacts import RENDITIONS, SCENES, Artefact, find_artefact
from shared.pipeline.context import Services, job_blob
from shared.pipeline.execution.dispatch import send_step
from shared.pipeline.stages.job_blobs import read_json
from shared.pipeline.stages.sidecar import RenditionList, SceneList
from shared.storage.ports import RESULTS, SOURCES, Stored

log = logging.getLogger(__name__)

LOST = "What it had made was not in storage any more."


def missing_blob(error: BaseException | None) -> BlobMissing | None:
    """The missing blob that made a step fail, whatever it was turned into on the way."""
    while error is not None and not isinstance(error, BlobMissing):
        error = error.__cause__ or error.__context__
    return error


def can_be_fetched_again(services: Services, job: Job) -> bool:
    """Whether the job's recording came from an address."""
    try:
        return services.storage.sessions.get(job.org_id, job.session_id).value.source_url is not None
    except NotFound:
        return False


def missing_result(services: Services, job: Job) -> BlobMissing | None:
    """A result that a stage of the job has made and that is gone; None when everything is there.

    It costs one listing, as the sidecar does, for a job.
    """
    prefix = job_blob(job, "")
    there = {blob.name.removeprefix(prefix) for blob in services.storage.blobs.listing(RESULTS, prefix)}
    for stage, names in services.results.items():
        if job.stages[stage].state is not StageState.DONE:
            continue
        for name in names:
            if name not in there:
                return BlobMissing.of(RESULTS, prefix + name)
    try:
        listed = list(_listed(services, job))
    except BlobMissing as missing:
        return missing
    return next((BlobMissing.of(RESULTS, prefix + name) for name in listed if name not in there), None)


def _listed(services: Services, job: Job) -> Iterator[str]:
    """The names of the pictures and videos that the stages say they made."""
    if Stage.TRACKING in services.results and job.stages[Stage.TRACKING].state is StageState.DONE:
        scenes = read_json(services, job, SCENES, SceneList)
        yield from (f"thumbnails/{thumbnail.name}" for thumbnail in scenes.thumbnails)
    if Stage.RENDITION in services.results and job.stages[Stage.RENDITION].state is StageState.DONE:
        made = read_json(services, job, RENDITIONS, RenditionList)
        yield from (rendition.name for rendition in made.renditions)


def reset_producers(
    services: Services, job: Job, reader: StepRun | None, missing: BlobMissing
) -> Sequence[Stored[StepRun]] | None:
    """Has the steps that make the blob, and those parts of the same step that are gone too, wait for a message, unless
    they are about to be done already. Returns the rows to be sent; None for a blob that no step before `reader` makes
    (None: the end of the job)."""
    makers = list(_makers_of(services, job, missing))
    if not makers or (reader is not None and not _comes_before((makers[0].stage, makers[0].step), reader)):
        return None
    reset: list[Stored[StepRun]] = []
    try:
        current = services.storage.jobs.get(job.org_id, job.job_id).value
    except NotFound:  # deleted, and its rows with it
        return reset
    if not current.is_runnable or current.attempt != job.attempt:
        return reset
    for maker in makers:
        row = services.storage.step_runs.create(maker)
        if row.value.state is not StageState.DONE:
            continue
        attempts = row.value.attempts if row.value.job_attempt == job.attempt else 0
        again = maker.evolve(attempts=attempts, last_error=LOST)
        with suppress(WriteConflict):  # somebody else noticed at the same time
            reset.append(services.storage.step_runs.update(row, again))
            facts = {"job_id": job.job_id, "stage": str(maker.stage), "step": str(maker.step)}
            log.warning("step done again: its blob is gone", extra={"action": "remake", **facts})
    return reset


def send_all(services: Services, job: Job, rows: Sequence[Stored[StepRun]]) -> None:
    """Asks for the steps that were reset."""
    for row in rows:
        send_step(services, job, row)


def send_unblocked_steps(services: Services, job: Job) -> None:
    """Asks for the steps that waited for what has been made again."""
    rows = services.storage.step_runs.of_job(job.job_id)
    for row in rows:
        if row.value.blocked and has_its_needs(rows, row.value.in_attempt(job.attempt)):
            send_step(services, job, row)


def has_its_needs(rows: Sequence[Stored[StepRun]], part: StepRun) -> bool:
    """Whether all that comes before the part is done, by the rows of its job."""
    return all(
        stored.value.state is StageState.DONE
        for stored in rows
        if _comes_before((stored.value.stage, stored.value.step), part)
    )


def _comes_before(other: tuple[Stage, StepKind], part: StepRun) -> bool:
    stage, step = other
    if stage is part.stage:
        return STEPS[stage].index(step) < STEPS[stage].index(part.step)
    needed = NEEDS.get(part.stage)
    while needed is not None and needed is not stage:
        needed = NEEDS.get(needed)
    return needed is stage


def _makers_of(services: Services, job: Job, missing: BlobMissing) -> Iterator[StepRun]:
    if missing.container == SOURCES:
        if can_be_fetched_again(services, job):
            yield StepRun(
                job_id=job.job_id, stage=Stage.DOWNLOAD, step=StepKind.PART, number=0, job_attempt=job.attempt
            )
        return
    prefix = job_blob(job, "")
    artefact = find_artefact(missing.container, missing.name.removeprefix(prefix))
    if not missing.name.startswith(prefix) or artefact is None or artefact.stage is None or artefact.step is None:
        return
    numbers = _lost_parts(services, job, artefact) if "{part" in artefact.template else (0,)
    for number in numbers:
        yield StepRun(
            job_id=job.job_id, stage=artefact.stage, step=artefact.step, number=number, job_attempt=job.attempt
        )


def _lost_parts(services: Services, job: Job, artefact: Artefact) -> Iterator[int]:
    """Yield the numbers of the parts whose file of this kind is missing."""
    assert artefact.stage is not None  # a file of a part is made by a stage
    prefix = job_blob(job, f"{artefact.stage}/")
    there = {blob.name for blob in services.storage.blobs.listing(artefact.container, prefix)}
    for number in range(job.stages[artefact.stage].parts):
        if job_blob(job, artefact.name_of(part=number)) not in there:
            yield number
