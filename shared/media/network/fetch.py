"""Stream a recording from a client's web address, without trust in the address or its server.

Only http and https and only public addresses are used (see `guarded_network`). Redirects, bytes and seconds are
limited. No proxy and no credentials of the environment are used. The module is independent of the bytes' destination.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpcore
import httpx

from shared.domain.errors import SourceTooSlow, SourceUnavailable
from shared.media.network.exchange import Exchange, checked_url
from shared.media.network.guarded_network import DeadlineExceeded, GuardedBackend, Resolve, resolve
from shared.media.network.remote_file import FetchPolicy as FetchPolicy
from shared.media.network.remote_file import RemoteFile as RemoteFile


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
        NotMedia: The answer is a web page, or a message.
        UnsupportedRecording: The file is sent compressed in a way that cannot be undone.
    """
    target = checked_url(url)
    deadline = time.monotonic() + policy.max_seconds
    backend = GuardedBackend(policy.allow_loopback, deadline, resolve, watch=watch)
    with (
        _Failures(target, policy),
        httpcore.ConnectionPool(network_backend=backend, max_connections=1) as pool,
        Exchange(pool, target, policy) as exchange,
    ):
        yield exchange.open(offset, validator, length)


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
