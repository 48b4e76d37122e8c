"""A network that refuses addresses a stranger must not make us call: ours, our neighbours', and the platform's own.

The check stands where the connection is made, on the very address that is connected to. So it holds for redirects,
for names that resolve differently a second time (DNS rebinding), and for every odd spelling of an address.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from ssl import SSLContext
from typing import Any, TypeAlias

import httpcore

from shared.domain.errors import AddressRefused, SourceNotFound

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""(host name, port) to all of its addresses as text; raises OSError when there are none."""

# Global by the registry, and yet not somebody's server.
_REFUSED_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's platform address: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "192.0.0.0/24",  # IETF protocol assignments, RFC 6890
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "64:ff9b:1::/48",  # local-use NAT64, RFC 8215
        "100::/64",  # discard, RFC 6666
        "2001::/23",  # IETF protocol assignments with Teredo, RFC 2928
        "2002::/16",  # 6to4, RFC 3056: may lead to any IPv4 address, and is retired
        "3fff::/20",  # documentation, RFC 9637
        "5f00::/16",  # segment routing, RFC 9602
        "fec0::/10",  # site-local, RFC 3879
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def check_address(address: str, allow_loopback: bool = False) -> None:
    """Raises AddressRefused unless `address` (an IP address as text) is somebody's public server.

    `allow_loopback` lets 127.0.0.0/8 and ::1 pass, and nothing else.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError as err:
        raise AddressRefused(f"{address!r} is not an IP address.") from err
    end = _embedded_ipv4(ip) or ip
    if allow_loopback and end.is_loopback:
        return
    if not _is_public(end):
        # Which address it was is not said: that would tell a stranger how names resolve in here.
        raise AddressRefused(
            "The address leads to a private or reserved network; only servers on the public internet can be used."
        )


def resolve(host: str, port: int) -> list[str]:
    """All addresses of `host` by the system's resolver, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_public(ip: IPAddress) -> bool:
    if any(ip in network for network in _REFUSED_NETWORKS if network.version == ip.version):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local)


def _embedded_ipv4(ip: IPAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a packet to `ip` ends at, for the forms of IPv6 that carry one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to public addresses only, and ends whatever is still going on at `deadline` (of `monotonic`)."""

    def __init__(
        self,
        allow_loopback: bool,
        deadline: float,
        resolve: Resolve = resolve,
        connect: httpcore.NetworkBackend | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._deadline = deadline
        self._resolve = resolve
        self._connect = connect or httpcore.SyncBackend()
        self._monotonic = monotonic

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
        # All have to be in order before any is used: a name that also leads inside is no honest mistake.
        for address in addresses:
            check_address(address, self._allow_loopback)
        failure: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in addresses:
            try:
                stream = self._connect.connect_tcp(address, port, self._left(timeout), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as err:
                failure = err
                continue
            return _DeadlineStream(stream, self._left)
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
    """The time for the whole exchange is over, however lively the connection is."""


class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline, so that a trickle of bytes cannot go on for ever."""

    def __init__(self, stream: httpcore.NetworkStream, left: Callable[[float | None], float]) -> None:
        self._stream = stream
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, self._left(timeout)), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
