"""A recording sent with the request: streamed into blocks of the session's blob while it arrives."""

import asyncio
import json
import re
from collections import deque
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from shared.api.dependencies import LimitsDep, ServicesDep, WriterDep, authenticate, limits_of, off_loop, services_of
from shared.api.http.body_pace import import_pace
from shared.api.http.multipart import CUT_SHORT, NO_FORM, PartBegin, PartData, PartEnd, read_parts
from shared.api.http.trace import trace_of
from shared.api.idempotency.fingerprint import FormFingerprint
from shared.api.idempotency.keyed_route import ReservedDep, StreamedRoute, claim_of
from shared.api.models.accepted import HEADER_DOCS, accepted
from shared.api.models.fields import METADATA_SCHEMA, named
from shared.api.models.job_options import read_options
from shared.api.models.job_views import ImportedView
from shared.api.openapi.route_docs import acting
from shared.domain.errors import (
    Busy,
    EmptyRecording,
    EngineUnavailable,
    InvalidRequest,
    RecordingTooLarge,
    RequestTimedOut,
    StorageFull,
    UnknownVocabulary,
)
from shared.domain.idempotency import IdempotencyRecord, Reserved
from shared.domain.job import Job
from shared.domain.options import JobOptions
from shared.domain.recording_name import source_file_name
from shared.pipeline.context import Services
from shared.pipeline.jobs.submit import JobRequest, source_blob_name, submit_stored, validate_request
from shared.pipeline.jobs.vocabularies import terms_for
from shared.storage.ports import SOURCES


class ImportRoute(StreamedRoute):
    """A repeated import takes a place like a first one, because its form is read as well."""

    async def check_repeated(self, request: Request, record: IdempotencyRecord) -> None:
        caller = await authenticate(request, await services_of(request))
        async with (await limits_of(request)).imports.take(caller.org_id):
            await super().check_repeated(request, record)


router = APIRouter(prefix="/sessions", tags=["sessions"], route_class=ImportRoute)

VIDEO, METADATA, OPTIONS = "video", "metadata", "options"
JSON_FIELDS = (METADATA, OPTIONS)
BLOCK_BYTES = 4 * 1024**2
"""How much is held before it goes to storage; a block has a little more, since no chunk is cut."""

SMALL_PIECE_BYTES = 4096
"""Smaller pieces are gathered, since each takes 40 bytes more than it holds: a client decides how small they are."""

STAGED_AT_ONCE = 4
"""How many blocks of an import are on their way to storage while the next one arrives."""

MAX_BLOCKS = 50_000
MAX_JSON_FIELD_BYTES = 64 * 1024
DEFAULT_TYPE = "application/octet-stream"
NO_VIDEO = "The form has no field `video` with a file."
REFUSED = (EmptyRecording, RecordingTooLarge, EngineUnavailable, UnknownVocabulary, StorageFull, RequestTimedOut, Busy)

_CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")

_BODY_DOCS = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [VIDEO],
                    "properties": {
                        VIDEO: {"type": "string", "format": "binary", "description": "The recording, at least a byte."},
                        METADATA: METADATA_SCHEMA,
                        OPTIONS: {"$ref": "#/components/schemas/JobOptions"},
                    },
                    "additionalProperties": False,
                },
                "encoding": {name: {"contentType": "application/json"} for name in JSON_FIELDS},
                "example": {
                    VIDEO: "the file's bytes",
                    METADATA: {"sessionName": "A talk", "course": "Algebra"},
                    OPTIONS: {"language": "en"},
                },
            }
        },
    }
}


