"""Find the caller of a request by the settings: the local organisation over the emulator, a bearer token elsewhere."""

import time
from collections.abc import Awaitable, Callable
from functools import partial

import httpx

from shared.api.auth.caller import LOCAL_CALLER, Caller
from shared.api.auth.key_set import KeySet, fetch_key_set, may_be_key_server
from shared.api.auth.tokens import HS256, MAX_TOKEN_CHARS, WITH_KEY_PAIR, TokenRules, key_id_of, read_token
from shared.api.http.rate_limit import RateLimit
from shared.domain.errors import AuthNotConfigured, TokenInvalid, TokenMissing
from shared.settings import Settings

MIN_SECRET_BYTES = 32
"""As long as what HS256 makes: https://www.rfc-editor.org/rfc/rfc7518#section-3.2"""

Reader = Callable[[str], Awaitable[Caller]]


class Identity:
    """The API's way to know its callers; one for each application, because it keeps keys and counts requests."""

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._limit = RateLimit(settings.rate_limit_per_minute, clock)
        self._reader: Reader | None = None

    async def caller_of(self, authorization: str | None) -> Caller:
        """Return the caller that sends this `Authorization` header.

        Raises:
            Unauthenticated: or a class below it, when there is no valid token.
            KeyServerUnavailable: when the token cannot be checked now.
            RateLimited: when the organisation asks too often.
        """
        who = await self._who(authorization)
        self._limit.take(who.org_id)
        return who

    async def _who(self, authorization: str | None) -> Caller:
        if self._settings.auth == "none":
            if self._settings.storage_is_emulator:
                return LOCAL_CALLER
            raise AuthNotConfigured("ROSTRUM_AUTH=none works only while the storage is the local emulator.")
        if self._reader is None:
            self._reader = self._make_reader()
        scheme, _, token = (authorization or "").strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise TokenMissing("The request needs the header Authorization: Bearer, with a token.")
        if len(token) > MAX_TOKEN_CHARS:
            raise TokenInvalid("The token is too long.")
        return await self._reader(token)

    def _make_reader(self) -> Reader:
        """Return the function that reads tokens; raise AuthNotConfigured, which names the missing settings."""
        settings = self._settings
        secret = settings.jwt_secret.get_secret_value().encode() if settings.jwt_secret else b""
        if bool(secret) == bool(settings.jwks_url):
            raise AuthNotConfigured("ROSTRUM_AUTH=jwt needs either ROSTRUM_JWT_SECRET or ROSTRUM_JWKS_URL.")
        rules = TokenRules(
            algorithms=HS256 if secret else WITH_KEY_PAIR,
            issuer=settings.jwt_issuer or None,
            audience=settings.jwt_audience or None,
            leeway_sec=settings.jwt_leeway_sec,
            org_claim=settings.jwt_org_claim,
        )
        if secret:
            return _with_secret(secret, rules)
        assert settings.jwks_url is not None
        if not may_be_key_server(settings.jwks_url):
            raise AuthNotConfigured("ROSTRUM_JWKS_URL must begin with https://, or with http:// on this machine.")
        if rules.issuer is None or rules.audience is None:
            raise AuthNotConfigured("ROSTRUM_JWKS_URL needs ROSTRUM_JWT_ISSUER and ROSTRUM_JWT_AUDIENCE beside it.")
        return _with_key_set(KeySet(partial(fetch_key_set, settings.jwks_url, self._transport), self._clock), rules)


def _with_secret(secret: bytes, rules: TokenRules) -> Reader:
    if len(secret) < MIN_SECRET_BYTES or secret.lstrip().startswith(b"-----BEGIN"):
        raise AuthNotConfigured(f"ROSTRUM_JWT_SECRET must be random and have at least {MIN_SECRET_BYTES} bytes.")

    async def read(token: str) -> Caller:
        return read_token(token, secret, rules)

    return read


def _with_key_set(keys: KeySet, rules: TokenRules) -> Reader:
    async def read(token: str) -> Caller:
        return read_token(token, await keys.key(key_id_of(token)), rules)

    return read
