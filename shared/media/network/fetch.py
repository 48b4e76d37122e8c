"""Stream a recording from a client's web address, without trust in the address or its server.

Only http and https and only public addresses are used (see `guarded_network`). Redirects, bytes and seconds are
limited. No proxy and no credentials of the environment are used. The module is independent of the bytes' destination.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import unquote

import httpcore
import httpx

from shared.domain.errors import (
    AddressRefused,
    NotMedia,
    RecordingTooLarge,
    SourceChanged,
    SourceNotFound,
    SourceRefused,
    SourceTooSlow,
    SourceUnavailable,
    UnsupportedRecording,
)
from shared.domain.text import shown_text
from shared.media.network.guarded_network import DeadlineExceeded, GuardedBackend, Resolve, resolve

USER_AGENT = "Rostrum"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """The limits for reading from a source."""

    max_bytes: int
    """Bytes of the whole file."""
    max_seconds: float
    """Seconds for one call, from the first request to the last byte."""
    allow_loopback: bool = False
    """Accept addresses of this machine as well (127.0.0.0/8 and ::1)."""
    connect_seconds: float = 10.0
    """Seconds for establishing a connection."""
    read_seconds: float = 30.0
    """Seconds without a byte from the server, or without progress in sending."""
    max_redirects: int = 5
    """Redirects that are followed in one call."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that is being read from its server."""

    size_bytes: int | None
    """Size of the whole file; None if the server does not declare it."""
    offset: int
    """Position of the first byte of `chunks` in the file."""
    validator: str | None
    """A strong ETag, else Last-Modified; to be sent with a later request for the rest."""
    content_type: str | None
    """Content-Type as the server declares it."""
    filename: str | None
    """The file's name, without a path."""
    accepts_ranges: bool
    """The server can send a byte range of the file."""
    chunks: Iterator[bytes]
    """The file's bytes from `offset` on."""
    is_part: bool = False
    """The server sends the requested range, not the whole file."""


@contextmanager
def open_source(
    url: str,
    policy: FetchPolicy,
    offset: int = 0,
    validator: str | None = None,
    resolve: Resolve = resolve,
    length: int | None = None,
    watch: Callable[[], None] = lambda: None,
) -> Iterator[RemoteFile]:
    """Request `url` and yield the answer; close the connection at the end of the block.

    Reading `chunks` may raise the errors below, too.

    Args:
        url: The http or https address.
        policy: The limits.
        offset: Position of the first byte to request.
        validator: The `validator` of an earlier answer, to continue the same file.
        resolve: The name resolver.
        length: The number of bytes to request (None: all from `offset` on). A server without ranges may send the
            whole file nevertheless.
        watch: Called while the connection waits for bytes. An exception of it ends the exchange.

    Raises:
        AddressRefused: The address, or one that it redirects to, is not allowed.
        SourceNotFound: There is no such server or no such file.
        SourceRefused: The server refuses, or redirects too often.
        SourceTooSlow: The exchange takes longer than `policy.max_seconds`.
        SourceUnavailable: The connection fails or times out, or the server cannot serve the file now.
        SourceChanged: `validator` does not hold any more, or the server cannot continue at `offset`.
        RecordingTooLarge: The file has more than `policy.max_bytes`.
        NotMedia: The answer is a web page.
        UnsupportedRecording: The file is sent compressed.
    """
    target = _checked_url(url)
    deadline = time.monotonic() + policy.max_seconds
    backend = GuardedBackend(policy.allow_loopback, deadline, resolve, watch=watch)
    with _Failures(target, policy), httpcore.ConnectionPool(network_backend=backend, max_connections=1) as pool:
        for _ in range(policy.max_redirects + 1):
            with pool.stream(
                "GET",
                httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path),
                headers=_request_headers(target, offset, validator, length),
                extensions={
                    "timeout": {
                        "connect": policy.connect_seconds,
                        "read": policy.read_seconds,
                        "write": policy.read_seconds,
                        "pool": policy.connect_seconds,
                    }
                },
            ) as response:
                headers = httpx.Headers(response.headers)
                if response.status not in _REDIRECTS or "location" not in headers:
                    yield _remote_file(response, headers, target, policy, offset, validator, length)
                    return
                target = _redirected(target, headers["location"])
        raise SourceRefused(f"The source's server redirects more than {policy.max_redirects} times.")


class _Failures:
    """A context that translates errors of the network into domain errors while the source is open."""

    def __init__(self, url: httpx.URL, policy: FetchPolicy) -> None:
        self._host = url.host
        self._policy = policy

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, traceback: object) -> None:
        if isinstance(err, DeadlineExceeded):
            raise SourceTooSlow(
                f"The server {self._host} did not send the recording within {self._policy.max_seconds:.0f} s."
            ) from err
        if isinstance(err, httpcore.TimeoutException):
            raise SourceUnavailable(f"The server {self._host} did not answer in time.") from err
        if isinstance(err, (httpcore.NetworkError, httpcore.ProtocolError)):
            raise SourceUnavailable(f"The connection to the server {self._host} failed: {err}.") from err


