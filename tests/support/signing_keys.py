"""Keys and tokens for tests of identity, made once."""

import base64
import hashlib
import hmac
import json
import time
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SECRET = b"0123456789abcdef0123456789abcdef"
ISSUER = "https://issuer.test/"
AUDIENCE = "rostrum"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@lru_cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A private key of this name."""
    return rsa.generate_private_key(65537, bits)


@lru_cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    """A private key of this name."""
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: PrivateKey) -> bytes:
    """The public half, as issuers publish it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def published(key: PrivateKey, **more: Any) -> dict[str, Any]:
    """The public half as a member of a key set."""
    if isinstance(key, rsa.RSAPrivateKey):
        return {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), **more}
    return {**jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), **more}


def key_set(*keys: dict[str, Any]) -> bytes:
    """A JSON Web Key Set."""
    return json.dumps({"keys": keys}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a token that is valid for days; a change to None leaves the claim out."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 1_000_000, "org_id": "acme"}
    said |= {"scopes": ["jobs:read", "jobs:write"], **changes}
    return {name: value for name, value in said.items() if value is not None}


def signed(key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **changes: Any) -> str:
    """A token with these claims."""
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid} if kid else None)


def crafted(header: dict[str, Any], payload: bytes, signature: bytes = b"") -> str:
    """A token of any shape at all."""
    parts = (json.dumps(header).encode(), payload, signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def confused(key: PrivateKey, kid: str = "one") -> str:
    """The classic key confusion: HS256 with the text of the public key, which everybody has, as the secret."""
    header, payload, _ = crafted({"alg": "HS256", "kid": kid}, json.dumps(claims()).encode()).split(".")
    signature = hmac.digest(public_pem(key), f"{header}.{payload}".encode(), hashlib.sha256)
    return f"{header}.{payload}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
