"""A stored file as a response: streamed from Blob storage in bounded memory, with its ETag."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from shared.api.dependencies import off_loop
from shared.api.http.conditional import not_modified
from shared.domain.errors import ResultNotReady
from shared.pipeline.context import Services
from shared.storage.ports import RESULTS


async def result_response(
    request: Request, services: Services, name: str, content_type: str, missing: ResultNotReady
) -> Response:
    """Return the blob of container `results` with this name as the response; raise `missing` when there is none."""
    facts = await off_loop(partial(services.storage.blobs.facts, RESULTS, name))
    if facts is None:
        raise missing
    tag = f'"{facts.etag}"'
    caching = {"Cache-Control": "private, no-cache"}
    return not_modified(request, tag, caching) or StreamingResponse(
        services.storage.blobs.chunks(RESULTS, name),
        media_type=content_type,
        headers={**caching, "ETag": tag, "Content-Length": str(facts.size_bytes)},
    )