def _checked_url(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
        host = parsed.host  # decodes international names only now
    except (httpx.InvalidURL, UnicodeError) as err:
        raise AddressRefused("The address is not a valid web address.") from err
    if parsed.scheme not in ("http", "https") or not host:
        raise AddressRefused("Only addresses that begin with http:// or https:// can be read.")
    if parsed.userinfo:
        raise AddressRefused("The address contains a user name or password; use a signed address instead.")
    return parsed


def _redirected(url: httpx.URL, location: str) -> httpx.URL:
    try:
        return _checked_url(str(url.join(location)))
    except (httpx.InvalidURL, UnicodeError) as err:
        raise AddressRefused("The source's server redirects to something that is not a web address.") from err


def _request_headers(
    url: httpx.URL, offset: int, validator: str | None, length: int | None
) -> list[tuple[bytes, bytes]]:
    headers = {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "identity",  # offsets and sizes would be wrong for compressed bytes
        "Connection": "close",
    }
    if offset or length is not None:
        headers["Range"] = f"bytes={offset}-{'' if length is None else offset + length - 1}"
        if validator is not None:
            headers["If-Range"] = validator
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _remote_file(
    response: httpcore.Response,
    headers: httpx.Headers,
    url: httpx.URL,
    policy: FetchPolicy,
    offset: int,
    validator: str | None,
    length: int | None,
) -> RemoteFile:
    size_bytes = _size(response.status, headers)
    complete = response.status == 416 and size_bytes == offset and (offset > 0 or length is not None)
    if not complete:
        _check_status(response.status, offset)
        _check_range(response.status, headers, offset, validator, length)
        _check_content(headers)
    if size_bytes is not None and size_bytes > policy.max_bytes:
        raise RecordingTooLarge(f"The file has {size_bytes} bytes; at most {policy.max_bytes} are accepted.")
    return RemoteFile(
        size_bytes=size_bytes,
        offset=offset,
        validator=_validator(headers),
        content_type=headers.get("content-type"),
        filename=_filename(headers, url),
        accepts_ranges=response.status == 206 or headers.get("accept-ranges", "").lower() == "bytes",
        chunks=iter(()) if complete else _chunks(response, policy, offset),
        is_part=response.status == 206,
    )


def _check_status(status: int, offset: int) -> None:
    if status in (200, 206):
        return
    if status in (404, 410):
        raise SourceNotFound(f"The source's server has nothing at this address (it answered {status}).")
    if status == 416 and offset > 0:
        raise SourceChanged("The source has become shorter than what was already read.")
    if status in _TRY_LATER or status >= 500:
        raise SourceUnavailable(f"The source's server cannot serve the recording now (it answered {status}).")
    raise SourceRefused(f"The source's server refused to hand out the recording (it answered {status}).")


def _check_range(status: int, headers: httpx.Headers, offset: int, validator: str | None, length: int | None) -> None:
    if status == 200 and offset == 0:
        return
    if status == 206 and offset == 0 and length is None:
        raise SourceUnavailable("The source's server sent a part of the recording although all was asked for.")
    if status == 200:
        raise SourceChanged("The source changed, or its server cannot go on where reading stopped.")
    started = re.match(r"bytes (\d+)-", headers.get("content-range", ""))
    if started is None or int(started[1]) != offset:
        raise SourceChanged("The source's server went on at another place than was asked for.")
    etag = headers.get("etag")
    if validator is not None and validator.startswith('"') and etag is not None and etag != validator:
        raise SourceChanged("The source is not the same any more (its ETag changed).")


def _check_content(headers: httpx.Headers) -> None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml"):
        raise NotMedia("The address leads to a web page, not to a recording; use the address of the file itself.")
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedRecording("The source's server sends the recording compressed although it was asked not to.")


def _chunks(response: httpcore.Response, policy: FetchPolicy, offset: int) -> Iterator[bytes]:
    received = offset
    for chunk in response.iter_stream():
        received += len(chunk)
        if received > policy.max_bytes:
            raise RecordingTooLarge(f"The file has more than the {policy.max_bytes} bytes that are accepted.")
        yield chunk


def _size(status: int, headers: Mapping[str, str]) -> int | None:
    if status in (206, 416):
        whole = re.fullmatch(r"bytes (?:\d+-\d+|\*)/(\d+)", headers.get("content-range", "").strip())
        return int(whole[1]) if whole else None
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _validator(headers: Mapping[str, str]) -> str | None:
    etag = headers.get("etag", "")
    return etag if etag.startswith('"') else headers.get("last-modified")


def _filename(headers: Mapping[str, str], url: httpx.URL) -> str | None:
    """Return the file's name by Content-Disposition (RFC 6266), else by the address; never a path."""
    message = Message()
    message["Content-Disposition"] = headers.get("content-disposition", "")
    name = message.get_filename() or unquote(url.path)
    name = PurePosixPath(name.replace("\\", "/")).name
    return shown_text(name).strip()[:255] or None
