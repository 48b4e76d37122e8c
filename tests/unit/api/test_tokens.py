"""What a token must be like, and who cannot be fooled by which one."""

import json
import time
from typing import Any

import jwt
import pytest

from shared.api.auth.caller import Caller
from shared.api.auth.tokens import HS256, WITH_KEY_PAIR, Key, TokenRules, key_id_of, read_token
from shared.domain.errors import TokenExpired, TokenInvalid
from tests.support.signing_keys import (
    AUDIENCE,
    ISSUER,
    SECRET,
    claims,
    confused,
    crafted,
    ec_key,
    published,
    rsa_key,
    signed,
)

BY_SECRET = TokenRules(HS256, ISSUER, AUDIENCE, leeway_sec=30)
BY_KEYS = TokenRules(WITH_KEY_PAIR, ISSUER, AUDIENCE, leeway_sec=30)
RSA = jwt.PyJWK(published(rsa_key("one")), "RS256")
EC = jwt.PyJWK(published(ec_key("one")), "ES256")


@pytest.mark.parametrize(
    ("token", "key", "rules"),
    [
        pytest.param(signed(), SECRET, BY_SECRET, id="HS256"),
        pytest.param(signed(rsa_key("one"), "RS256"), RSA, BY_KEYS, id="RS256"),
        pytest.param(signed(ec_key("one"), "ES256"), EC, BY_KEYS, id="ES256"),
        pytest.param(signed(aud=["others", AUDIENCE]), SECRET, BY_SECRET, id="one of several audiences"),
        pytest.param(signed(aud=None, iss=None), SECRET, TokenRules(HS256), id="neither issuer nor audience asked for"),
        pytest.param(signed(), SECRET, TokenRules(HS256), id="more said than asked for"),
        pytest.param(signed(org_id=None, tid="acme"), SECRET, TokenRules(HS256, org_claim="tid"), id="another claim"),
    ],
)
def test_a_valid_token_names_its_caller(token: str, key: Key, rules: TokenRules) -> None:
    assert read_token(token, key, rules) == Caller("acme", frozenset({"jobs:read", "jobs:write"}))


@pytest.mark.parametrize(
    ("said", "scopes"),
    [
        ({"scopes": ["jobs:read"]}, {"jobs:read"}),
        ({"scopes": "jobs:read admin"}, {"jobs:read", "admin"}),
        ({"scope": "jobs:read  jobs:write"}, {"jobs:read", "jobs:write"}),
        ({"scp": "jobs:write"}, {"jobs:write"}),
        ({"scp": ["jobs:write"]}, {"jobs:write"}),
        ({"scopes": [], "scope": "admin"}, set()),
        ({}, set()),
    ],
)
def test_scopes_come_as_a_list_or_a_string(said: dict[str, Any], scopes: set[str]) -> None:
    assert read_token(signed(**{"scopes": None, **said}), SECRET, BY_SECRET).scopes == scopes


def unsigned(algorithm: str) -> str:
    return crafted({"alg": algorithm, "typ": "JWT"}, json.dumps(claims()).encode())


def changed(token: str) -> str:
    """The same signature under other claims."""
    header, _, signature = token.split(".")
    return f"{header}.{signed(org_id='others').split('.')[1]}.{signature}"


FROM_KEYS, FROM_SECRET = (RSA, BY_KEYS), (SECRET, BY_SECRET)


