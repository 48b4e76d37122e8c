"""POST to an address that a client gave, through the guarded network: no redirects, no proxy, TLS verified, bounded in
time and in what is read.

Apart from the delivery, because it imports a network library: import it only when it is needed.
"""

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpcore
import httpx

from shared.domain.errors import AddressRefused, SourceNotFound
from shared.domain.webhook import Outcome
from shared.media.network.guarded_network import DeadlineExceeded, GuardedBackend, Resolve, resolve

CONNECT_SEC = 3.0
TOTAL_SEC = 5.0
MAX_ANSWER_BYTES = 4096
"""How much of the answer is read and dropped, for servers that fail when the connection closes early."""

MAX_ERROR_CHARS = 500

_NETWORK_FAILURES = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, DeadlineExceeded)


@dataclass(frozen=True, slots=True)
class PostPolicy:
    """How long a POST may take, and whether it may go to this machine."""

    allow_loopback: bool = False
    connect_sec: float = CONNECT_SEC
    total_sec: float = TOTAL_SEC


def post(
    url: str, headers: Mapping[str, str], body: bytes, policy: PostPolicy, now: datetime, resolve: Resolve = resolve
) -> Outcome:
    """Send the body and return the outcome; raise nothing that the server or the network caused.

    `now` is what a `Retry-After` with a date is compared with.
    """
    try:
        target = httpx.URL(url)
        known = target.scheme in ("http", "https") and bool(target.host)
    except (httpx.InvalidURL, UnicodeError):
        known = False
    if not known:
        return Outcome(error="The callback's address is not a valid web address.", is_hopeless=True)
    backend = GuardedBackend(policy.allow_loopback, time.monotonic() + policy.total_sec, resolve)
    try:
        with httpcore.ConnectionPool(network_backend=backend, max_connections=1) as pool:
            return _exchange(pool, target, headers, body, policy, now)
    except AddressRefused as error:
        return Outcome(error=error.detail, is_hopeless=True)
    except SourceNotFound as error:
        return Outcome(error=error.detail)
    except httpcore.ConnectTimeout:
        return Outcome(error=f"The server {target.host} could not be connected to within {policy.connect_sec:g} s.")
    except (httpcore.TimeoutException, DeadlineExceeded):
        return Outcome(error=f"The server {target.host} did not answer within {policy.total_sec:g} s.")
    except _NETWORK_FAILURES as error:
        return Outcome(error=f"The connection to the server {target.host} failed: {error}."[:MAX_ERROR_CHARS])


def _exchange(
    pool: httpcore.ConnectionPool,
    target: httpx.URL,
    headers: Mapping[str, str],
    body: bytes,
    policy: PostPolicy,
    now: datetime,
) -> Outcome:
    sent = {
        "Host": target.netloc.decode("ascii"),
        "User-Agent": "Rostrum",
        "Accept": "*/*",
        "Connection": "close",
        "Content-Length": str(len(body)),
        **headers,
    }
    waits = {"connect": policy.connect_sec, "read": policy.total_sec, "write": policy.total_sec, "pool": 1.0}
    with pool.stream(
        "POST",
        httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path),
        headers=[(name.encode(), value.encode("ascii")) for name, value in sent.items()],
        content=body,
        extensions={"timeout": waits},
    ) as response:
        outcome = _outcome(response.status, httpx.Headers(response.headers), now)
        with suppress(*_NETWORK_FAILURES):  # the status is known
            _read_some(response)
        return outcome


def _read_some(response: httpcore.Response) -> None:
    taken = 0
    for chunk in response.iter_stream():
        taken += len(chunk)
        if taken >= MAX_ANSWER_BYTES:
            return


def _outcome(status: int, headers: httpx.Headers, now: datetime) -> Outcome:
    if 200 <= status < 300:
        return Outcome(status)
    error = f"The server answered {status}."
    if 300 <= status < 400:
        error = f"The server answered {status}; redirects are not followed."
    return Outcome(status, error, status == HTTPStatus.GONE, _retry_after(headers.get("retry-after", ""), now))


def _retry_after(text: str, now: datetime) -> timedelta | None:
    """Return the pause of a Retry-After in either form: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after"""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((at if at.tzinfo else at.replace(tzinfo=UTC)) - now, timedelta(0))
