"""Sessions: the recordings, what was said in them, and playing them."""

from pathlib import Path
from typing import Unpack

from rostrum_client.effects import Effects, Listing, ask, fetch, fetch_all
from rostrum_client.job_details import ForSession
from rostrum_client.models import Job, SearchHit, Session
from rostrum_client.stored import download_stored, stored_url
from rostrum_client.uploads import OnBytes
from rostrum_client.wire import body, delete, get, post


def sessions(*, page_size: int | None = None) -> Listing[Session]:
    """Yield all sessions, newest first; pages are fetched as they are needed."""
    return fetch_all(Session, get("sessions", limit=page_size))


def session(session_id: str) -> Effects[Session]:
    """Return a recording, the facts known of it, and its latest jobs."""
    return fetch(Session, get("sessions", session_id))


def process(session_id: str, *, idempotency_key: str | None = None, **details: Unpack[ForSession]) -> Effects[Job]:
    """Start a new job over the session's recording; the results of older jobs stay."""
    return fetch(Job, post("sessions", session_id, "process", body=body(**details), key=idempotency_key))


def delete_session(session_id: str) -> Effects[None]:
    """Delete the session with its jobs, recording and results."""
    yield from ask(delete("sessions", session_id))


def delete_results(session_id: str) -> Effects[None]:
    """Delete what jobs derived from the recording; the recording stays. Refused (409) while a job runs."""
    yield from ask(delete("sessions", session_id, "results"))


def search(q: str, *, session_id: str | None = None, page_size: int | None = None) -> Listing[SearchHit]:
    """Yield the places where these words were said, best first.

    The words have to stand close together, or one after the other when they are in quotes.
    """
    return fetch_all(SearchHit, get("search", q=q, session_id=session_id, limit=page_size))


def media_url(session_id: str, *, rendition: str | None = None) -> Effects[str]:
    """Return a short-lived address from which anyone can play the recording; it serves ranges.

    With `rendition="playable"` it is that of a video that every browser plays, with `rendition="audio"` that of the
    sound alone.
    """
    return stored_url(get("sessions", session_id, "media", rendition=rendition))


def download_media(session_id: str, path: Path, *, on_progress: OnBytes | None = None) -> Effects[Path]:
    """Write the recording to `path`, whole or not at all; goes on where a broken connection left off.

    Raises DownloadFailed when storage refuses, or when the recording changes meanwhile.
    """
    return download_stored(get("sessions", session_id, "media"), path, on_progress)
