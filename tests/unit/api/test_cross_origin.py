"""Pages of chosen origins call the API from a browser; pages of other origins do not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from shared.api.app import create_app
from shared.settings import Settings
from tests.support.api_client import ApiClient
from tests.support.api_harness import make_services
from tests.support.signing_keys import SECRET

DASHBOARD, SAME_MACHINE = "http://localhost:8080", "http://127.0.0.1:8080"
OURS, FOREIGN = "https://studio.example", "https://evil.example"
AZURE = "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5;EndpointSuffix=core.windows.net"
TOKENS = {"auth": "jwt", "jwt_secret": SECRET.decode()}


@contextmanager
def api(**settings: Any) -> Iterator[ApiClient]:
    with ApiClient(create_app(make_services(**settings)), base_url="http://api.localhost") as client:
        yield client


def preflight(client: ApiClient, origin: str, path: str = "/jobs", method: str = "POST") -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,traceparent",
    }
    return client.options(path, headers=headers)


@pytest.mark.parametrize("origin", [DASHBOARD, SAME_MACHINE])
def test_locally_the_dashboard_may_call_and_read_every_answer(origin: str) -> None:
    with api() as client:
        asked = preflight(client, origin)
        made = client.post("/jobs", json={"sourceUrl": "https://example.com/a.mp4"}, headers={"Origin": origin})
        refused = client.get("/jobs/none", headers={"Origin": origin})
    assert asked.status_code == 200
    assert {"authorization", "idempotency-key"} <= set(asked.headers["access-control-allow-headers"].split(","))
    assert (made.status_code, refused.status_code) == (202, 404)
    for answer in (asked, made, refused):
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Origin" in answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers
    exposed = {name.strip() for name in made.headers["access-control-expose-headers"].split(",")}
    assert {"ETag", "Location", "Operation-Location", "Retry-After", "Idempotency-Replayed"} <= exposed


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_preflight_needs_no_token(method: str) -> None:
    with api(**TOKENS, cors_origins=OURS) as client:
        asked = preflight(client, OURS, "/sessions/s/results/transcript", method)
        unknown = client.get("/jobs", headers={"Origin": OURS})
    assert asked.status_code == 200
    assert method in asked.headers["access-control-allow-methods"]
    assert (unknown.status_code, unknown.headers["access-control-allow-origin"]) == (401, OURS)


def test_a_page_of_another_name_of_this_machine_gives_orders() -> None:
    """Browsers call a request from localhost to 127.0.0.1 cross-site."""
    headers = {"Origin": DASHBOARD, "Sec-Fetch-Site": "cross-site", "Host": "127.0.0.1:7071"}
    with api() as client:
        answer = client.post("/jobs", json={"sourceUrl": "https://example.com/a.mp4"}, headers=headers)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        ({}, FOREIGN),
        ({}, "null"),
        ({}, "http://localhost:8081"),
        ({}, "https://localhost:8080"),
        ({"cors_origins": OURS}, DASHBOARD),
        ({"cors_origins": OURS}, OURS + ".evil.example"),
        ({"cors_origins": ""}, DASHBOARD),
        ({**TOKENS, "AzureWebJobsStorage": AZURE}, DASHBOARD),
    ],
)
def test_other_pages_may_not(settings: dict[str, Any], origin: str) -> None:
    with api(**settings) as client:
        answers = (preflight(client, origin), client.get("/health", headers={"Origin": origin}))
    for answer in answers:
        assert "access-control-allow-origin" not in answer.headers


def test_any_origin_needs_tokens() -> None:
    with api(**TOKENS, cors_origins="*") as client:
        assert preflight(client, FOREIGN).headers["access-control-allow-origin"] == "*"
    with pytest.raises(ValidationError, match="ROSTRUM_AUTH=jwt"):
        Settings.model_validate({"cors_origins": "*"})


@pytest.mark.parametrize(
    "text", ["rostrum.example", "https://rostrum.example/app", "https://*.example", "ftp://a.example", "https://a b"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="ROSTRUM_CORS_ORIGINS"):
        Settings.model_validate({"cors_origins": text})


def test_origins_are_compared_as_browsers_write_them() -> None:
    settings = Settings.model_validate({"cors_origins": "HTTPS://Studio.Example/ , http://[::1]:3000,"})
    assert settings.browser_origins == (OURS, "http://[::1]:3000")