@router.post(
    "/import",
    status_code=202,
    summary="Send a recording",
    responses={
        202: {"headers": HEADER_DOCS},
        **acting(HTTPException(400, CUT_SHORT), HTTPException(415, NO_FORM), InvalidRequest(NO_VIDEO), *REFUSED),
    },
    openapi_extra=_BODY_DOCS,
    operation_id="importSession",
)
async def import_session(
    request: Request,
    response: Response,
    services: ServicesDep,
    limits: LimitsDep,
    caller: WriterDep,
    reserved: ReservedDep,
) -> ImportedView:
    """Takes the file `video`, and the JSON fields `metadata` and `options`, in any order, and starts a job.

    Options that cannot be obeyed are refused when they arrive: send them before the file.

    In Azure the host takes bodies of up to 100 MB unless set otherwise: `POST /ingest/init` is for larger files.
    """
    await off_loop(partial(validate_request, services, JobOptions()))
    incoming = Incoming(services, caller.org_id, reserved, limits.staged_blocks)
    async with limits.imports.take(caller.org_id):
        try:
            await incoming.receive(request)
        except Exception:
            await incoming.abandon()
            raise
        if claim := claim_of(request):
            await off_loop(partial(claim.settle, incoming.fingerprint.hexdigest()))
        job = await off_loop(partial(incoming.submit, trace_of(request).traceparent))
    accepted(request, response, services, job)
    return ImportedView(job_id=job.job_id, session_id=job.session_id)


