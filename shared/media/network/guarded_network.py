"""Refuse connections to private, reserved and platform addresses, as a guard against server-side request forgery.

The check is made at the connection, on the very address that is connected to. So it holds for redirects, for names
that resolve differently a second time (DNS rebinding), and for every unusual spelling of an address.
"""

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from ssl import SSLContext
from typing import Any, TypeAlias

import httpcore

from shared.domain.errors import AddressRefused, SourceNotFound
from shared.media.network.public_address import check_address

WATCH_EVERY_SEC = 1.0
"""Longest wait for bytes between two calls of `watch`, by which the caller can end the exchange."""

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""A name resolver: (host name, port) to all addresses of the host as text; raises OSError when there are none."""


def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of `host` by the system's resolver, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore.NetworkBackend):
    """A network back end that connects to public addresses only and ends every exchange at `deadline`.

    `deadline` is a time of `monotonic`, in seconds. During a wait for the server's bytes `watch` is called every
    `WATCH_EVERY_SEC`. An exception of `watch` ends the wait.
    """

    def __init__(
        self,
        allow_loopback: bool,
        deadline: float,
        resolve: Resolve = resolve,
        connect: httpcore.NetworkBackend | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._deadline = deadline
        self._resolve = resolve
        self._connect = connect or httpcore.SyncBackend()
        self._monotonic = monotonic
        self._watch = watch

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = self._resolve(host.strip("[]"), port)
        except UnicodeError as err:
            raise AddressRefused(f"{host!r} is not the name of a server.") from err
        except OSError as err:
            if isinstance(err, socket.gaierror) and err.errno == socket.EAI_NONAME:
                raise SourceNotFound(f"There is no server with the name {host}.") from err
            raise httpcore.ConnectError(f"the name {host} cannot be resolved now") from err
        # All addresses have to be public before any is used: a name that also leads inside is suspicious.
        for address in addresses:
            check_address(address, self._allow_loopback)
        failure: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in addresses:
            try:
                stream = self._connect.connect_tcp(address, port, self._left(timeout), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as err:
                failure = err
                continue
            return _WatchedStream(stream, self._left, self._watch)
        raise failure or httpcore.ConnectError(f"the name {host} has no address")

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        raise AddressRefused("A socket file is not a source's address.")

    def _left(self, timeout: float | None) -> float:
        left = self._deadline - self._monotonic()
        if left <= 0:
            raise DeadlineExceeded
        return left if timeout is None else min(timeout, left)


class DeadlineExceeded(Exception):
    """The time for the whole exchange is over, even if bytes still arrive."""


class _WatchedStream(httpcore.NetworkStream):
    """A connection on which every wait ends at the deadline, so that a trickle of bytes cannot last for ever."""

    def __init__(
        self, stream: httpcore.NetworkStream, left: Callable[[float | None], float], watch: Callable[[], None]
    ) -> None:
        self._stream = stream
        self._left = left
        self._watch = watch

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        patience = self._left(timeout)
        while True:
            self._watch()
            wait = min(patience, WATCH_EVERY_SEC)
            try:
                return self._stream.read(max_bytes, wait)
            except httpcore.ReadTimeout:
                patience = min(patience - wait, self._left(timeout))
                if patience <= 0:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._left(timeout))
        return _WatchedStream(secured, self._left, self._watch)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
