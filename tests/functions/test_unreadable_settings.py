"""Settings that cannot be read are answered as a problem that names them, and nothing tells what they hold."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import azure.functions as func
import pytest
from azurefunctions.extensions.http.fastapi import Request

from functions.api import make_blueprint
from functions.asgi_bridge import LazyApplication, make_application
from shared.domain.errors import SettingsInvalid
from shared.settings import load_settings
from shared.wiring import services

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Have the settings read anew, and leave nothing behind."""
    load_settings.cache_clear()
    with services.replaced_by(None):
        yield
    load_settings.cache_clear()


def ask(path: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return status, headers and body of the function's answer."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def call() -> None:
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
        (function,) = indexed.get_functions()
        response = await function.get_user_function()(Request(scope, receive, send))
        await response(scope, receive, send)

    indexed = func.FunctionApp()
    indexed.register_functions(make_blueprint(LazyApplication(make_application)))
    asyncio.run(call())
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, json.loads(sent[1]["body"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROSTRUM_AUTH", SECRET),
        ("ROSTRUM_MAX_ATTEMPTS", SECRET),
        ("ROSTRUM_SAMPLE_FPS", "9000.123"),
        ("ROSTRUM_RETENTION_DAYS_BY_ORG", f"acme={SECRET}"),
        ("ROSTRUM_CORS_ORIGINS", f"https://a.example/{SECRET}"),
        ("ROSTRUM_AZURE_SPEECH_ENDPOINT", f"https://a.example/?key={SECRET}"),
        ("AzureWebJobsStorage", f"AccountName={SECRET}"),
        ("AzureWebJobsStorage", f"{SECRET};=;"),
    ],
)
@pytest.mark.parametrize("path", ["/api/health", "/api/jobs"])
def test_every_request_is_answered_with_the_problem(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, value: str, path: str
) -> None:
    monkeypatch.setenv(name, value)
    status, headers, problem = ask(path)
    assert (status, headers["content-type"]) == (500, "application/problem+json")
    assert (problem["code"], problem["title"], problem["retryable"]) == (
        "settings_invalid",
        "The service is not set up correctly",
        False,
    )
    assert name in problem["detail"]
    for told in (json.dumps(problem), caplog.text):
        assert SECRET not in told
        assert "9000.123" not in told


def test_several_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTRUM_AUTH", "maybe")
    monkeypatch.setenv("ROSTRUM_ENGINE", "best")
    with pytest.raises(SettingsInvalid, match=r"ROSTRUM_AUTH: .* ROSTRUM_ENGINE: "):
        load_settings()


def test_the_traceback_of_a_worker_does_not_tell_values_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTRUM_MAX_ATTEMPTS", SECRET)
    with pytest.raises(SettingsInvalid) as raised:
        services()
    assert raised.value.__cause__ is raised.value.__context__ is None
