"""Reading a recording from a web address that a stranger gave, in a stream, without trusting the address or its server.

Only http and https, only public addresses (see `guarded_network`), only so many redirects, bytes and seconds. No proxy
or credentials of our environment are used. Knows nothing of where the bytes go.
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
from shared.media.network.guarded_network import DeadlineExceeded, GuardedBackend, Resolve, resolve

USER_AGENT = "Rostrum"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What a source may cost: bytes in all, seconds for one call in all, seconds of silence, redirects."""

    max_bytes: int
    max_seconds: float
    allow_loopback: bool = False
    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    max_redirects: int = 5


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that is being read: `size_bytes` is the whole file's, `chunks` begin at `offset`.

    `validator` (a strong ETag, else Last-Modified) belongs with `offset` when the rest is asked for later. `is_part`
    says that the server sends what was asked for, and not the whole file.
    """

    size_bytes: int | None
    offset: int
    validator: str | None
    content_type: str | None
    filename: str | None
    accepts_ranges: bool
    chunks: Iterator[bytes]
    is_part: bool = False


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
    """Ask for `url` from `offset` on, and for no more than `length` bytes if that is given; the connection is closed at
    the end of the block. A server that knows no ranges may send all from the start nevertheless. `watch` is called
    while it is waited for bytes; what it raises ends it all.

    Raises AddressRefused, SourceNotFound, SourceRefused, SourceTooSlow, SourceUnavailable, RecordingTooLarge,
    NotMedia (a web page), UnsupportedRecording (sent compressed), and SourceChanged when `validator` does not hold
    any more or the server cannot go on at `offset`. Reading `chunks` may raise these too.
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
    """Turns the network's failures, wherever they surface while the source is open, into the tree's."""

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
        "Accept-Encoding": "identity",  # compressed bytes would make offsets and sizes lie
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
    """The file's name by Content-Disposition (RFC 6266), else by the address; never a path."""
    message = Message()
    message["Content-Disposition"] = headers.get("content-disposition", "")
    name = message.get_filename() or unquote(url.path)
    name = PurePosixPath(name.replace("\\", "/")).name
    return "".join(c for c in name if c.isprintable()).strip()[:255] or None
