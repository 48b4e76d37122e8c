"""Send a version of a transcript: as the job's file, from the blob of a version, or written anew in another form."""

from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from shared.api.dependencies import off_loop
from shared.api.http.blob_response import result_response
from shared.api.http.conditional import not_modified
from shared.api.openapi.problem_examples import NO_OLD_PAGE, new
from shared.domain.errors import ResultNotReady
from shared.domain.transcript_version import ReviewState
from shared.pipeline import artefacts
from shared.pipeline.artefacts import Artefact
from shared.pipeline.context import Services, blob_name
from shared.pipeline.jobs.transcripts import FoundTranscript, find_transcript, transcript_json, transcript_of
from shared.transcription.caption_rules import CaptionRules, rules_for
from shared.transcription.captions import to_srt, to_text, to_webvtt
from shared.transcription.payload import Transcript
from shared.transcription.word_track import to_word_track

_WRITERS: dict[Artefact, Callable[[Transcript, CaptionRules, ReviewState], str]] = {
    artefacts.TRANSCRIPT_VTT: to_webvtt,
    artefacts.TRANSCRIPT_SRT: lambda transcript, rules, state: to_srt(transcript, rules),
    artefacts.TRANSCRIPT_TEXT: lambda transcript, rules, state: to_text(transcript),
    artefacts.TRANSCRIPT_WORDS: lambda transcript, rules, state: to_word_track(transcript),
}


async def send_version(
    request: Request,
    services: Services,
    org_id: str,
    wanted: tuple[str, str | None, int | None],
    artefact: Artefact,
) -> Response:
    """Return the version as a response in the form of the artefact.

    Args:
        request: The request.
        services: The storage.
        org_id: The organisation.
        wanted: The session, the job and the number of the version; None for the present job and the newest version.
        artefact: The form.

    Raises:
        NotFound: There is no such session or version.
        ResultNotReady: There is no transcript yet.
        HTTPException: An earlier version is wanted as a page.
    """
    found = await off_loop(partial(find_transcript, services, org_id, *wanted))
    is_json = artefact is artefacts.TRANSCRIPT
    if _is_stored(found, artefact):
        blob = blob_name(org_id, found.session.session_id, found.job_id, artefact.name)
        missing = ResultNotReady(f"Job {found.job_id} has not made it.")
        return await result_response(request, services, blob, artefact.media_type, missing)
    if not is_json and artefact not in _WRITERS:
        raise new(NO_OLD_PAGE)
    tag = found.tag if is_json else f'{found.tag[:-1]}-{found.state}-{artefact.name}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag}
    unchanged = not_modified(request, tag, headers)
    if unchanged is not None:
        return unchanged
    write = transcript_json if is_json else partial(_written, artefact)
    body = await off_loop(partial(write, services, found))
    return Response(body, media_type=artefact.media_type, headers=headers)


def _is_stored(found: FoundTranscript, artefact: Artefact) -> bool:
    """Return whether the job's file has the text of the version.

    The files of a corrected transcript lag behind it until `follow_corrections` has run.
    """
    if artefact is artefacts.TRANSCRIPT:
        return found.version is None and not found.lacks_ids
    return found.is_newest and (found.version is None or artefact not in _WRITERS)


def _written(artefact: Artefact, services: Services, found: FoundTranscript) -> bytes:
    job = services.storage.jobs.get(found.session.org_id, found.job_id).value
    text = _WRITERS[artefact](transcript_of(services, found), rules_for(job.options.captions), found.state)
    return text.encode()
