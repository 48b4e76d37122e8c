"""Find the producers of missing blobs, and have them run again; a step that misses a blob is blocked meanwhile.

A killed emulator forgets blobs and rows of different moments, and a person may delete a blob. A step that runs again
counts one attempt more, and so does the step that missed its blob: a blob that is lost again and again ends the job.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress

from shared.domain.errors import BlobMissing, NotFound, WriteConflict
from shared.domain.job import Job
from shared.domain.message import StepKind
from shared.domain.next_actions import comes_before
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import StepRun
from shared.pipeline.artefacts import RENDITIONS, SCENES, Artefact, find_artefact
from shared.pipeline.context import Services, job_blob
from shared.pipeline.stages.job_blobs import read_json
from shared.pipeline.stages.sidecar import RenditionList, SceneList
from shared.storage.ports import RESULTS, SOURCES, Stored

log = logging.getLogger(__name__)

LOST = "What it had made was not in storage any more."
"""What is said of a step that runs again for its missing blob."""


def missing_blob(error: BaseException | None) -> BlobMissing | None:
    """Return the missing blob that made a step fail, also when another error was raised from it; else None."""
    while error is not None and not isinstance(error, BlobMissing):
        error = error.__cause__ or error.__context__
    return error


def can_be_fetched_again(services: Services, job: Job) -> bool:
    """Return whether the job's recording came from an address."""
    try:
        return services.storage.sessions.get(job.org_id, job.session_id).value.source_url is not None
    except NotFound:
        return False


def missing_result(services: Services, job: Job) -> BlobMissing | None:
    """Return a missing result of a stage of the job that is done; None when everything is there.

    It costs one listing for a job, as the sidecar does.
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
    """Yield the names of the pictures and videos that the stages say they made."""
    if Stage.TRACKING in services.results and job.stages[Stage.TRACKING].state is StageState.DONE:
        scenes = read_json(services, job, SCENES, SceneList)
        yield from (f"thumbnails/{thumbnail.name}" for thumbnail in scenes.thumbnails)
    if Stage.RENDITION in services.results and job.stages[Stage.RENDITION].state is StageState.DONE:
        made = read_json(services, job, RENDITIONS, RenditionList)
        yield from (rendition.name for rendition in made.renditions)


def reset_producers(
    services: Services, job: Job, reader: StepRun | None, missing: BlobMissing
) -> Sequence[Stored[StepRun]] | None:
    """Set the steps that make the blob back to waiting, and with them the parts of the same step that miss theirs,
    unless they are about to run anyway; `advance` enqueues them.

    Returns the rows that were set back; None for a blob that no step before `reader` makes (None: the end of the job).
    """
    producers = list(_producers_of(services, job, missing))
    if not producers:
        return None
    if reader is not None and not comes_before(job, (producers[0].stage, producers[0].step), reader):
        return None
    reset: list[Stored[StepRun]] = []
    try:
        current = services.storage.jobs.get(job.org_id, job.job_id).value
    except NotFound:  # deleted, and its rows with it
        return reset
    if not current.is_runnable or current.attempt != job.attempt:
        return reset
    for producer in producers:
        row = services.storage.step_runs.create(producer)
        if row.value.state is not StageState.DONE:
            continue
        attempts = row.value.attempts if row.value.job_attempt == job.attempt else 0
        again = producer.evolve(attempts=attempts, last_error=LOST, cost=row.value.cost)
        with suppress(WriteConflict):  # another worker noticed at the same time
            reset.append(services.storage.step_runs.update(row, again))
            facts = {"job_id": job.job_id, "stage": str(producer.stage), "step": str(producer.step)}
            log.warning("step runs again: its blob is missing", extra={"action": "remake", **facts})
    return reset


def _producers_of(services: Services, job: Job, missing: BlobMissing) -> Iterator[StepRun]:
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
    """Yield the numbers of the parts that miss their file of this kind."""
    assert artefact.stage is not None  # a file of a part is made by a stage
    prefix = job_blob(job, f"{artefact.stage}/")
    there = {blob.name for blob in services.storage.blobs.listing(artefact.container, prefix)}
    for number in range(job.stages[artefact.stage].parts):
        if job_blob(job, artefact.name_of(part=number)) not in there:
            yield number
