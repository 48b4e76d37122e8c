"""Tell addresses of public servers from private, reserved and platform addresses.

Apart from the network code, without any dependency but the standard library, so that the API can check addresses too.
"""

import ipaddress
import socket
from typing import TypeAlias

from shared.domain.errors import AddressRefused

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

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
"""Networks that no public server is in, although `is_global` may be true for them."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Prefix of IPv6 addresses that carry an IPv4 address in the last 32 bits (RFC 6052)."""


def check_address(address: str, allow_loopback: bool = False) -> None:
    """Raise AddressRefused unless `address` (an IP address as text) can be that of a public server.

    With `allow_loopback`, accept 127.0.0.0/8 and ::1 as well, and nothing else.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError as err:
        raise AddressRefused(f"{address!r} is not an IP address.") from err
    end = _embedded_ipv4(ip) or ip
    if allow_loopback and end.is_loopback:
        return
    if not _is_public(end):
        # The message leaves out the address: it would tell the client how names resolve in this network.
        raise AddressRefused(
            "The address leads to a private or reserved network; only servers on the public internet can be used."
        )


def check_host(host: str, allow_loopback: bool = False) -> None:
    """Raise AddressRefused for a private or reserved host that is recognisable without a resolver.

    These are addresses in any spelling, and `localhost`. Other names are checked when they are connected to.
    """
    literal = _literal(host)
    if literal is not None:
        check_address(literal, allow_loopback)
    elif host.lower().rstrip(".").rpartition(".")[2] == "localhost":  # RFC 6761: always loopback
        check_address("127.0.0.1", allow_loopback)


def _literal(host: str) -> str | None:
    """Return the address that a resolver would take `host` for, if it is one; otherwise None.

    Resolvers accept spellings such as `127.1`, `0x7f000001` and `127.0.0.1.`.
    """
    host = host.rstrip(".")
    try:
        return str(ipaddress.ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _is_public(ip: IPAddress) -> bool:
    if any(ip in network for network in _REFUSED_NETWORKS if network.version == ip.version):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local)


def _embedded_ipv4(ip: IPAddress) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that a packet to `ip` ends at, for the forms of IPv6 that carry one; else None."""
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None
