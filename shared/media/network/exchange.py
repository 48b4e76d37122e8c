"""Ask a source's server for a file: redirects, cookies, pieces, and answers that are not what was asked for.

Apart from `fetch`, which guards the network and names its failures. The habits of servers that are met are listed in
docs/decisions.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Self

import httpcore
import httpx

from shared.domain.errors import (
    AddressRefused,
    RecordingTooLarge,
    SourceChanged,
    SourceRefused,
    SourceUnavailable,
    UnsupportedRecording,
)
from shared.media.network.answers import (
    cannot_go_on,
    check_status,
    is_same,
    size_of,
    span_of,
    validator_of,
    versions_differ,
)
from shared.media.network.content_coding import compressed_by, decompressed
from shared.media.network.download_cookies import DownloadCookies
from shared.media.network.file_name import file_name
from shared.media.network.first_bytes import refuse_message
from shared.media.network.remote_file import FetchPolicy, RemoteFile

USER_AGENT = "Rostrum"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Exchange:
    """The requests and answers of one download, one at a time on one connection."""

    def __init__(self, pool: httpcore.ConnectionPool, target: httpx.URL, policy: FetchPolicy) -> None:
        self._pool = pool
        self._target = target
        self._policy = policy
        self._cookies = DownloadCookies()
        self._answer = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()

    def open(self, offset: int, validator: str | None, length: int | None) -> RemoteFile:
        """Return the file from `offset` on; errors as in `open_source`."""
        response, headers = self._request(offset, validator, length)
        size_bytes = size_of(response.status, headers)
        if response.status == 416 and size_bytes == offset and (offset > 0 or length is not None):
            return self._file(headers, size_bytes, offset, iter(()), is_part=False, accepts_ranges=True)
        check_status(response.status, offset)
        if size_bytes is not None and size_bytes > self._policy.max_bytes:
            raise RecordingTooLarge(f"The file has {size_bytes} bytes; at most {self._policy.max_bytes} are accepted.")
        span = span_of(response.status, headers)
        start = 0 if span is None else span[0]
        is_elsewhere = start != offset and (start > offset or length is not None or not is_same(headers, validator))
        if is_elsewhere or (response.status == 206 and span is None and offset > 0):
            raise cannot_go_on(response.status)
        if response.status == 206 and versions_differ(headers, validator):
            raise SourceChanged("The source is not the same any more (its ETag changed).")
        chunks = _without_first(response.iter_stream(), offset - start)
        if response.status == 206 and length is None and span is not None:
            chunks = self._continued(chunks, offset, size_bytes, validator_of(headers))
        is_part = response.status == 206 and (length is None or span is None or span[1] < offset + length)
        coding, is_other = compressed_by(headers.get("content-encoding", "")), False
        if coding is not None and start == offset == 0:
            chunks, is_other = decompressed(chunks, coding)
            if is_other and response.status == 206 and length is not None:
                raise UnsupportedRecording("The source's server sends pieces of a compressed form of the recording.")
        if offset == 0:
            chunks = refuse_message(chunks, headers.get("content-type", "").lower())
        accepts_ranges = response.status == 206 or headers.get("accept-ranges", "").lower() == "bytes"
        found = self._file(headers, size_bytes, offset, chunks, is_part=is_part, accepts_ranges=accepts_ranges)
        if is_other:  # positions in what is sent are none in the file
            return replace(found, size_bytes=None, validator=None, accepts_ranges=False, is_part=False)
        return found

    def _file(
        self,
        headers: httpx.Headers,
        size_bytes: int | None,
        offset: int,
        chunks: Iterator[bytes],
        *,
        is_part: bool,
        accepts_ranges: bool,
    ) -> RemoteFile:
        return RemoteFile(
            size_bytes=size_bytes,
            offset=offset,
            validator=validator_of(headers),
            content_type=headers.get("content-type"),
            filename=file_name(
                headers.get("content-disposition"), self._target.raw_path.decode("ascii").partition("?")[0]
            ),
            accepts_ranges=accepts_ranges,
            chunks=_limited(chunks, self._policy, offset),
            is_part=is_part,
        )

    def _request(
        self, offset: int, validator: str | None, length: int | None
    ) -> tuple[httpcore.Response, httpx.Headers]:
        """Send the request, follow redirects, and return the last answer; the answer before it is closed."""
        for _ in range(self._policy.max_redirects + 1):
            self._answer.close()
            target = self._target
            response = self._answer.enter_context(
                self._pool.stream(
                    "GET",
                    httpcore.URL(
                        scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path
                    ),
                    headers=_request_headers(target, offset, validator, length, self._cookies.header(target)),
                    extensions={"timeout": _timeouts(self._policy)},
                )
            )
            self._cookies.keep(target, response.headers)
            headers = httpx.Headers(response.headers)
            if response.status not in _REDIRECTS or "location" not in headers:
                return response, headers
            self._target = _redirected(target, headers["location"])
        raise SourceRefused(f"The source's server redirects more than {self._policy.max_redirects} times.")

    def _continued(
        self, chunks: Iterator[bytes], offset: int, size_bytes: int | None, validator: str | None
    ) -> Iterator[bytes]:
        """Yield the chunks, then the pieces that follow: some servers send no more than so many bytes at once."""
        at = offset
        while True:
            before = at
            for chunk in chunks:
                at += len(chunk)
                yield chunk
            if at == size_bytes:
                return
            if at == before:
                raise SourceUnavailable("The source's server stopped sending before the recording's end.")
            response, headers = self._request(at, validator, None)
            start, _ = span_of(response.status, headers) or (0, 0)
            if size_bytes is None and (response.status == 416 or start != at):
                return  # the first answer was the whole file: its server does not tell the size, or knows no ranges
            if response.status == 416 and size_of(416, headers) == at:
                return
            check_status(response.status, at)
            if start != at or versions_differ(headers, validator):
                raise SourceChanged("The source changed, or its server cannot go on where it stopped.")
            chunks = response.iter_stream()


def _redirected(url: httpx.URL, location: str) -> httpx.URL:
    try:
        return checked_url(str(url.join(location)))
    except (httpx.InvalidURL, UnicodeError) as err:
        raise AddressRefused("The source's server redirects to something that is not a web address.") from err


def checked_url(url: str) -> httpx.URL:
    """Return the address, with blanks and other characters encoded; raise AddressRefused."""
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


def _request_headers(
    url: httpx.URL, offset: int, validator: str | None, length: int | None, cookie: str | None
) -> list[tuple[bytes, bytes]]:
    headers = {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "identity",  # offsets and sizes would be wrong for compressed bytes
        "Connection": "close",
    }
    if cookie is not None:
        headers["Cookie"] = cookie
    if offset or length is not None:
        headers["Range"] = f"bytes={offset}-{'' if length is None else offset + length - 1}"
        if validator is not None:
            headers["If-Range"] = validator
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _without_first(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Yield the bytes after the first `count`: a server that ignores ranges sends the file from its beginning."""
    for chunk in chunks:
        if count < len(chunk):
            yield chunk[count:]
        count = max(0, count - len(chunk))


def _limited(chunks: Iterator[bytes], policy: FetchPolicy, offset: int) -> Iterator[bytes]:
    received = offset
    for chunk in chunks:
        received += len(chunk)
        if received > policy.max_bytes:
            raise RecordingTooLarge(f"The file has more than the {policy.max_bytes} bytes that are accepted.")
        yield chunk


def _timeouts(policy: FetchPolicy) -> dict[str, float]:
    return {
        "connect": policy.connect_seconds,
        "read": policy.read_seconds,
        "write": policy.read_seconds,
        "pool": policy.connect_seconds,
    }
