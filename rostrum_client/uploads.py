"""Files on their way in: block by block into storage, or in one piece with the request."""

import hashlib
import json
import mimetypes
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Unpack

from rostrum_client.blobs import put_block, put_block_list, storage_refusal
from rostrum_client.effects import Call, Effects, Together, fetch, send
from rostrum_client.errors import UploadFailed
from rostrum_client.job_details import ForUpload, Naming
from rostrum_client.models import Job, JobReference, Probe, Upload
from rostrum_client.wire import Request, body, post

OnBytes = Callable[[int, int], None]
"""Gets the bytes that went over, and the bytes in all."""

BLOB_EXISTS = "BlobAlreadyExists"

CONNECTIONS = 4
"""How many blocks of a file are sent at the same time; as many are in memory."""


def upload(
    path: Path, *, on_progress: OnBytes | None = None, idempotency_key: str | None = None, **details: Unpack[ForUpload]
) -> Effects[Job]:
    """Put a file into storage in blocks and submit it; sends four blocks at a time, and holds no more in memory.

    `on_progress` gets the bytes sent and the bytes in all. Raises UploadFailed when storage refuses a block.
    With an `idempotency_key` of your own, a program that starts again goes on with the same upload and job.
    """
    place, sha256 = yield from _put(path, on_progress, idempotency_key, details)
    asked = body(upload_id=place.upload_id, sha256=sha256, **details)
    return (yield from fetch(Job, post("ingest", "commit", body=asked, key=idempotency_key)))


def send_file(path: Path, *, on_progress: OnBytes | None = None, idempotency_key: str | None = None) -> Effects[str]:
    """Put a file into storage as `upload` does, and give its upload's id, for `submit` or `probe`."""
    place, _ = yield from _put(path, on_progress, idempotency_key, {})
    return place.upload_id


def import_session(
    path: Path,
    *,
    options: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    **details: Unpack[Naming],
) -> Effects[JobReference]:
    """Send a file in one request, without storage's address; `upload` is for large ones."""
    metadata = {**(details.get("metadata") or {}), **body(session_name=details.get("session_name"))}
    with path.open("rb") as file:
        form: dict[str, Any] = {
            "options": (
                None,
                json.dumps(dict(options or {})),
            ),  # first, so that a refusal comes before the file is sent
            "metadata": (None, json.dumps(metadata)),
            "video": (path.name, file, _content_type(path)),
        }
        return (yield from fetch(JobReference, post("sessions", "import", files=form, key=idempotency_key)))


def probe(
    *,
    source_url: str | None = None,
    upload_id: str | None = None,
    session_id: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Effects[Probe]:
    """Return the facts about a recording, and the plan of a job with these options; nothing is kept."""
    asked = body(source_url=source_url, upload_id=upload_id, session_id=session_id, options=options)
    return fetch(Probe, post("ingest", "probe", body=asked))


def _put(path: Path, on_progress: OnBytes | None, key: str | None, details: ForUpload) -> Effects[tuple[Upload, str]]:
    """Announce the file and send it; gives where it is and its SHA-256 in hex."""
    size_bytes, content_type = path.stat().st_size, _content_type(path)
    announced = body(
        source_name=path.name, content_length=size_bytes, content_type=content_type, options=details.get("options")
    )
    place = yield from fetch(Upload, post("ingest", "init", body=announced, key=key))
    with path.open("rb") as file:
        sending = _Sending(file, place, size_bytes, on_progress)
        connections = min(CONNECTIONS, -(-size_bytes // place.block_size_bytes))
        yield Together([sending.send_blocks() for _ in range(max(1, connections))])
    yield from _store(put_block_list(place.upload_url, sending.count, content_type))
    return place, sending.sha256.hexdigest()


class _Sending:
    """A file that is being sent over several connections: each takes the next block that none has taken."""

    def __init__(self, file: BinaryIO, place: Upload, size_bytes: int, on_progress: OnBytes | None) -> None:
        self.count = 0
        """How many blocks were taken."""
        self.sha256 = hashlib.sha256()
        self._file = file
        self._place = place
        self._size_bytes = size_bytes
        self._on_progress = on_progress
        self._sent_bytes = 0
        self._lock = Lock()

    def send_blocks(self) -> Effects[None]:
        """Send blocks until all are taken."""
        while size_bytes := (yield from self._send_block()):
            self._sent_bytes += size_bytes
            if self._on_progress:
                self._on_progress(self._sent_bytes, max(self._size_bytes, self._sent_bytes))

    def _send_block(self) -> Effects[int]:
        """Send a block and return its length; a function of its own, so that one block is in memory at a time."""
        request, size_bytes = yield Call(self._take_block)
        if size_bytes:
            yield from _store(request)
        return int(size_bytes)

    def _take_block(self) -> tuple[Request, int]:
        """Return the request that sends the next block, and the block's length, 0 at the end of the file."""
        with self._lock:
            block = self._file.read(self._place.block_size_bytes)
            self.sha256.update(block)
            index = self.count
            self.count += bool(block)
        md5 = hashlib.md5(block, usedforsecurity=False).digest()
        return put_block(self._place.upload_url, index, block, md5), len(block)


def _store(request: Request) -> Effects[None]:
    response = (yield from send(request)).response
    if response.status_code == HTTPStatus.CONFLICT and response.headers.get("x-ms-error-code") == BLOB_EXISTS:
        return  # an earlier try got through; its answer did not
    if refusal := storage_refusal(response):
        raise UploadFailed(f"Storage refused a block of the file ({refusal}).")


def _content_type(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
