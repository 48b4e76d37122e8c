"""Hand a session over to other systems: as an Opencast package, and as a IIIF manifest."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from shared.api.dependencies import LimitsDep, ReaderDep, ServicesDep, SessionId, off_loop
from shared.api.http.held_stream import HeldStream
from shared.api.http.links import Links
from shared.api.openapi.problem_examples import BEING_MADE, NO_SESSION, RELATIVE, new
from shared.api.openapi.route_docs import reading
from shared.api.routes.result_request import OfJob
from shared.domain.errors import Busy, ChecksumMismatch
from shared.pipeline.jobs.handing_over import manifest, package
from shared.standards.iiif import MEDIA_TYPE, to_iiif
from shared.standards.talk import Talk

router = APIRouter(prefix="/sessions/{sessionId}", tags=["results"])

ZIP = "application/zip"
JSON_LD = "application/ld+json"

_EXAMPLE = to_iiif(
    Talk(
        session_id="1f0c5b2a9d3e4c6f8a7b",
        title="How water moves",
        created_at=datetime(2026, 11, 21, 10, 0, tzinfo=UTC),
        duration_sec=61.2,
        media_type="video/mp4",
        has_sound=True,
        width=1920,
        height=1080,
        language="en",
        engine="moonshine",
    ),
    "https://rostrum.example/api",
    playable_type="video/mp4",
)
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The package",
        "content": {ZIP: {"schema": {"type": "string", "format": "binary"}, "example": "PK…"}},
    }
}
_MANIFEST: dict[int | str, dict[str, Any]] = {
    200: {"description": "The manifest", "content": {JSON_LD: {"schema": {"type": "object"}, "example": _EXAMPLE}}}
}


@router.get(
    "/package",
    summary="Get a package for Opencast",
    responses={**_FILE, **reading(NO_SESSION, BEING_MADE, ChecksumMismatch, Busy)},
    operation_id="getPackage",
    response_class=Response,
)
async def get_package(session_id: SessionId, services: ServicesDep, limits: LimitsDep, caller: ReaderDep) -> HeldStream:
    """A ZIP with the recording as it came (`presenter/source`), the captions (`captions/source`, with tags that tell
    the language and that they were made automatically), a preview, and Dublin Core, as Opencast's ingest takes it.

    It is made while it is sent, so that its length is not known before.
    """
    pieces = await off_loop(partial(package, services, caller.org_id, session_id))
    headers = {"Content-Disposition": f'attachment; filename="{session_id}.zip"', "Cache-Control": "private, no-store"}
    return HeldStream(pieces, limits.packages.take(caller.org_id), media_type=ZIP, headers=headers)


@router.get(
    "/manifest",
    summary="Get a IIIF manifest",
    responses={**_MANIFEST, **reading(NO_SESSION, BEING_MADE, RELATIVE)},
    operation_id="getManifest",
    response_class=Response,
)
async def get_manifest(
    session_id: SessionId, request: Request, services: ServicesDep, caller: ReaderDep, job_id: OfJob = None
) -> JSONResponse:
    """The session as IIIF Presentation 3: the recording on a canvas, captions, chapters as ranges, metadata.

    Its ids begin with `ROSTRUM_PUBLIC_URL`; viewers need the rights of a reader to follow them.
    """
    base = Links.of(request, services.settings).base
    if not base.startswith(("http://", "https://")):
        raise new(RELATIVE)
    made = await off_loop(partial(manifest, services, caller.org_id, session_id, job_id, base))
    return JSONResponse(made, media_type=MEDIA_TYPE, headers={"Cache-Control": "private, no-cache"})
