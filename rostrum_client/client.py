"""A client of Rostrum's HTTP API, in blocking calls.

It decides only what to send when; how requests and answers look is in `wire`, how long to wait in `pace`, so that an
asynchronous twin needs no more than these loops again. It imports nothing of the server's code.
"""

import hashlib
import mimetypes
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
from pydantic import ValidationError

from rostrum_client import wire
from rostrum_client.errors import ArtefactDamaged, RostrumUnreachable, UnexpectedAnswer, WaitTimedOut
from rostrum_client.models import Artefact, Job, Session, Sidecar, Tracking, Transcript, Upload, Wire
from rostrum_client.pace import TRIES, PollPace, pause_before_retry

Model = TypeVar("Model", bound=Wire)

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class RostrumClient:
    """Talks to one Rostrum. `transport` and `sleep` are there for tests.

    Every method raises RostrumApiError for a problem that the API tells and RostrumUnreachable when no answer comes.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        timeout_sec: float = 60.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        host = urlsplit(base_url).hostname
        if not host or urlsplit(base_url).scheme not in ("http", "https"):
            raise ValueError(f"base_url has to be an http(s) address, not {base_url!r}")
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._sleep = sleep
        self._http = httpx.Client(
            timeout=timeout_sec,
            transport=transport,
            trust_env=host not in LOOPBACK_HOSTS,  # a proxy cannot reach this machine's loopback
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def upload(
        self,
        path: Path,
        *,
        session_name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Job:
        """Put a file into storage block by block and submit it; holds one block in memory.

        `on_progress` gets the bytes sent and the bytes in all. Raises UploadFailed when storage refuses a block.
        """
        size_bytes = path.stat().st_size
        content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        announced = {"sourceName": path.name, "contentLength": size_bytes, "contentType": content_type}
        upload = _read(self._post("/ingest/init", announced), Upload)
        sha256 = self._put_blocks(path, upload, size_bytes, content_type, on_progress)
        named = {"sessionName": session_name} if session_name else {}
        body = wire.body_without_nones(
            uploadId=upload.upload_id,
            sha256=sha256,
            metadata={**(metadata or {}), **named} or None,
            options=dict(options) if options else None,
        )
        return _read(self._post("/ingest/commit", body), Job)

    def submit_url(
        self, source_url: str, *, session_name: str | None = None, options: Mapping[str, Any] | None = None
    ) -> Job:
        """Have Rostrum fetch a recording from an address and process it."""
        body = wire.body_without_nones(
            sourceUrl=source_url, sessionName=session_name, options=dict(options) if options else None
        )
        return _read(self._post("/jobs", body), Job)

    def job(self, job_id: str) -> Job:
        """The job as it is now."""
        return _read(self._get(f"/jobs/{quote(job_id, safe='')}"), Job)

    def wait(
        self,
        job: Job | str,
        on_update: Callable[[Job], None] | None = None,
        *,
        timeout_sec: float | None = None,
        pace: PollPace | None = None,
    ) -> Job:
        """Look at the job until it has ended, and give it back; `on_update` gets every version seen.

        Unchanged answers cost the server a 304. Raises WaitTimedOut after about `timeout_sec` seconds of pauses.
        """
        job_id = job if isinstance(job, str) else job.job_id
        pace = pace or PollPace()
        etag: str | None = None
        waited_sec = 0.0
        while True:
            response = self._get(f"/jobs/{quote(job_id, safe='')}", {"If-None-Match": etag} if etag else {})
            changed = response.status_code != httpx.codes.NOT_MODIFIED
            if changed:
                etag = response.headers.get("ETag")
                seen = _read(response, Job)
                if on_update:
                    on_update(seen)
                if seen.is_final:
                    return seen
            pace = pace.after(changed=changed)
            pause_sec = pace.wait_sec(wire.retry_after_sec(response.headers))
            if timeout_sec is not None and waited_sec + pause_sec > timeout_sec:
                raise WaitTimedOut(f"Job {job_id} has not ended after {waited_sec:.0f} seconds.")
            self._sleep(pause_sec)
            waited_sec += pause_sec

    def session(self, session_id: str) -> Session:
        """A recording and what is known of it."""
        return _read(self._get(f"/sessions/{quote(session_id, safe='')}"), Session)

    def transcript(self, session_id: str) -> Transcript:
        """What was said."""
        return _read(self._get(_path_of(session_id, "transcript.json")), Transcript)

    def captions(self, session_id: str, form: str = "vtt") -> str:
        """What was said as `vtt`, `srt` or `txt`."""
        return self._get(_path_of(session_id, f"transcript.{form}")).text

    def instructor_tracking(self, session_id: str) -> Tracking:
        """The instructor's way through the picture."""
        return _read(self._get(_path_of(session_id, "instructor-tracking.json")), Tracking)

    def sidecar(self, session_id: str) -> Sidecar:
        """The facts about the recording and the list of its artefacts."""
        return _read(self._get(_path_of(session_id, "sidecar.json")), Sidecar)

    def download_artefacts(self, session_id: str, directory: Path) -> list[Path]:
        """Write the sidecar and every artefact that it lists and the API serves into `directory`, under their names.

        Gives the paths back in the sidecar's order. Raises ArtefactDamaged when a file is not what the sidecar says.
        """
        directory.mkdir(parents=True, exist_ok=True)
        listing = self._get(_path_of(session_id, "sidecar.json"))
        written = [_write(directory / "sidecar.json", listing.content)]
        for artefact in _read(listing, Sidecar).artefacts:
            path = _place(directory, artefact.name)
            address = wire.artefact_path(session_id, artefact.name)
            if address is not None and artefact.name != "sidecar.json":
                body = self._get(address).content
                _check(artefact, body)
                written.append(_write(path, body))
        return written

    def _put_blocks(
        self,
        path: Path,
        upload: Upload,
        size_bytes: int,
        content_type: str,
        on_progress: Callable[[int, int], None] | None,
    ) -> str:
        """Send the file's blocks in order and commit them; gives the file's SHA-256 in hex."""
        digest = hashlib.sha256()
        identifiers: list[str] = []
        sent_bytes = 0
        with path.open("rb") as file:
            while block := file.read(upload.block_size_bytes):
                digest.update(block)
                identifiers.append(wire.block_id(len(identifiers)))
                checksum = b64encode(hashlib.md5(block, usedforsecurity=False).digest()).decode()
                self._put(wire.block_url(upload.upload_url, identifiers[-1]), block, {"Content-MD5": checksum})
                sent_bytes += len(block)
                if on_progress:
                    on_progress(sent_bytes, max(size_bytes, sent_bytes))
        self._put(
            wire.block_list_url(upload.upload_url),
            wire.block_list(identifiers),
            {"x-ms-blob-content-type": content_type, "Content-Type": "application/xml"},
        )
        return digest.hexdigest()

    def _put(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send to storage. The bearer token stays out: the address is signed, and it may be another host."""
        request = self._http.build_request("PUT", url, content=body, headers=dict(headers))
        wire.raise_for_storage(self._send(request, wire.TRY_AGAIN))

    def _get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        request = self._http.build_request("GET", self._base_url + path, headers={**self._headers, **(headers or {})})
        response = self._send(request, wire.TRY_AGAIN)
        wire.raise_for_problem(response)
        return response

    def _post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        """A POST carries one key over all its tries, and is tried again only where nothing was accepted."""
        headers = {**self._headers, "Idempotency-Key": uuid4().hex}
        request = self._http.build_request("POST", self._base_url + path, json=dict(body), headers=headers)
        response = self._send(request, wire.NOT_ACCEPTED)
        wire.raise_for_problem(response)
        return response

    def _send(self, request: httpx.Request, try_again: frozenset[int]) -> httpx.Response:
        """Send, again after a pause while that may help; the last answer comes back whatever it is."""
        failures = 0
        while True:
            response: httpx.Response | None = None
            try:
                response = self._http.send(request)
            except httpx.RequestError as error:
                never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if failures + 1 >= TRIES or not (never_sent or request.method != "POST"):
                    raise RostrumUnreachable(f"No answer from {_origin(request.url)}: {error}") from error
            if response is not None and (response.status_code not in try_again or failures + 1 >= TRIES):
                return response
            failures += 1
            asked = wire.retry_after_sec(response.headers) if response is not None else None
            self._sleep(pause_before_retry(failures, asked))


def _read(response: httpx.Response, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise UnexpectedAnswer(
            f"{_origin(response.request.url)} answered with something that is no {model.__name__.lower()} of Rostrum's:"
            f" is this the right address? ({error.error_count()} fields differ)"
        ) from error


def _path_of(session_id: str, name: str) -> str:
    path = wire.artefact_path(session_id, name)
    if path is None:
        raise ValueError(f"the API serves no artefact named {name!r}")
    return path


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def _check(artefact: Artefact, body: bytes) -> None:
    if artefact.size_bytes is not None and len(body) != artefact.size_bytes:
        raise ArtefactDamaged(f"{artefact.name} has {len(body)} bytes; the sidecar says {artefact.size_bytes}.")
    if artefact.sha256 and hashlib.sha256(body).hexdigest() != artefact.sha256:
        raise ArtefactDamaged(f"{artefact.name} differs from the SHA-256 in the sidecar.")


def _place(directory: Path, name: str) -> Path:
    """Where an artefact goes: its name may hold folders but never leads out of `directory`."""
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or "\\" in name or ":" in name:
        raise ArtefactDamaged(f"The sidecar lists a file with a name that cannot be used: {name!r}.")
    return directory / relative


def _write(path: Path, body: bytes) -> Path:
    """Write whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(body)
    unfinished.replace(path)
    return path
