"""Sessions: the recordings, what was said in them, and playing them."""

from functools import partial
from pathlib import Path
from typing import BinaryIO, Unpack

import httpx

from rostrum_client.blobs import download, storage_refusal
from rostrum_client.details import ForSession
from rostrum_client.errors import DownloadFailed, UnexpectedAnswer
from rostrum_client.models import Job, SearchHit, Session
from rostrum_client.pace import TRIES, pause_before_retry
from rostrum_client.steps import Call, Listing, NextChunk, Pause, Steps, Stream, ask, fetch, fetch_all, send
from rostrum_client.uploads import OnBytes
from rostrum_client.wire import body, delete, get, post


def sessions(*, page_size: int | None = None) -> Listing[Session]:
    """All sessions, newest first; pages are fetched as they are needed."""
    return fetch_all(Session, get("sessions", limit=page_size))


def session(session_id: str) -> Steps[Session]:
    """A recording, what is known of it, and its latest jobs."""
    return fetch(Session, get("sessions", session_id))


def process(session_id: str, *, idempotency_key: str | None = None, **details: Unpack[ForSession]) -> Steps[Job]:
    """Start a new job over the session's recording; the results of older jobs stay."""
    return fetch(Job, post("sessions", session_id, "process", body=body(**details), key=idempotency_key))


def delete_session(session_id: str) -> Steps[None]:
    """Delete the session with its jobs, recording and results."""
    yield from ask(delete("sessions", session_id))


def search(q: str, *, session_id: str | None = None, page_size: int | None = None) -> Listing[SearchHit]:
    """Where these words were said, best first: close together, or one after the other when they stand in quotes."""
    return fetch_all(SearchHit, get("search", q=q, session_id=session_id, limit=page_size))


def media_url(session_id: str) -> Steps[str]:
    """A short-lived address from which the recording can be played, by anybody; it serves ranges."""
    response = yield from ask(get("sessions", session_id, "media"))
    url: str | None = response.headers.get("Location")
    if url is None:
        raise UnexpectedAnswer(f"The API gave no address for the recording of session {session_id}.")
    return url


def download_media(session_id: str, path: Path, *, on_progress: OnBytes | None = None) -> Steps[Path]:
    """Write the recording to `path`, whole or not at all; goes on where a broken connection left off.

    Raises DownloadFailed when storage refuses, or when the recording changes meanwhile.
    """
    unfinished = path.with_name(path.name + ".part")
    failures, etag = 0, None
    with unfinished.open("wb") as file:
        while True:
            begun_at = file.tell()
            url = yield from media_url(session_id)
            answer = yield from send(download(url, begun_at, etag), as_stream=True)
            if refusal := storage_refusal(answer.response):
                raise DownloadFailed(f"Storage does not give the recording ({refusal}).")
            etag = answer.response.headers.get("ETag")
            try:
                yield from _write(file, answer, on_progress)
                break
            except httpx.RequestError as error:
                failures = 1 if file.tell() > begun_at else failures + 1
                if failures >= TRIES:
                    raise DownloadFailed(f"The recording's transfer keeps breaking off: {error}") from error
                yield Pause(pause_before_retry(failures, None))
    unfinished.replace(path)
    return path


def _write(file: BinaryIO, answer: Stream, on_progress: OnBytes | None) -> Steps[None]:
    """Write the answer's body at the file's end, or anew where all of it came instead of the rest."""
    if answer.response.status_code != httpx.codes.PARTIAL_CONTENT:
        file.seek(0)
        file.truncate()
    size_bytes = file.tell() + int(answer.response.headers.get("Content-Length", 0))
    while (chunk := (yield NextChunk(answer))) is not None:
        yield Call(partial(file.write, chunk))
        if on_progress:
            on_progress(file.tell(), max(size_bytes, file.tell()))