class Incoming:
    """A recording on its way into storage: a few blocks of it are staged while the next one arrives."""

    def __init__(self, services: Services, org_id: str, reserved: Reserved, places: asyncio.Semaphore) -> None:
        """Make an import that stages each block in one of the `places`, which all imports share."""
        self.fingerprint = FormFingerprint()
        self._services = services
        self._places = places
        self._org_id = org_id
        self._reserved = reserved
        self._file_name: str | None = None
        self._content_type = DEFAULT_TYPE
        self._field: str | None = None
        self._block: list[bytes | bytearray] = []
        """The pieces of the block that arrives; small ones are gathered in a bytearray."""
        self._block_bytes = 0
        self._blocks = 0
        self._staging: deque[asyncio.Task[None]] = deque()
        self._whole: bytes | None = None
        """The recording, if it is a single block."""
        self._size_bytes = 0
        self._texts: dict[str, bytearray] = {}
        """The JSON fields that came, as text."""
        self._metadata: dict[str, Any] = {}
        self._session_name: str | None = None
        self._options = JobOptions()

    async def receive(self, request: Request) -> None:
        """Read the body to its end; raise InvalidRequest, RecordingTooLarge, and what `read_parts` raises."""
        async for event in read_parts(request, import_pace(self._services.settings), self.fingerprint.add):
            match event:
                case PartBegin():
                    self._begin(event)
                case PartData() if self._field == VIDEO:
                    await self._take(event.data)
                case PartData():
                    self._take_text(event.data)
                case PartEnd():
                    await self._end()
        if self._file_name is None:
            raise InvalidRequest(NO_VIDEO)
        if self._size_bytes == 0:
            raise EmptyRecording("The file is empty (0 bytes).")

    def submit(self, traceparent: str) -> Job:
        """Make the blob of its blocks, or of the single one, and start the job."""
        assert self._file_name is not None
        if self._whole is None:
            self._services.storage.blobs.commit_blocks(SOURCES, self._blob, self._blocks, self._content_type)
        else:
            self._services.storage.blobs.write(SOURCES, self._blob, self._whole, self._content_type)
        request = JobRequest(
            org_id=self._org_id,
            session_name=self._session_name,
            metadata=self._metadata,
            options=self._options,
            traceparent=traceparent,
            job_id=self._reserved.job_id,
        )
        return submit_stored(self._services, request, self._reserved.session_id, self._file_name)

    async def abandon(self) -> None:
        """Delete the staged blocks of a recording that did not arrive whole, unless an earlier request staged them."""
        await asyncio.gather(*self._staging, return_exceptions=True)  # the request has failed already
        await off_loop(self._forget)

    def _forget(self) -> None:
        blobs = self._services.storage.blobs
        if self._blocks > 0 and blobs.facts(SOURCES, self._blob) is None:
            blobs.discard(SOURCES, self._blob)

    @property
    def _blob(self) -> str:
        return source_blob_name(self._org_id, self._reserved.session_id, source_file_name(self._file_name or ""))

    def _begin(self, part: PartBegin) -> None:
        self._field = part.name
        if part.name == VIDEO and self._file_name is None:
            self._file_name = part.file_name or ""
            if part.content_type and _CONTENT_TYPE.fullmatch(part.content_type):
                self._content_type = part.content_type
        elif part.name in JSON_FIELDS and part.name not in self._texts:
            self._texts[part.name] = bytearray()
        elif part.name in (VIDEO, *JSON_FIELDS):
            raise InvalidRequest(f"The form has the field `{part.name}` twice.")
        else:
            raise InvalidRequest(
                f"The form has an unknown field `{part.name[:64]}`; known are `video`, `metadata` and `options`."
            )

    async def _take(self, data: bytes) -> None:
        self._size_bytes += len(data)
        limit = min(self._services.settings.max_source_bytes, MAX_BLOCKS * BLOCK_BYTES)
        if self._size_bytes > limit:
            raise RecordingTooLarge(f"The recording has more than {limit} bytes, which is the most that is accepted.")
        last = self._block[-1] if self._block else None
        if len(data) >= SMALL_PIECE_BYTES:
            self._block.append(data)
        elif isinstance(last, bytearray):
            last += data
        else:
            self._block.append(bytearray(data))
        self._block_bytes += len(data)
        if self._block_bytes >= BLOCK_BYTES:
            await self._stage()

    def _take_text(self, data: bytes) -> None:
        assert self._field is not None
        text = self._texts[self._field]
        text += data
        if len(text) > MAX_JSON_FIELD_BYTES:
            raise HTTPException(413, f"The field `{self._field}` may have at most {MAX_JSON_FIELD_BYTES} bytes.")

    async def _end(self) -> None:
        if self._field == VIDEO:
            if self._blocks == 0:
                self._whole = b"".join(self._block)
            elif self._block:
                await self._stage()
            await self._staged()
            return
        assert self._field is not None
        given = _json_object(self._field, self._texts[self._field])
        if self._field == OPTIONS:
            self._options = read_options(given, "body", OPTIONS)
            await off_loop(partial(validate_request, self._services, self._options))
            await off_loop(partial(terms_for, self._services, self._org_id, self._options))
            return
        try:
            self._session_name, self._metadata = named(given)
        except ValueError as err:
            raise InvalidRequest(f"{err}.") from err

    async def _stage(self) -> None:
        await self._staged(STAGED_AT_ONCE - 1)
        block = b"".join(self._block)  # before a place is taken, which would be lost if memory runs out here
        self._block, self._block_bytes = [], 0  # so that no block is held twice while it is staged
        await self._places.acquire()
        staging = asyncio.create_task(off_loop(partial(self._stage_block, self._blocks, block)))
        staging.add_done_callback(lambda _: self._places.release())
        self._staging.append(staging)
        self._blocks += 1

    def _stage_block(self, index: int, block: bytes) -> None:
        self._services.storage.blobs.stage_block(SOURCES, self._blob, index, block)

    async def _staged(self, at_most: int = 0) -> None:
        """Wait until at most so many blocks are being staged; raise what went wrong with one of them."""
        while len(self._staging) > at_most:
            await self._staging.popleft()


def _json_object(name: str, text: bytes | bytearray) -> dict[str, Any]:
    """Return the JSON object in a field of the form; an empty field is an empty object. Raises InvalidRequest."""
    try:
        read = json.loads(text or b"{}")
    except ValueError as err:
        raise InvalidRequest(f"The field `{name}` is not JSON.") from err
    except RecursionError as err:
        raise InvalidRequest(f"The field `{name}` is nested too deeply.") from err
    if not isinstance(read, dict):
        raise InvalidRequest(f"The field `{name}` must be a JSON object.")
    return read
