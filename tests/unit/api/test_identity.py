"""Who may call, over HTTP, by the settings."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from shared.api.app import create_app
from shared.api.auth.identity import Identity
from shared.api.auth.key_set import FRESH_SEC, REST_SEC, STALE_SEC
from tests.support.api_client import ApiClient
from tests.support.api_harness import ApiHarness, make_services
from tests.support.signing_keys import (
    AUDIENCE,
    ISSUER,
    SECRET,
    confused,
    ec_key,
    key_set,
    public_pem,
    published,
    rsa_key,
    signed,
)

BY_SECRET = {"auth": "jwt", "jwt_secret": SECRET.decode(), "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
BY_KEYS = {"auth": "jwt", "jwks_url": "https://issuer.test/keys", "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
AZURE = "DefaultEndpointsProtocol=https;AccountName=real;AccountKey=a2V5;EndpointSuffix=core.windows.net"


class KeyServer:
    """A key server that can be switched off, and a clock."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys, self.on, self.asked, self.now = keys, True, 0, 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if not self.on:
            raise httpx.ConnectError("refused", request=request)
        assert str(request.url) == BY_KEYS["jwks_url"]
        return httpx.Response(200, content=key_set(*self.keys))


@contextmanager
def asking(server: KeyServer | None = None, **settings: Any) -> Iterator[ApiClient]:
    """A client of an API with these settings."""
    services = make_services(**settings)
    app = create_app(services)
    if server:
        app.state.identity = Identity(
            services.settings, transport=httpx.MockTransport(server), clock=lambda: server.now
        )
    with ApiClient(app, base_url="http://api.localhost") as client:
        yield client


def get(client: ApiClient, token: str | None, path: str = "/jobs") -> tuple[int, str | None, httpx.Headers]:
    """Status, code and headers of the answer."""
    answer = client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})
    if token:
        assert token not in answer.text + str(answer.headers)
    return answer.status_code, answer.json().get("code"), answer.headers


def test_a_token_opens_the_door() -> None:
    with asking(**BY_SECRET) as client:
        assert get(client, signed())[0] == 200
        assert client.get("/jobs", headers={"Authorization": f"bearer   {signed()}"}).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token x"])
def test_no_token(header: str | None) -> None:
    with asking(**BY_SECRET) as client:
        answer = client.get("/jobs", headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("token", "code", "words"),
    [
        (signed(iss="https://others.test/"), "token_invalid", "The token is from another issuer."),
        (signed(aud="others"), "token_invalid", "The token is for another audience."),
        (signed(None, "none"), "token_invalid", "The token must be signed with HS256."),
        (signed(SECRET[::-1]), "token_invalid", "The token's signature does not fit."),
        (signed(exp=int(time.time()) - 3600), "token_expired", "The token has expired."),
        (signed(nbf=int(time.time()) + 1_000_000), "token_invalid", "The token is not valid yet."),
        (signed(org_id=None), "token_invalid", "The token lacks the claim org_id."),
        (signed(org_id="../others"), "token_invalid", "The token's claim org_id is not an organisation's id."),
        ("x" * 20_000, "token_invalid", "The token is too long."),
        ('"; scope="admin', "token_invalid", "The token is not a JSON Web Token, or one of its claims is malformed."),
    ],
)
def test_a_wrong_token_is_told_why(token: str, code: str, words: str) -> None:
    with asking(**BY_SECRET) as client:
        status, told, headers = get(client, token)
    assert (status, told) == (401, code)
    assert headers["WWW-Authenticate"] == f'Bearer error="invalid_token", error_description="{words}"'


def test_a_missing_scope_is_named() -> None:
    with asking(**BY_SECRET) as client:
        status, code, headers = get(client, signed(scopes=["jobs:write"]))
        assert (status, code) == (403, "insufficient_scope")
        challenge = headers["WWW-Authenticate"]
        assert challenge.startswith('Bearer error="insufficient_scope"')
        assert challenge.endswith('scope="jobs:read"')
        read_only = {"Authorization": f"Bearer {signed(scope='jobs:read', scopes=None)}"}
        refused = client.post("/jobs", json={"sourceUrl": "https://example.com/a.mp4"}, headers=read_only)
        assert (refused.status_code, refused.headers["WWW-Authenticate"][-18:]) == (403, 'scope="jobs:write"')
        admin = {"Authorization": f"Bearer {signed(scopes=['admin'])}"}
        done = client.post("/jobs", json={"sourceUrl": "https://example.com/a.mp4"}, headers=admin)
        assert done.status_code == 202
        assert done.json()["orgId"] == "acme"


def test_who_has_no_token_is_told_nothing_of_the_bodys_mistakes() -> None:
    with asking(**BY_SECRET) as client:
        assert client.post("/jobs", json={"nonsense": 1}).json()["code"] == "token_missing"


def test_keys_of_both_kinds() -> None:
    server = KeyServer(published(rsa_key("one"), kid="one"), published(ec_key("two"), kid="two"))
    with asking(server, **BY_KEYS) as client:
        assert get(client, signed(rsa_key("one"), "RS256", "one"))[0] == 200
        assert get(client, signed(ec_key("two"), "ES256", "two"))[0] == 200
        assert get(client, signed(rsa_key("one"), "RS256", "two"))[:2] == (401, "token_invalid")
    assert server.asked == 1


