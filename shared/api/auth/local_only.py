"""Without authentication, accept requests from this machine only: guard against CSRF and DNS rebinding.

A browser on this machine also runs pages of other sites. Such a page can send a POST to any address; the request then
names the page's origin. A page can also read answers through a host name of its own that resolves to this machine (DNS
rebinding); the request then names that host.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from shared.domain.errors import ForeignHost, ForeignOrigin

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def refuse_foreign(request: HTTPConnection, public_url: str | None, origins: Sequence[str] = ()) -> None:
    """Raise ForeignHost for a request to a host name that may be another site's, and ForeignOrigin for an unsafe
    request from a page of such a host, unless `origins` names the page's.
    """
    headers = request.headers
    if (host := headers.get("host")) is not None and not _is_ours(f"//{host}", public_url):
        raise ForeignHost(
            "Without authentication the API answers only as localhost; set ROSTRUM_PUBLIC_URL or ROSTRUM_AUTH=jwt."
        )
    if request.scope["method"] in SAFE_METHODS:
        return
    origin = headers.get("origin")
    if origin in origins:
        return  # also when browsers call it cross-site, as a page of localhost is for 127.0.0.1
    is_foreign = origin is not None and not _is_ours(origin, public_url)
    if is_foreign or headers.get("sec-fetch-site", "").lower() == "cross-site":
        raise ForeignOrigin("Without authentication the API takes no orders from other sites' pages.")


def _is_ours(address: str, public_url: str | None) -> bool:
    """Return whether the address is this machine's, or the API's own."""
    try:
        host = urlsplit(address).hostname
        own = urlsplit(public_url).hostname if public_url else None
    except ValueError:
        return False
    return host is not None and (host == own or _is_local(host.removesuffix(".")))


def _is_local(host: str) -> bool:
    """Return whether no server on the internet can have this name.

    That holds for a loopback address, a name reserved for this machine (RFC 6761), and a name without a dot, as
    containers
    have on their network.
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return "." not in host or host.endswith(".localhost")
