"""Search over what was said and shown in the organisation's recordings."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.api.dependencies import ID_PATTERN, ReaderDep, ServicesDep, off_loop
from shared.api.http.links import Links
from shared.api.http.paging import DEFAULT_PAGE, Cursor, Limit
from shared.api.openapi.route_docs import reading
from shared.domain.search.transcript import Source
from shared.pipeline.jobs.search import search

router = APIRouter(tags=["search"])

MAX_QUERY_CHARS = 200

EXAMPLE: dict[str, Any] = {
    "items": [
        {
            "sessionId": "7w1x3e5j8k2m9n4p6q0",
            "sessionName": "Machine learning, lecture 4",
            "jobId": "7w1x3e5j8k2m9n4p6q1",
            "source": "speech",
            "start": 1284.52,
            "end": 1285.31,
            "snippet": "… and that is all there is to gradient descent, as long as the steps are small …",
            "highlights": [[30, 46]],
            "score": 2.4,
        }
    ],
    "complete": True,
}


class FoundView(BaseModel):
    """A place in a transcript, or on a slide, that answers the query."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)

    session_id: str
    session_name: str
    job_id: str = Field(description="The job that made the transcript, or the slides.")
    source: Source = Field(description="Whether it was said, or stood on a slide.")
    start: float = Field(description="When the first word found begins, or the slide is shown, in seconds.")
    end: float = Field(description="When the last word found ends, or the slide goes, in seconds.")
    snippet: str = Field(description="The words around it.")
    highlights: list[tuple[int, int]] = Field(
        description="Which characters of the snippet answer the query, counted in Unicode code points from 0: from the "
        "first up to but without the second."
    )
    score: float = Field(description="2 and more: the words as they were typed; less: all of them close together.")


class FoundPageView(BaseModel):
    """Some places, best first; `nextLink` leads to the next page and is missing on the last."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, json_schema_extra={"examples": [EXAMPLE]}
    )

    items: list[FoundView]
    complete: bool = Field(
        description="False when so many recordings have these words that the oldest of them were not looked at."
    )
    next_link: str | None = Field(default=None, exclude_if=lambda link: link is None)


@router.get("/search", summary="Search what was said and shown", responses=reading(), operation_id="search")
async def search_transcripts(
    request: Request,
    services: ServicesDep,
    caller: ReaderDep,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=MAX_QUERY_CHARS,
            description="Words, all of which have to be said within some 30 words, or stand on one slide; between "
            "quotation marks, words that have to follow each other.",
            examples=["gradient descent", '"gradient descent" "step size"'],
        ),
    ],
    session_id: Annotated[str | None, Query(alias="sessionId", pattern=ID_PATTERN)] = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> FoundPageView:
    """Places in the transcripts and on the slides, best first: where the words stand as they were typed before where
    they stand close together; then talks that say them often or have them in their name; then the newest. Capitals,
    apostrophes and hyphens do not matter. Of each recording the best 20 places of each source are given; with
    `sessionId`, all of that one.
    """
    found = await off_loop(
        partial(search, services, caller.org_id, q, limit=limit, cursor=cursor, session_id=session_id)
    )
    query = {"q": q, "sessionId": session_id, "limit": str(limit), "cursor": found.cursor}
    return FoundPageView(
        items=[FoundView.model_validate(item) for item in found.items],
        complete=found.is_complete,
        next_link=Links.of(request, services.settings).page("/search", query) if found.cursor else None,
    )