def test_neither_alg_none_nor_the_public_key_as_a_secret_fools_the_keys() -> None:
    server = KeyServer(published(rsa_key("one"), kid="one"))
    with asking(server, **BY_KEYS) as client:
        assert get(client, signed(None, "none", "one"))[:2] == (401, "token_invalid")
        assert get(client, signed(SECRET, "HS256", "one"))[:2] == (401, "token_invalid")
        assert get(client, confused(rsa_key("one")))[:2] == (401, "token_invalid")
        pem = public_pem(rsa_key("one"))
        assert get(client, signed(rsa_key("one"), "RS256", "one"))[0] == 200
    with asking(**{**BY_SECRET, "jwt_secret": pem.decode()}) as client:
        status, code, _ = get(client, signed())
        assert (status, code) == (401, "auth_not_configured")


def test_a_rotated_key() -> None:
    server = KeyServer(published(rsa_key("one"), kid="one"))
    with asking(server, **BY_KEYS) as client:
        assert get(client, signed(rsa_key("one"), "RS256", "one"))[0] == 200
        server.keys = (published(rsa_key("two"), kid="two"),)
        server.now = REST_SEC
        assert get(client, signed(rsa_key("two"), "RS256", "two"))[0] == 200
        assert get(client, signed(rsa_key("one"), "RS256", "one"))[:2] == (401, "token_invalid")


def test_a_key_server_that_does_not_answer() -> None:
    server = KeyServer(published(rsa_key("one"), kid="one"))
    token = signed(rsa_key("one"), "RS256", "one")
    server.on = False
    with asking(server, **BY_KEYS) as client:
        status, code, headers = get(client, token)
        assert (status, code) == (503, "key_server_unavailable")
        assert int(headers["Retry-After"]) >= 1
        server.on, server.now = True, REST_SEC
        assert get(client, token)[0] == 200
        server.on, server.now = False, REST_SEC + FRESH_SEC
        assert get(client, token)[0] == 200
        server.now = REST_SEC + STALE_SEC
        assert get(client, token)[0] == 503


def test_a_flood_of_invented_keys_reaches_the_key_server_once() -> None:
    server = KeyServer(published(rsa_key("one"), kid="one"))
    with asking(server, **BY_KEYS) as client:
        for number in range(50):
            assert get(client, signed(rsa_key("two"), "RS256", f"invented-{number}"))[:2] == (401, "token_invalid")
        assert server.asked == 1
        assert get(client, signed(rsa_key("one"), "RS256", "one"))[0] == 200


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"auth": "none", "AzureWebJobsStorage": AZURE}, "ROSTRUM_AUTH=none works only"),
        ({"auth": "jwt"}, "either ROSTRUM_JWT_SECRET or ROSTRUM_JWKS_URL"),
        ({**BY_KEYS, "jwt_secret": SECRET.decode()}, "either ROSTRUM_JWT_SECRET or ROSTRUM_JWKS_URL"),
        ({"auth": "jwt", "jwt_secret": "x" * 31}, "at least 32 bytes"),
        ({**BY_KEYS, "jwt_issuer": None}, "needs ROSTRUM_JWT_ISSUER and ROSTRUM_JWT_AUDIENCE"),
        ({**BY_KEYS, "jwt_audience": ""}, "needs ROSTRUM_JWT_ISSUER and ROSTRUM_JWT_AUDIENCE"),
        ({**BY_KEYS, "jwks_url": "http://issuer.test/keys"}, "must begin with https://"),
    ],
)
def test_settings_that_do_not_do_are_told(settings: dict[str, Any], words: str) -> None:
    with asking(**settings) as client:
        answer = client.get("/jobs", headers={"Authorization": f"Bearer {signed()}"})
        assert client.get("/health").status_code == 200
    assert (answer.status_code, answer.json()["code"]) == (401, "auth_not_configured")
    assert words in answer.json()["detail"]
    assert "x" * 31 not in answer.text


def test_the_secret_is_not_in_the_settings_text() -> None:
    assert SECRET.decode() not in repr(make_services(**BY_SECRET).settings)


def test_tokens_work_over_storage_in_azure_too() -> None:
    with asking(**BY_SECRET, AzureWebJobsStorage=AZURE) as client:
        assert get(client, signed())[0] == 200


def test_an_organisation_that_asks_too_often_waits_and_others_do_not() -> None:
    server = KeyServer()
    with asking(server, **BY_SECRET, rate_limit_per_minute=3) as client:
        assert [get(client, signed())[0] for _ in range(4)] == [200, 200, 200, 429]
        status, code, headers = get(client, signed())
        assert (status, code, headers["Retry-After"]) == (429, "rate_limited", "20")
        assert client.get("/jobs", headers={"Authorization": f"Bearer {signed()}"}).json()["retryable"] is True
        assert get(client, signed(org_id="others"))[0] == 200
        for open_path in ("/health", "/docs", "/openapi.json"):
            assert client.get(open_path).status_code == 200
        server.now += 20
        assert [get(client, signed())[0] for _ in range(2)] == [200, 429]


def test_who_is_not_known_costs_an_organisation_nothing() -> None:
    with asking(KeyServer(), **BY_SECRET, rate_limit_per_minute=1) as client:
        for _ in range(5):
            assert get(client, signed(SECRET[::-1]))[0] == 401
        assert get(client, signed())[0] == 200


def test_without_authentication_the_limit_holds_as_well(harness: ApiHarness) -> None:
    client = harness.client
    client.app.state.identity = Identity(  # type: ignore[attr-defined]
        harness.services.settings.model_copy(update={"rate_limit_per_minute": 1}), clock=lambda: 0.0
    )
    assert [client.get("/jobs").status_code for _ in range(2)] == [200, 429]
