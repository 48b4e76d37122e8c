"""Answer with the transcript so far: the parts that are done while a job runs, or the whole.

Apart from the other results, which are stored files.
"""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from shared.api.auth.caller import Caller
from shared.api.dependencies import off_loop
from shared.api.http.conditional import not_modified, weak_tag
from shared.pipeline.context import Services
from shared.pipeline.jobs.partial_transcript import find_text, read_text

CACHING = {"Cache-Control": "private, no-cache"}


async def send_partial(
    request: Request, services: Services, caller: Caller, session_id: str, job_id: str | None
) -> Response:
    """Return the session's text so far as JSON; raise NotFound, ResultNotReady.

    The tag is made from a listing of the parts. A caller that has the present version costs no read of them.
    """
    text = await off_loop(partial(find_text, services, caller.org_id, session_id, job_id))
    tag = weak_tag(text.version)
    if (known := not_modified(request, tag, CACHING)) is not None:
        return known
    body = await off_loop(partial(read_text, services, text))
    return Response(body, media_type="application/json", headers={**CACHING, "ETag": tag})
