"""Large files that the API does not send itself: it tells where they are in storage, which serves ranges."""

from functools import partial
from pathlib import Path
from typing import BinaryIO

import httpx

from rostrum_client.blobs import download, storage_refusal
from rostrum_client.effects import Call, Effects, NextChunk, Pause, Stream, ask, send
from rostrum_client.errors import DownloadFailed, UnexpectedAnswer
from rostrum_client.retry_timing import TRIES, pause_before_retry
from rostrum_client.uploads import OnBytes
from rostrum_client.whole_file import whole_file
from rostrum_client.wire import Request


def stored_url(request: Request) -> Effects[str]:
    """Return the short-lived address that the API answers this request with."""
    response = yield from ask(request)
    url: str | None = response.headers.get("Location")
    if url is None:
        raise UnexpectedAnswer(f"The API gave no address at {request.address}.")
    return url


def download_stored(request: Request, path: Path, on_progress: OnBytes | None = None) -> Effects[Path]:
    """Write the file to `path`, whole or not at all; goes on where a broken connection left off.

    Raises DownloadFailed when storage refuses, or when the file changes meanwhile.
    """
    failures, etag = 0, None
    with whole_file(path) as file:
        while True:
            begun_at = file.tell()
            url = yield from stored_url(request)
            answer = yield from send(download(url, begun_at, etag), as_stream=True)
            if refusal := storage_refusal(answer.response):
                raise DownloadFailed(f"Storage does not give the file ({refusal}).")
            etag = answer.response.headers.get("ETag")
            try:
                yield from _write(file, answer, on_progress)
                break
            except httpx.RequestError as error:
                failures = 1 if file.tell() > begun_at else failures + 1
                if failures >= TRIES:
                    raise DownloadFailed(f"The file's transfer keeps breaking off: {error}") from error
                yield Pause(pause_before_retry(failures, None))
    return path


def _write(file: BinaryIO, answer: Stream, on_progress: OnBytes | None) -> Effects[None]:
    """Write the answer's body at the file's end, or anew where all of it came instead of the rest."""
    if answer.response.status_code != httpx.codes.PARTIAL_CONTENT:
        file.seek(0)
        file.truncate()
    size_bytes = file.tell() + int(answer.response.headers.get("Content-Length", 0))
    while (chunk := (yield NextChunk(answer))) is not None:
        yield Call(partial(file.write, chunk))
        if on_progress:
            on_progress(file.tell(), max(size_bytes, file.tell()))