@pytest.mark.parametrize(
    ("token", "how", "words"),
    [
        pytest.param(unsigned("none"), FROM_SECRET, "must be signed with HS256", id="alg none"),
        pytest.param(unsigned("nOnE"), FROM_SECRET, "must be signed with HS256", id="alg none in other letters"),
        pytest.param(unsigned("none"), FROM_KEYS, "must be signed with RS256 or ES256", id="alg none for keys"),
        pytest.param(confused(rsa_key("one")), FROM_KEYS, "must be signed with RS256", id="key confusion"),
        pytest.param(signed(), FROM_KEYS, "must be signed with RS256", id="HS256 where keys are used"),
        pytest.param(signed(rsa_key("one"), "RS256"), FROM_SECRET, "must be signed with HS256", id="RS256 for secret"),
        pytest.param(signed(SECRET * 2, "HS512"), FROM_SECRET, "must be signed with HS256", id="another length"),
        pytest.param(signed(rsa_key("one"), "PS256"), FROM_KEYS, "must be signed with RS256", id="another padding"),
        pytest.param(signed(ec_key("one"), "ES256"), FROM_KEYS, "must be signed with", id="the other kind of key"),
        pytest.param(signed(rsa_key("two"), "RS256"), FROM_KEYS, "signature does not fit", id="another key"),
        pytest.param(signed(SECRET[::-1]), FROM_SECRET, "signature does not fit", id="another secret"),
        pytest.param(changed(signed()), FROM_SECRET, "signature does not fit", id="changed claims"),
        pytest.param(signed(iss="https://others.test/"), FROM_SECRET, "another issuer", id="wrong issuer"),
        pytest.param(signed(iss=None), FROM_SECRET, "lacks the claim iss", id="no issuer"),
        pytest.param(signed(aud="others"), FROM_SECRET, "another audience", id="wrong audience"),
        pytest.param(signed(aud=None), FROM_SECRET, "lacks the claim aud", id="no audience"),
        pytest.param(signed(exp=None), FROM_SECRET, "lacks the claim exp", id="no end"),
        pytest.param(signed(exp="soon"), FROM_SECRET, "malformed", id="an end that is no time"),
        pytest.param(signed(nbf=int(time.time()) + 1_000_000), FROM_SECRET, "not valid yet", id="not yet valid"),
        pytest.param(signed(iat=int(time.time()) + 1_000_000), FROM_SECRET, "not valid yet", id="issued in the future"),
        pytest.param(signed(org_id=None), FROM_SECRET, "lacks the claim org_id", id="no organisation"),
        pytest.param(signed(scopes=7), FROM_SECRET, "claim scopes is neither", id="scopes that are a number"),
        pytest.param(signed(scopes=["jobs:read", 7]), FROM_SECRET, "claim scopes is neither", id="a scope that is one"),
        pytest.param("", FROM_SECRET, "not a JSON Web Token", id="nothing"),
        pytest.param("a.b.c", FROM_SECRET, "not a JSON Web Token", id="nonsense"),
        pytest.param("é.é.é", FROM_SECRET, "not a JSON Web Token", id="no ASCII"),
        pytest.param(signed().rsplit(".", 1)[0] + ".", FROM_SECRET, "signature does not fit", id="cut off"),
        pytest.param(crafted({"alg": "HS256"}, b"[" * 100_000), FROM_SECRET, "signature does not fit", id="deep"),
        pytest.param(crafted({"alg": "HS256", "crit": ["x"]}, b"{}"), FROM_SECRET, "not a JSON Web Token", id="crit"),
    ],
)
def test_any_other_token_is_refused_without_repeating_it(token: str, how: tuple[Key, TokenRules], words: str) -> None:
    with pytest.raises(TokenInvalid, match=words) as refused:
        read_token(token, *how)
    assert not any(part in refused.value.detail for part in token.split(".") if len(part) > 3)


def test_an_expired_token_is_told_from_a_wrong_one() -> None:
    token = signed(exp=int(time.time()) - 3600)
    with pytest.raises(TokenExpired):
        read_token(token, SECRET, BY_SECRET)
    lenient = TokenRules(HS256, ISSUER, AUDIENCE, leeway_sec=1_000_000)
    assert read_token(token, SECRET, lenient).org_id == "acme"


@pytest.mark.parametrize("org_id", ["a", "0", "Acme-1_2.eu", "x" * 64])
def test_an_organisations_id(org_id: str) -> None:
    assert read_token(signed(org_id=org_id), SECRET, BY_SECRET).org_id == org_id


@pytest.mark.parametrize(
    "org_id",
    ["", ".", "..", "a..b", "-a", "_a", ".a", "a.", "a/b", "a\\b", "a b", "a\n", "é", "a#", "x" * 65, 7, ["a"], {}],
)
def test_what_could_not_be_a_partition_and_a_folder_is_no_organisation(org_id: object) -> None:
    with pytest.raises(TokenInvalid, match="claim org_id"):
        read_token(signed(org_id=org_id), SECRET, BY_SECRET)


def test_the_key_that_a_token_names() -> None:
    assert key_id_of(signed(rsa_key("one"), "RS256", kid="one")) == "one"
    assert key_id_of(signed()) is None
    for nonsense in ("", "x", crafted({"kid": 7, "alg": "RS256"}, b"{}")):
        with pytest.raises(TokenInvalid):
            key_id_of(nonsense)
