"""Serve the results of a session: transcript, track, slides, sidecar and pictures, as files from storage."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException

from shared.api.dependencies import ServicesDep, SessionId, WriterDep, off_loop
from shared.api.http.conditional import NOT_MODIFIED
from shared.api.http.links import Links
from shared.api.idempotency.keyed_route import IdempotentRoute
from shared.api.models.job_views import ImportedView
from shared.api.openapi.problem_examples import (
    BEING_MADE,
    NO_OLD_PAGE,
    NO_SESSION,
    NO_VERSION,
    NOT_ACCEPTABLE,
    ONLY_JSON,
    new,
)
from shared.api.openapi.route_docs import acting, file_docs, json_file, reading
from shared.api.routes.partial_transcript import send_partial
from shared.api.routes.result_request import Asked, OfJob, result_docs
from shared.api.routes.transcript_file import send_version
from shared.domain.errors import NotFound
from shared.domain.quality.payload import Quality
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.media.payload import SidecarPayload
from shared.pipeline import artefacts
from shared.pipeline.artefacts import Artefact
from shared.pipeline.context import Services
from shared.pipeline.jobs.results import find_result
from shared.pipeline.stages.sidecar import rebuild_sidecar
from shared.slides.payload import Slides
from shared.tracking.payload import InstructorTracking
from shared.transcription.page import POLICY
from shared.transcription.partial import PartialTranscript
from shared.transcription.payload import Chapters, InstructorBySegment, Transcript

router = APIRouter(prefix="/sessions/{sessionId}", tags=["results"], route_class=IdempotentRoute)

LOCATION_DOCS = {"Location": {"description": "The sidecar.", "schema": {"type": "string"}}}

PARTIAL = (
    "Give the text of the parts that are done while the job runs: `complete` is false then, and `missing` lists the "
    "spans without text. Sentences that go over a part's border are joined only in the whole transcript. JSON only."
)

VERSION = (
    "A version of the text, rather than the newest: 0 is the machine's. An earlier version is not offered as a page."
)

_PICTURE = re.compile(r"([A-Za-z0-9_-]{1,100})(\.jpg)?")
_JPEG = result_docs(file_docs("The picture", "image/jpeg"))


class TranscriptFormat(StrEnum):
    """In which form a transcript is wanted."""

    JSON = "json"
    VTT = "vtt"
    SRT = "srt"
    TXT = "txt"
    HTML = "html"
    WORDS = "words"


class ChaptersFormat(StrEnum):
    """In which form chapters are wanted."""

    JSON = "json"
    VTT = "vtt"
    PODCAST = "podcast"


TRANSCRIPTS = {
    TranscriptFormat.JSON: artefacts.TRANSCRIPT,
    TranscriptFormat.VTT: artefacts.TRANSCRIPT_VTT,
    TranscriptFormat.SRT: artefacts.TRANSCRIPT_SRT,
    TranscriptFormat.TXT: artefacts.TRANSCRIPT_TEXT,
    TranscriptFormat.HTML: artefacts.TRANSCRIPT_HTML,
    TranscriptFormat.WORDS: artefacts.TRANSCRIPT_WORDS,
}
CONTENT_TYPES: Mapping[TranscriptFormat, str] = {
    form: each.media_type for form, each in TRANSCRIPTS.items() if form is not TranscriptFormat.WORDS
}
"""The forms that `Accept` chooses from; words have the type of captions, and are asked for by `format`."""
CHAPTER_FILES = {
    ChaptersFormat.JSON: artefacts.CHAPTERS,
    ChaptersFormat.VTT: artefacts.CHAPTERS_VTT,
    ChaptersFormat.PODCAST: artefacts.PODCAST_CHAPTERS,
}
TRANSCRIPT_TYPES = sorted({each.media_type for each in TRANSCRIPTS.values()} - {artefacts.TRANSCRIPT.media_type})


@router.get(
    "/results/transcript",
    summary="Get the transcript",
    responses={
        200: json_file("The transcript", Transcript | PartialTranscript, *TRANSCRIPT_TYPES),
        **NOT_MODIFIED,
        **reading(NO_SESSION, NO_VERSION, BEING_MADE, NOT_ACCEPTABLE, ONLY_JSON, NO_OLD_PAGE),
    },
    operation_id="getTranscript",
    response_class=Response,
)
async def get_transcript(
    asked: Asked,
    form: Annotated[TranscriptFormat | None, Query(alias="format", description="Goes before `Accept`.")] = None,
    so_far: Annotated[bool, Query(alias="partial", description=PARTIAL)] = False,
    version: Annotated[int | None, Query(ge=0, lt=10**9, description=VERSION)] = None,
) -> Response:
    """What was said, as JSON with times and confidences, or as WebVTT, SubRip or plain text.

    `html` is a page to read and to print, with chapters, which is there when the job is done; `Accept: text/html` asks
    for it, too. `words` is a WebVTT track of kind `metadata` whose cues are JSON: each word with its times and
    confidence.

    With `partial=true`, the answer is JSON with `complete` and `missing`, and there is one as soon as a job is at work.
    """
    if so_far:
        if form not in (None, TranscriptFormat.JSON):
            raise new(ONLY_JSON)
        return await send_partial(asked.request, asked.services, asked.caller, asked.session_id, asked.job_id)
    chosen = form or preferred_form(asked.request.headers.get("accept", "*/*"), has_page=version is None)
    artefact = TRANSCRIPTS[chosen]
    if chosen is TranscriptFormat.JSON or version is not None:
        wanted = (asked.session_id, asked.job_id, version)
        response = await send_version(asked.request, asked.services, asked.caller.org_id, wanted, artefact)
    elif artefact.stage is None:
        response = await asked.send_derived(artefact, Stage.TRANSCRIPTION)
        response.headers["Content-Security-Policy"] = POLICY
    else:
        response = await asked.send(artefact)
    response.headers["Vary"] = "Accept"
    return response


@router.get(
    "/results/instructor-tracking",
    summary="Get the instructor's track",
    responses=result_docs(json_file("The tracking payload", InstructorTracking)),
    operation_id="getInstructorTracking",
    response_class=Response,
)
async def get_tracking(asked: Asked) -> Response:
    """Where the instructor was, with detections and metrics."""
    return await asked.send(artefacts.INSTRUCTOR_TRACKING)


@router.get(
    "/results/chapters",
    summary="Get the chapters",
    responses=result_docs(
        json_file(
            "The proposed chapters", Chapters, artefacts.CHAPTERS_VTT.media_type, artefacts.PODCAST_CHAPTERS.media_type
        )
    ),
    operation_id="getChapters",
    response_class=Response,
)
async def get_chapters(
    asked: Asked,
    form: Annotated[
        ChaptersFormat, Query(alias="format", description="WebVTT is for a track of chapters, podcast for players.")
    ] = ChaptersFormat.JSON,
) -> Response:
    """Where chapters may begin, proposed from pauses, pictures and words when all results were in."""
    return await asked.send_derived(CHAPTER_FILES[form], Stage.TRANSCRIPTION)


@router.get(
    "/results/slides",
    summary="Get the slides",
    responses=result_docs(json_file("The slides", Slides)),
    operation_id="getSlides",
    response_class=Response,
)
async def get_slides(asked: Asked) -> Response:
    """What stood on the screen and when, with its text and a picture of each slide."""
    return await asked.send_derived(artefacts.SLIDES, Stage.TRACKING)


@router.get(
    "/results/quality",
    summary="Get the verdict on the recording",
    responses=result_docs(json_file("The verdict", Quality)),
    operation_id="getQuality",
    response_class=Response,
)
async def get_quality(asked: Asked) -> Response:
    """Whether the recording can be published: `ok`, `check` or `unusable`, with reasons and their times.

    `silences` lists where there is no speech for 2 s or more; `suggestedIn` and `suggestedOut` say where a cut may
    begin and end.
    """
    return await asked.send(artefacts.QUALITY)


@router.get(
    "/results/instructor-by-segment",
    summary="Get where the instructor was while each segment was said",
    responses=result_docs(json_file("The transcript's segments joined with the track", InstructorBySegment)),
    operation_id="getInstructorBySegment",
    response_class=Response,
)
async def get_instructor_by_segment(asked: Asked) -> Response:
    """For every segment of the transcript, whether the instructor was in the picture, and where."""
    return await asked.send_derived(artefacts.INSTRUCTOR_BY_SEGMENT, Stage.TRACKING)


@router.get(
    "/sidecar",
    summary="Get the sidecar",
    responses=result_docs(json_file("The sidecar", SidecarPayload)),
    operation_id="getSidecar",
    response_class=Response,
)
async def get_sidecar(asked: Asked) -> Response:
    """What is known of the recording, its scenes, and every file that the job made."""
    return await asked.send(artefacts.SIDECAR)


@router.post(
    "/sidecar",
    status_code=202,
    summary="Build the sidecar again",
    responses={202: {"headers": LOCATION_DOCS}, **acting(NO_SESSION, BEING_MADE)},
    operation_id="rebuildSidecar",
)
async def post_sidecar(
    session_id: SessionId,
    request: Request,
    response: Response,
    services: ServicesDep,
    caller: WriterDep,
    job_id: OfJob = None,
) -> ImportedView:
    """Has the sidecar written once more, with the files that are there now. The one that is there stays until then."""
    made_by = await off_loop(partial(_rebuild_sidecar, services, caller.org_id, session_id, job_id))
    response.headers["Location"] = Links.of(request, services.settings).session(session_id) + "/sidecar"
    return ImportedView(job_id=made_by, session_id=session_id)


@router.get(
    "/thumbnails/{name}",
    summary="Get a thumbnail",
    responses=_JPEG,
    operation_id="getThumbnail",
    response_class=Response,
)
async def get_thumbnail(name: str, asked: Asked) -> Response:
    """A still of the recording; the sidecar names them."""
    return await asked.send(artefacts.THUMBNAIL, _in_series(artefacts.THUMBNAIL, name))


@router.get(
    "/slides/{name}",
    summary="Get the picture of a slide",
    responses=_JPEG,
    operation_id="getSlidePicture",
    response_class=Response,
)
async def get_slide_picture(name: str, asked: Asked) -> Response:
    """The slide, straightened, in its fullest state, and without the people who stood before it where possible."""
    return await asked.send(
        artefacts.SLIDE_PICTURE,
        _in_series(artefacts.SLIDE_PICTURE, name),
    )


def _in_series(series: Artefact, picture: str) -> str:
    """Return the name of a series' file by the name that clients know; raise NotFound for one that cannot be."""
    match = _PICTURE.fullmatch(picture)
    if match is None:
        raise NotFound("There is no such picture.")
    return f"{series.template.rpartition('/')[0]}/{match[1]}.jpg"


