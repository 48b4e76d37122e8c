"""Send what jobs made of a session to the caller that asks for it.

Apart from the routes, which differ in the artefact alone.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from shared.api.dependencies import ID_PATTERN, ReaderDep, ServicesDep, SessionId, off_loop
from shared.api.http.blob_response import result_response
from shared.api.http.conditional import NOT_MODIFIED
from shared.api.openapi.problem_examples import BEING_MADE, NO_SESSION
from shared.api.openapi.route_docs import ResponseDocs, reading
from shared.domain.stage import Stage
from shared.pipeline.artefacts import Artefact
from shared.pipeline.context import Services
from shared.pipeline.jobs.results import Result, find_result, result_with_text

OfJob = Annotated[
    str | None,
    Query(alias="jobId", pattern=ID_PATTERN, description="What this job made, rather than the latest that made one."),
]


@dataclass(frozen=True, slots=True)
class ResultRequest:
    """A request for a result of a session, as FastAPI reads it."""

    session_id: SessionId
    request: Request
    services: ServicesDep
    caller: ReaderDep
    job_id: OfJob = None

    async def send(self, artefact: Artefact, name: str | None = None) -> Response:
        """Return the artefact as a response, or the file of this name in its series; raise NotFound, ResultNotReady."""
        result = await off_loop(partial(find_result, *self._wanted(artefact.stage)))
        return await self._send(result, artefact, name)

    async def send_derived(self, artefact: Artefact, stage: Stage) -> Response:
        """Return an artefact that is made with the sidecar, and never without `stage`; raise NotFound, ResultNotReady.

        `result_with_text` tells whose it is.
        """
        return await self._send(await off_loop(partial(self._derived, stage)), artefact)

    async def _send(self, result: Result, artefact: Artefact, name: str | None = None) -> Response:
        blob = result.blob(name or artefact.name)
        return await result_response(self.request, self.services, blob, artefact.media_type, result.missing)

    def _derived(self, stage: Stage) -> Result:
        made = result_with_text(find_result(*self._wanted(None)), self.job_id)
        return replace(made, missing=find_result(*self._wanted(stage)).missing)

    def _wanted(self, stage: Stage | None) -> tuple[Services, str, str, Stage | None, str | None]:
        return self.services, self.caller.org_id, self.session_id, stage, self.job_id


Asked = Annotated[ResultRequest, Depends()]


def result_docs(file: dict[str, Any]) -> ResponseDocs:
    """Return the responses of a route that sends a result: this file, or why there is none."""
    return {200: file, **NOT_MODIFIED, **reading(NO_SESSION, BEING_MADE)}
