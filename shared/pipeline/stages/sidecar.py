"""The sidecar: what is known of a recording and of every file that a job made of it."""

from contextlib import suppress
from typing import TypeVar

from pydantic import BaseModel

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
from shared.pipeline.artefacts import RENDITIONS, SCENES, SIDECAR, Artefact
from shared.pipeline.context import Services, job_blob
from shared.pipeline.stages.job_blobs import read_json, write_json
from shared.pipeline.tasks.job_manager import job_manager
from shared.storage.ports import RESULTS

T = TypeVar("T", bound=BaseModel)


class SceneList(BaseModel):
    """What the tracking stage found of scenes, as it leaves it in container `work` for the sidecar."""

    scenes: list[ScenePayload] = []
    thumbnails: list[ThumbnailPayload] = []


class RenditionList(BaseModel):
    """The videos that the rendition stage made, as it leaves them in container `work` for the sidecar."""

    renditions: list[RenditionPayload] = []


def write_sidecar(services: Services, job: Job) -> None:
    """Writes `sidecar.json`, listing every other file of the job with its hash."""
    session = services.storage.sessions.get(job.org_id, job.session_id).value
    found, made = _noted(services, job, SCENES, SceneList), _noted(services, job, RENDITIONS, RenditionList)
    sidecar = SidecarPayload(
        session_id=job.session_id,
        job_id=job.job_id,
        media=_media(session),
        scenes=found.scenes,
        thumbnails=found.thumbnails,
        renditions=made.renditions,
        artefacts=_artefacts(services, job),
    )
    write_json(services, job, SIDECAR, sidecar)
    try:
        services.storage.sessions.get(job.org_id, job.session_id)
    except NotFound:  # deleted meanwhile: nothing may be left behind
        services.storage.blobs.delete(RESULTS, job_blob(job, SIDECAR.name))
        raise


@job_manager.job
def rebuild_sidecar(services: Services, org_id: str, job_id: str) -> None:
    """Writes the sidecar of a job that is done once more, with the files that are there now."""
    with suppress(NotFound):  # deleted meanwhile
        write_sidecar(services, services.storage.jobs.get(org_id, job_id).value)


def _noted(services: Services, job: Job, artefact: Artefact, kind: type[T]) -> T:
    """What a stage left, from where it left it or, when that was cleaned up, from the present sidecar."""
    for source in (artefact, SIDECAR):
        with suppress(NotFound):
            return read_json(services, job, source, kind)
    return kind()


def _media(session: Session) -> MediaPayload:
    if session.recording is None or session.sha256 is None:
        raise ValueError(f"session {session.session_id} has no recording yet")
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
        if blob.name != prefix + SIDECAR.name
    ]