def preferred_form(accept: str, *, has_page: bool = True) -> TranscriptFormat:
    """Return the form that an `Accept` header prefers, JSON where it has no preference; raise 406 for none.

    The page is there only when the job is done, so it is chosen where `text/html` is named, and not by `text/*`. It is
    not offered without `has_page`.
    https://www.rfc-editor.org/rfc/rfc9110#name-accept
    """
    weights: dict[str, float] = {}
    for entry in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in entry.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        weights[media_range] = float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality) else 0.0

    def weight(form: TranscriptFormat) -> float:
        kind = CONTENT_TYPES[form]
        ranges = (kind,) if form is TranscriptFormat.HTML else (kind, kind.partition("/")[0] + "/*", "*/*")
        return next((weights[each] for each in ranges if each in weights), 0.0)

    offered = [form for form in CONTENT_TYPES if has_page or form is not TranscriptFormat.HTML]
    best = max(offered, key=weight)
    if weight(best) <= 0:
        raise HTTPException(406, f"The transcript is offered as {', '.join(CONTENT_TYPES[form] for form in offered)}.")
    return best


def _rebuild_sidecar(services: Services, org_id: str, session_id: str, job_id: str | None) -> str:
    """Have the sidecar of a job written again and return the job's id; raise NotFound, and ResultNotReady unless it is
    done.
    """
    result = find_result(services, org_id, session_id, None, job_id)
    if result.job_id is None or services.storage.jobs.get(org_id, result.job_id).value.status is not JobStatus.DONE:
        raise result.missing
    rebuild_sidecar.using(services, task_id=f"sidecar-{result.job_id}").delay_unless_waiting(org_id, result.job_id)
    return result.job_id
