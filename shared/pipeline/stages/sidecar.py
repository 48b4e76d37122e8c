"""Write the sidecar: the facts of a recording and of every file that a job made of it.

Apart from the other derived files because it lists them all, and can be rebuilt at any time.
"""

from contextlib import suppress
from typing import TypeVar

from pydantic import BaseModel

from shared.domain.cost_payload import JobCostPayload
from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.domain.session import Session
from shared.media.payload import (
    ArtefactPayload,
    MediaPayload,
    RenditionPayload,
    ScenePayload,
    SidecarPayload,
    ThumbnailPayload,
)
from shared.pipeline.artefacts import RECORDING, RENDITIONS, SCENES, SIDECAR, TRANSCRIPT_VERSION, Artefact
from shared.pipeline.context import Services, job_blob
from shared.pipeline.stages.job_blobs import RecordingFile, read_json, write_json
from shared.pipeline.tasks.job_manager import job_manager
from shared.storage.ports import RESULTS

T = TypeVar("T", bound=BaseModel)


class SceneList(BaseModel):
    """The scenes that the tracking stage found, as it leaves them in container `work` for the sidecar."""

    scenes: list[ScenePayload] = []
    thumbnails: list[ThumbnailPayload] = []


class RenditionList(BaseModel):
    """The videos that the rendition stage made, as it leaves them in container `work` for the sidecar."""

    renditions: list[RenditionPayload] = []


def write_sidecar(services: Services, job: Job) -> None:
    """Write `sidecar.json`, which lists every other file of the job with its hash."""
    session = _require_results(services, job)
    found, made = read_scenes(services, job), _noted(services, job, RENDITIONS, RenditionList)
    sidecar = SidecarPayload(
        session_id=job.session_id,
        job_id=job.job_id,
        media=_media(services, job, session),
        scenes=found.scenes,
        thumbnails=found.thumbnails,
        renditions=made.renditions,
        artefacts=_artefacts(services, job),
        cost=JobCostPayload.of(job),
    )
    write_json(services, job, SIDECAR, sidecar)
    try:
        _require_results(services, job)
    except NotFound:  # deleted meanwhile: leave nothing behind
        services.storage.blobs.delete(RESULTS, job_blob(job, SIDECAR.name))
        raise


def read_scenes(services: Services, job: Job) -> SceneList:
    """Return the scenes that the tracking stage found; after the clean-up, those in the present sidecar."""
    return _noted(services, job, SCENES, SceneList)


@job_manager.job
def rebuild_sidecar(services: Services, org_id: str, job_id: str) -> None:
    """Write the sidecar of a job that is done again, with the files that are there now."""
    with suppress(NotFound):  # deleted meanwhile
        write_sidecar(services, services.storage.jobs.get(org_id, job_id).value)


def _require_results(services: Services, job: Job) -> Session:
    """Return the job's session; raise NotFound when it, or the results of the job, were deleted."""
    session = services.storage.sessions.get(job.org_id, job.session_id).value
    if session.results_are_deleted(job.finished_at):
        raise NotFound(f"The results of job {job.job_id} were deleted.")
    return session


def _noted(services: Services, job: Job, artefact: Artefact, kind: type[T]) -> T:
    """Return the list that a stage left, or after the clean-up the one in the present sidecar."""
    if artefact.stage is not None and job.skips(artefact.stage):
        return kind()
    for source in (artefact, SIDECAR):
        with suppress(NotFound):
            return read_json(services, job, source, kind)
    return kind()


def _media(services: Services, job: Job, session: Session) -> MediaPayload:
    """Return the facts of the recording, with the tracks that the job used."""
    if session.recording is None or session.sha256 is None:
        raise ValueError(f"session {session.session_id} has no recording yet")
    if job.options.tracks.any:
        with suppress(NotFound):
            return MediaPayload.of(read_json(services, job, RECORDING, RecordingFile).recording, session.sha256)
        with suppress(NotFound):  # after the clean-up
            return read_json(services, job, SIDECAR, SidecarPayload).media
    return MediaPayload.of(session.recording, session.sha256)


def _artefacts(services: Services, job: Job) -> list[ArtefactPayload]:
    prefix = job_blob(job, "")
    return [
        ArtefactPayload(
            name=blob.name.removeprefix(prefix),
            content_type=blob.content_type,
            size_bytes=blob.size_bytes,
            sha256=blob.sha256 or "",
        )
        for blob in services.storage.blobs.listing(RESULTS, prefix)
        if blob.name != prefix + SIDECAR.name and not TRANSCRIPT_VERSION.matches(blob.name.removeprefix(prefix))
    ]
