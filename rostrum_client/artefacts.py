"""The artefacts of a session: of the latest job that made them, or of the job `job_id`."""

import hashlib
from pathlib import Path, PurePosixPath

from rostrum_client.effects import Effects, ask, fetch
from rostrum_client.errors import ArtefactDamaged
from rostrum_client.files import Artefact, Quality, Sidecar, Tracking, Transcript
from rostrum_client.models import JobReference
from rostrum_client.stored import download_stored
from rostrum_client.whole_file import whole_file
from rostrum_client.wire import Request, artefact, get, post, read, rendition


def transcript(session_id: str, *, job_id: str | None = None) -> Effects[Transcript]:
    """Return the transcript with the times of its words."""
    return fetch(Transcript, _request(session_id, "transcript.json", job_id))


def partial_transcript(session_id: str, *, job_id: str | None = None) -> Effects[Transcript]:
    """Return the text so far, while a job is at work on it; `complete` and `missing` say what it lacks."""
    request = get("sessions", session_id, "results", "transcript", partial="true", job_id=job_id)
    return fetch(Transcript, request)


def captions(session_id: str, form: str = "vtt", *, job_id: str | None = None) -> Effects[str]:
    """Return the transcript as `vtt`, `srt`, `txt` or `html`, or as `words`, the WebVTT track of each word."""
    request = get("sessions", session_id, "results", "transcript", format=form, job_id=job_id)
    return (yield from ask(request)).text


def chapters(session_id: str, form: str = "json", *, job_id: str | None = None) -> Effects[str]:
    """Return the proposed chapters as the text of a file: `json`, `vtt`, or `podcast` for players of podcasts."""
    request = get("sessions", session_id, "results", "chapters", format=form, job_id=job_id)
    return (yield from ask(request)).text


def instructor_tracking(session_id: str, *, job_id: str | None = None) -> Effects[Tracking]:
    """Return the instructor's track through the picture."""
    return fetch(Tracking, _request(session_id, "instructor-tracking.json", job_id))


def sidecar(session_id: str, *, job_id: str | None = None) -> Effects[Sidecar]:
    """Return the facts about the recording and the list of its artefacts."""
    return fetch(Sidecar, _request(session_id, "sidecar.json", job_id))


def quality(session_id: str, *, job_id: str | None = None) -> Effects[Quality]:
    """Return the verdict on the recording, with its reasons and where to cut."""
    return fetch(Quality, _request(session_id, "quality.json", job_id))


def rebuild_sidecar(
    session_id: str, *, job_id: str | None = None, idempotency_key: str | None = None
) -> Effects[JobReference]:
    """Have the sidecar built again."""
    return fetch(JobReference, post("sessions", session_id, "sidecar", key=idempotency_key, job_id=job_id))


def thumbnail(session_id: str, name: str, *, job_id: str | None = None) -> Effects[bytes]:
    """Return a still of the recording (JPEG), by the name that a scene in the sidecar has for it."""
    request = get("sessions", session_id, "thumbnails", PurePosixPath(name).name, job_id=job_id)
    return (yield from ask(request)).content


_IN_VERSIONS = "transcript.json"
"""The file of which the API gives the newest version, while the sidecar tells of the machine's."""


def download_artefacts(session_id: str, directory: Path, *, job_id: str | None = None) -> Effects[list[Path]]:
    """Write the sidecar and every artefact that it lists and the API serves into `directory`, under their names.

    Gives the paths back in the sidecar's order. Raises ArtefactDamaged when a file is not what the sidecar says.
    """
    directory.mkdir(parents=True, exist_ok=True)
    listing = yield from ask(_request(session_id, "sidecar.json", job_id))
    written = [_write(directory / "sidecar.json", listing.content)]
    for each in read(Sidecar, listing).artefacts:
        path = _place(directory, each.name)
        if (stored := rendition(session_id, each.name, job_id)) is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield from download_stored(stored, path)
            _check_file(each, path)
            written.append(path)
            continue
        request = artefact(session_id, each.name, job_id)
        if request is not None and each.name != "sidecar.json":
            body = (yield from ask(request)).content
            if each.name != _IN_VERSIONS:
                _check(each, body)
            written.append(_write(path, body))
    return written


def _request(session_id: str, name: str, job_id: str | None) -> Request:
    request = artefact(session_id, name, job_id)
    if request is None:
        raise ValueError(f"the API serves no artefact named {name!r}")
    return request


def _check(artefact: Artefact, body: bytes) -> None:
    _compare(artefact, len(body), hashlib.sha256(body).hexdigest())


def _check_file(artefact: Artefact, path: Path) -> None:
    with path.open("rb") as file:
        _compare(artefact, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _compare(artefact: Artefact, size_bytes: int, sha256: str) -> None:
    if artefact.size_bytes is not None and size_bytes != artefact.size_bytes:
        raise ArtefactDamaged(f"{artefact.name} has {size_bytes} bytes; the sidecar says {artefact.size_bytes}.")
    if artefact.sha256 and sha256 != artefact.sha256:
        raise ArtefactDamaged(f"{artefact.name} differs from the SHA-256 in the sidecar.")


def _place(directory: Path, name: str) -> Path:
    """Return the path of an artefact: its name may hold folders but never leads out of `directory`."""
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or "\\" in name or ":" in name:
        raise ArtefactDamaged(f"The sidecar lists a file with a name that cannot be used: {name!r}.")
    return directory / relative


def _write(path: Path, body: bytes) -> Path:
    """Write whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(body)
    return path
