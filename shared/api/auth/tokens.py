"""Read a bearer token: from its text and a key to a caller. Knows neither where keys come from nor HTTP.

Which algorithms may be used is the rules' choice and never the token's; no failure repeats what the token says.
https://www.rfc-editor.org/rfc/rfc8725
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from shared.api.auth.caller import Caller
from shared.domain.errors import TokenExpired, TokenInvalid

HS256 = ("HS256",)
WITH_KEY_PAIR = ("RS256", "ES256")

MAX_TOKEN_CHARS = 16 * 1024

_ORGANISATION = re.compile(r"(?!.*\.\.)[0-9A-Za-z][0-9A-Za-z_.-]{0,63}(?<!\.)")
"""An organisation's id becomes a table's partition and a blob's folder, which may not end with a dot."""

_SCOPE_CLAIMS = ("scopes", "scope", "scp")

_NAME_CLAIMS = ("preferred_username", "email", "name", "sub")
"""What people recognise first: https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims"""

MAX_NAME_CHARS = 100

Key = jwt.PyJWK | bytes


@dataclass(frozen=True, slots=True)
class TokenRules:
    """The rules for a valid token; `issuer` and `audience` are checked when they are set."""

    algorithms: tuple[str, ...]
    issuer: str | None = None
    audience: str | None = None
    leeway_sec: float = 0.0
    org_claim: str = "org_id"


def read_token(token: str, key: Key, rules: TokenRules) -> Caller:
    """Return the caller that a valid token names; raise TokenInvalid or TokenExpired."""
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=list(rules.algorithms),
            issuer=rules.issuer,
            audience=rules.audience,
            leeway=rules.leeway_sec,
            options={
                "require": ["exp", rules.org_claim],
                "verify_iss": rules.issuer is not None,
                "verify_aud": rules.audience is not None,
                "enforce_minimum_key_length": True,
            },
        )
    except jwt.ExpiredSignatureError as err:
        raise TokenExpired("The token has expired.") from err
    except jwt.PyJWTError as err:
        raise TokenInvalid(_reason(err, rules)) from err
    return Caller(_organisation(claims[rules.org_claim], rules), _scopes(claims), _name(claims))


def key_id_of(token: str) -> str | None:
    """Return the id of the key that the token claims to be signed with; raise TokenInvalid."""
    try:
        return jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError as err:
        raise TokenInvalid("The token is not a JSON Web Token.") from err


def _reason(error: jwt.PyJWTError, rules: TokenRules) -> str:
    match error:
        case jwt.MissingRequiredClaimError():
            return f"The token lacks the claim {error.claim}."
        case jwt.InvalidAlgorithmError():
            return f"The token must be signed with {' or '.join(rules.algorithms)}."
        case jwt.InvalidSignatureError():
            return "The token's signature does not fit."
        case jwt.InvalidIssuerError():
            return "The token is from another issuer."
        case jwt.InvalidAudienceError():
            return "The token is for another audience."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet."
        case jwt.InvalidTokenError():
            return "The token is not a JSON Web Token, or one of its claims is malformed."
    return "The token does not fit its key."


def _organisation(value: Any, rules: TokenRules) -> str:
    if not isinstance(value, str) or _ORGANISATION.fullmatch(value) is None:
        raise TokenInvalid(f"The token's claim {rules.org_claim} is not an organisation's id.")
    return value


def _name(claims: Mapping[str, Any]) -> str | None:
    """Return how the token names the caller, in the first of the claims that is a readable text."""
    for claim in _NAME_CLAIMS:
        value = claims.get(claim)
        if isinstance(value, str) and value.strip() and value.isprintable():
            return value.strip()[:MAX_NAME_CHARS]
    return None


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes of the token: a list, or a string with spaces, in the first of the claims that is present."""
    name = next((name for name in _SCOPE_CLAIMS if name in claims), None)
    if name is None:
        return frozenset()
    value = claims[name]
    listed = value.split() if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise TokenInvalid(f"The token's claim {name} is neither a list nor a string.")
    return frozenset(listed)
