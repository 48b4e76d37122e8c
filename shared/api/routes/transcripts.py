"""Edit the transcript of a session: versions, corrections, imports of corrected files, and the state of review."""

import re
from dataclasses import asdict
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from shared.api.auth.caller import Caller
from shared.api.dependencies import ReaderDep, ServicesDep, SessionId, WriterDep, off_loop
from shared.api.http.conditional import held_tags
from shared.api.http.outer_middleware import TEXT_TYPES
from shared.api.idempotency.keyed_route import IdempotentRoute
from shared.api.models.session_views import ReviewView, review_of
from shared.api.models.transcripts import (
    EditedView,
    RestoreRequest,
    ReviewRequest,
    TranscriptPatch,
    TranscriptVersionView,
)
from shared.api.openapi.problem_examples import BEING_MADE, EMPTY_TEXT, NO_SESSION, NO_VERSION, NOT_UTF8, new
from shared.api.openapi.route_docs import acting, reading, saving, writing
from shared.domain.errors import (
    InvalidOperation,
    PreconditionFailed,
    PreconditionRequired,
    TextDoesNotFit,
)
from shared.pipeline.jobs.edit_transcript import (
    Editor,
    edit_transcript,
    import_transcript,
    restore_transcript,
    set_review_state,
)
from shared.pipeline.jobs.transcripts import list_versions
from shared.transcription.editing.subtitles import TextFormat, recognised

router = APIRouter(prefix="/sessions/{sessionId}/results/transcript", tags=["results"], route_class=IdempotentRoute)

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The `ETag` of the transcript that the caller has read.", max_length=1000),
]
TAG_DOCS = {"ETag": {"description": "Of the new version, for the next `If-Match`.", "schema": {"type": "string"}}}
_BY_TYPE = {"text/vtt": TextFormat.VTT, "application/x-subrip": TextFormat.SRT, "text/srt": TextFormat.SRT}
_VTT = "WEBVTT\n\n00:00:00.400 --> 00:00:01.600\nGood morning, everyone.\n"
_SRT = "1\n00:00:00,400 --> 00:00:01,600\nGood morning, everyone.\n"
_EXAMPLES = {"text/vtt": _VTT, "application/octet-stream": _VTT, "application/x-subrip": _SRT, "text/srt": _SRT}
_EXAMPLES["text/plain"] = "Good morning, everyone.\n"
_TEXT_BODY = {
    "requestBody": {
        "required": True,
        "description": "The corrected file in UTF-8.",
        "content": {
            kind: {"schema": {"type": "string", "minLength": 1}, "example": _EXAMPLES[kind]} for kind in TEXT_TYPES
        },
    }
}


@router.get(
    "/versions", summary="List the versions", responses=reading(NO_SESSION, BEING_MADE), operation_id="listVersions"
)
async def get_versions(session_id: SessionId, services: ServicesDep, caller: ReaderDep) -> list[TranscriptVersionView]:
    """The versions of the transcript that are kept, newest first. Version 0 is the machine's."""
    found = await off_loop(lambda: list(list_versions(services, caller.org_id, session_id)))
    return [TranscriptVersionView(**asdict(each)) for each in found]


@router.patch(
    "",
    summary="Edit the transcript",
    responses={
        200: {"headers": TAG_DOCS},
        **saving(NO_SESSION, BEING_MADE, InvalidOperation, PreconditionFailed, PreconditionRequired),
    },
    operation_id="editTranscript",
)
async def patch_transcript(
    session_id: SessionId,
    body: TranscriptPatch,
    response: Response,
    services: ServicesDep,
    caller: WriterDep,
    if_match: IfMatch = None,
) -> EditedView:
    """Makes a new version of the transcript. Words keep their ids and times; inserted ones get times between their
    neighbours. Captions, chapters, the search index and the sidecar follow a few seconds later.

    Needs `If-Match` with the `ETag` of `GET …/results/transcript`: 412 means that another editor was faster.
    """
    call = partial(edit_transcript, services, _editor(caller, if_match), session_id, body.operations)
    saved = await off_loop(call)
    response.headers["ETag"] = saved.tag
    return EditedView(
        **TranscriptVersionView.of(saved).model_dump(),
        segments=list(saved.changes.segments),
        removed_segment_ids=list(saved.changes.removed_segment_ids),
    )


@router.post(
    "/import",
    summary="Import a corrected transcript",
    responses={
        200: {"headers": TAG_DOCS},
        **acting(NO_SESSION, BEING_MADE, PreconditionFailed, TextDoesNotFit, EMPTY_TEXT, NOT_UTF8),
    },
    operation_id="importTranscript",
    openapi_extra=_TEXT_BODY,
)
async def post_import(
    session_id: SessionId,
    request: Request,
    response: Response,
    services: ServicesDep,
    caller: WriterDep,
    form: Annotated[
        TextFormat | None,
        Query(alias="format", description="Goes before `Content-Type`; without either the content tells."),
    ] = None,
    if_match: IfMatch = None,
) -> TranscriptVersionView:
    """Takes a corrected WebVTT, SubRip or plain text file as the new version. Its words are aligned with the known
    ones, which keep their ids and times; times in the file are not read.
    """
    content = _decoded(await request.body())
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    chosen = form or _BY_TYPE.get(kind) or recognised(content)
    call = partial(import_transcript, services, _editor(caller, if_match), session_id, content, chosen)
    saved = await off_loop(call)
    response.headers["ETag"] = saved.tag
    return TranscriptVersionView.of(saved)


@router.post(
    "/restore",
    summary="Restore an earlier version",
    responses={200: {"headers": TAG_DOCS}, **writing(NO_SESSION, NO_VERSION, BEING_MADE, PreconditionFailed)},
    operation_id="restoreTranscript",
)
async def post_restore(
    session_id: SessionId,
    body: RestoreRequest,
    response: Response,
    services: ServicesDep,
    caller: WriterDep,
    if_match: IfMatch = None,
) -> TranscriptVersionView:
    """Makes a new version with the text of an earlier one; 0 is the machine's."""
    call = partial(restore_transcript, services, _editor(caller, if_match), session_id, body.version)
    saved = await off_loop(call)
    response.headers["ETag"] = saved.tag
    return TranscriptVersionView.of(saved)


@router.put(
    "/review",
    summary="Say how far the transcript is corrected",
    responses=saving(NO_SESSION, BEING_MADE, PreconditionFailed),
    operation_id="reviewTranscript",
)
async def put_review(
    session_id: SessionId,
    body: ReviewRequest,
    services: ServicesDep,
    caller: WriterDep,
    if_match: IfMatch = None,
) -> ReviewView:
    """Keeps the state with who and when. Captions of `auto` are labelled as auto-generated. Any edit makes the state
    `inCorrection`. A new run of a job replaces the transcript in state `auto` only.
    """
    call = partial(set_review_state, services, _editor(caller, if_match), session_id, body.state)
    session = await off_loop(call)
    return review_of(session)


def _editor(caller: Caller, if_match: str | None) -> Editor:
    return Editor(caller.org_id, caller.name, held_tags(if_match))


def _decoded(body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise new(NOT_UTF8) from err
    if not re.search(r"\S", text):
        raise new(EMPTY_TEXT)
    return text
