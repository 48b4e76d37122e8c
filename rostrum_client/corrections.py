"""Corrections of a transcript: its versions, edits, imports of corrected files, and how far it is reviewed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx

from rostrum_client.effects import Effects, Item, Listing, ask, fetch
from rostrum_client.models import Review, TranscriptVersion
from rostrum_client.wire import get, patch, post, put, read

TEXT_TYPES = {"vtt": "text/vtt", "srt": "application/x-subrip", "txt": "text/plain"}


def transcript_versions(session_id: str) -> Listing[TranscriptVersion]:
    """Yield the versions of the transcript, newest first; the last one is the machine's, with number 0."""
    found = yield from fetch(list[TranscriptVersion], get("sessions", session_id, "results", "transcript", "versions"))
    yield from map(Item, found)


def transcript_etag(session_id: str) -> Effects[str]:
    """Return the tag of the newest version, which `edit_transcript` needs."""
    answer = yield from ask(get("sessions", session_id, "results", "transcript"))
    return str(answer.headers.get("ETag", ""))


def edit_transcript(
    session_id: str, operations: Sequence[Mapping[str, Any]], *, etag: str
) -> Effects[TranscriptVersion]:
    """Apply operations to the version with this tag and return the new version, whose `etag` is for the next edit.

    Words are named by the `id` that `transcript` gives them. Raises RostrumApiError with the code
    `precondition_failed` when another editor was faster.
    """
    body = {"operations": [dict(each) for each in operations]}
    request = patch("sessions", session_id, "results", "transcript", body=body, headers={"If-Match": etag})
    return _version((yield from ask(request)))


def import_transcript(
    session_id: str, text: str, form: str = "txt", *, idempotency_key: str | None = None
) -> Effects[TranscriptVersion]:
    """Take a corrected file (`vtt`, `srt` or `txt`) as the new version; known words keep their times."""
    request = post("sessions", session_id, "results", "transcript", "import", key=idempotency_key, format=form)
    headers = {**request.headers, "Content-Type": TEXT_TYPES.get(form, "text/plain")}
    return _version((yield from ask(replace(request, content=text.encode(), headers=headers))))


def restore_transcript(
    session_id: str, version: int = 0, *, idempotency_key: str | None = None
) -> Effects[TranscriptVersion]:
    """Make an earlier version the newest again, as a new version; 0 is the machine's."""
    path = ("sessions", session_id, "results", "transcript", "restore")
    return _version((yield from ask(post(*path, key=idempotency_key, body={"version": version}))))


def review_transcript(session_id: str, state: str) -> Effects[Review]:
    """Say how far the transcript is corrected: `auto`, `inCorrection` or `reviewed`."""
    request = put("sessions", session_id, "results", "transcript", "review", body={"state": state})
    return read(Review, (yield from ask(request)))


def _version(answer: httpx.Response) -> TranscriptVersion:
    return replace(read(TranscriptVersion, answer), etag=answer.headers.get("ETag"))
