"""Keep and renew the public keys of a token's issuer (a JSON Web Key Set). Knows nothing of tokens' claims.

An unknown key id makes the set be fetched again, because issuers rotate their keys. This happens only so often, so that
a caller who invents key ids cannot hammer the key server. While the server does not answer, the keys that were fetched
stay valid for a day. https://www.rfc-editor.org/rfc/rfc7517
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from math import ceil, inf
from typing import Any

import httpx
import jwt

from shared.domain.errors import KeyServerUnavailable, TokenInvalid

log = logging.getLogger(__name__)

FRESH_SEC = 3600.0
"""Keys of this age are fetched again."""

STALE_SEC = 24 * 3600.0
"""Keys of this age are no longer used, however long the server does not answer: it may have withdrawn them."""

REST_SEC = 10.0
"""The shortest time from one fetch to the next."""

FETCH_SEC = 5.0
"""The longest time of one fetch."""

MAX_SET_BYTES = 256 * 1024

_ALGORITHMS: dict[tuple[str, str | None], str] = {("RSA", None): "RS256", ("EC", "P-256"): "ES256"}


class KeySet:
    """Keys by name, from what `fetch` gives."""

    def __init__(
        self, fetch: Callable[[], Awaitable[bytes]], clock: Callable[[], float], fetch_sec: float = FETCH_SEC
    ) -> None:
        self._fetch = fetch
        self._fetch_sec = fetch_sec
        self._clock = clock
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = -inf
        self._answers = True
        self._lock = asyncio.Lock()

    async def key(self, key_id: str | None) -> jwt.PyJWK:
        """Return the key with this id, or the only key for a token that names none.

        Raises TokenInvalid when the issuer has no such key, and KeyServerUnavailable when that cannot be found out now.
        """
        if self._age() >= FRESH_SEC or self._known(key_id) is None:
            await self._renew(key_id)
        known = self._known(key_id)
        if known is not None:
            return known
        if not self._answers:
            raise KeyServerUnavailable(
                "The key server does not answer, and the token's key is not known.", ceil(REST_SEC)
            )
        raise TokenInvalid("The token's key is none of the issuer's.")

    def _known(self, key_id: str | None) -> jwt.PyJWK | None:
        if self._age() >= STALE_SEC:
            return None
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    async def _renew(self, key_id: str | None) -> None:
        """Fetch the set unless that was tried a moment ago; a caller that has a key does not wait for another caller's
        fetch.
        """
        if self._lock.locked() and self._known(key_id) is not None:
            return
        async with self._lock:
            if self._clock() - self._tried_at < REST_SEC:
                return
            self._tried_at = self._clock()
            try:
                async with asyncio.timeout(self._fetch_sec):
                    self._keys = read_key_set(await self._fetch())
            except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as err:
                self._answers = False
                log.warning("key server does not answer", extra={"action": "fetch_keys", "detail": repr(err)})
                return
            self._answers, self._fetched_at = True, self._clock()


def read_key_set(text: bytes) -> dict[str | None, jwt.PyJWK]:
    """Return the usable keys of a JSON Web Key Set by their ids; raise ValueError when it is not one, or has no usable
    key.
    """
    listed = json.loads(text)
    keys = listed.get("keys") if isinstance(listed, dict) else None
    if not isinstance(keys, list):
        raise ValueError("not a JSON Web Key Set")
    usable = {key.key_id: key for each in keys if isinstance(each, dict) and (key := _usable(each)) is not None}
    if not usable:
        raise ValueError("no key for RS256 or ES256")
    return usable


def _usable(data: dict[str, Any]) -> jwt.PyJWK | None:
    """Return the key if it verifies RS256 or ES256 and is long enough, else None: a set may hold keys for other
    purposes.
    """
    kind = data.get("kty")
    algorithm = _ALGORITHMS.get((str(kind), str(data.get("crv")) if kind == "EC" else None))
    if algorithm is None or data.get("alg", algorithm) != algorithm or data.get("use", "sig") != "sig":
        return None
    if "d" in data or not isinstance(data.get("kid"), str | None):
        return None  # a private key is known to everybody by now
    try:
        key = jwt.PyJWK(data, algorithm)
    except jwt.PyJWTError:
        return None
    return None if key.Algorithm.check_key_length(key.key) else key


def may_be_key_server(url: str) -> bool:
    """Return whether keys may come from this address: over https, or from this machine."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return bool(parsed.host) and (parsed.scheme == "https" or (parsed.scheme == "http" and _is_loopback(parsed.host)))


async def fetch_key_set(url: str, transport: httpx.AsyncBaseTransport | None = None) -> bytes:
    """Return the key server's answer; raise httpx.HTTPError, or ValueError when it is too long."""
    async with httpx.AsyncClient(timeout=FETCH_SEC, transport=transport) as client, client.stream("GET", url) as answer:
        if answer.status_code != httpx.codes.OK:
            raise ValueError(f"status {answer.status_code}")
        text = bytearray()
        async for chunk in answer.aiter_bytes():
            text += chunk
            if len(text) > MAX_SET_BYTES:
                raise ValueError(f"more than {MAX_SET_BYTES} bytes")
        return bytes(text)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
