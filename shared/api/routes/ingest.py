"""Uploads that go straight to storage: announce, PUT the blocks there, commit."""

from functools import partial

from fastapi import APIRouter, Request, Response

from shared.api.dependencies import LimitsDep, ServicesDep, WriterDep, off_loop
from shared.api.http.trace import trace_of
from shared.api.idempotency.keyed_route import IdempotentRoute, ReservedDep
from shared.api.models.accepted import HEADER_DOCS, accepted
from shared.api.models.job_views import JobView
from shared.api.models.probe import ProbeView, probe_off_loop
from shared.api.models.requests import AnnounceUpload, CommitUpload, ProbeSource
from shared.api.models.session_views import UploadView
from shared.api.openapi.problem_examples import (
    JOB_REFUSED,
    NO_SESSION,
    NO_UPLOAD,
    UNREACHABLE,
    UNREADABLE,
    UPLOAD_EXPIRED,
)
from shared.api.openapi.route_docs import writing
from shared.domain.errors import (
    Busy,
    CannotProbe,
    EngineUnavailable,
    StorageFull,
    UnknownVocabulary,
    UploadIncomplete,
)
from shared.pipeline.context import Services
from shared.pipeline.jobs.probe import Probed, address_to_probe, probe_session, probe_upload, probe_url
from shared.pipeline.jobs.uploads import UPLOAD_BLOCK_BYTES, announce_upload, commit_upload

router = APIRouter(prefix="/ingest", tags=["ingest"], route_class=IdempotentRoute)


@router.post(
    "/init",
    status_code=201,
    summary="Announce an upload",
    responses=writing(EngineUnavailable, UnknownVocabulary, StorageFull),
    operation_id="announceUpload",
)
async def init(body: AnnounceUpload, services: ServicesDep, caller: WriterDep, reserved: ReservedDep) -> UploadView:
    """Gives an address in storage that accepts this one file for a while.

    PUT the blocks there (Put Block, up to `blockSizeBytes` each), then the block list, then commit here.
    """
    announced = await off_loop(
        partial(
            announce_upload,
            services,
            caller.org_id,
            body.source_name,
            body.content_length,
            body.content_type,
            body.options.to_domain(),
            reserved,
        )
    )
    return UploadView(
        upload_id=announced.upload.upload_id,
        upload_url=announced.url,
        block_size_bytes=UPLOAD_BLOCK_BYTES,
        expires_at=announced.upload.expires_at,
    )


@router.post(
    "/commit",
    status_code=202,
    summary="Commit an upload",
    responses={
        202: {"headers": HEADER_DOCS},
        **writing(NO_UPLOAD, UPLOAD_EXPIRED, UploadIncomplete, *JOB_REFUSED),
    },
    operation_id="commitUpload",
)
async def commit(
    body: CommitUpload,
    request: Request,
    response: Response,
    services: ServicesDep,
    caller: WriterDep,
    reserved: ReservedDep,
) -> JobView:
    """Starts the job over an upload that is complete; committing again answers the same job."""
    job_request = body.job_request(caller.org_id, trace_of(request).traceparent, reserved)
    sha256 = body.sha256.lower() if body.sha256 else None
    job = await off_loop(partial(commit_upload, services, job_request, body.upload_id, sha256))
    return accepted(request, response, services, job)


@router.post(
    "/probe",
    summary="Look at a recording",
    responses=writing(NO_SESSION, UPLOAD_EXPIRED, UploadIncomplete, *UNREADABLE, *UNREACHABLE, CannotProbe, Busy),
    operation_id="probeRecording",
)
async def probe(body: ProbeSource, services: ServicesDep, limits: LimitsDep, caller: WriterDep) -> ProbeView:
    """Tells what a recording is and what a job would do with it: now, from a few megabytes of it, keeping nothing.

    What is no recording, or could not be fetched by a job either, is the problem that the job would end with. A server
    that answers too slowly is `source_too_slow`; a recording that only shows when all of it is read, `cannot_probe`.
    """
    url = body.source_url
    if body.session_id is not None:
        url = await off_loop(partial(address_to_probe, services, caller.org_id, body.session_id))
    if url is not None:
        look = partial(probe_url, services, url, body.options.to_domain())
        return ProbeView.of(await probe_off_loop(limits.remote_probes, caller.org_id, look))
    look = partial(_probe_stored, services, caller.org_id, body)
    return ProbeView.of(await probe_off_loop(limits.stored_probes, caller.org_id, look))


def _probe_stored(services: Services, org_id: str, body: ProbeSource) -> Probed:
    options = body.options.to_domain()
    if body.upload_id is not None:
        return probe_upload(services, org_id, body.upload_id, options)
    assert body.session_id is not None
    return probe_session(services, org_id, body.session_id, options)
