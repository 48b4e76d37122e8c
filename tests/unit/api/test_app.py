"""Health, who may call, and the description."""

import re
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.api.app import create_app
from shared.api.limits import Limits
from shared.api.openapi import document
from shared.api.version import VERSION
from shared.domain.errors import StorageUnavailable
from tests.support.api_client import ApiClient
from tests.support.api_harness import ApiHarness

REPO = Path(__file__).parents[3]


def test_health(harness: ApiHarness) -> None:
    answer = harness.client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": VERSION, "storage": "ok"})


def test_health_without_storage(harness: ApiHarness) -> None:
    def broken(*_: object, **__: object) -> None:
        raise StorageUnavailable("Down.")

    harness.instead("jobs", page=broken)
    answer = harness.client.get("/health")
    assert (answer.status_code, answer.json()["storage"]) == (503, "unavailable")


def test_health_does_not_wait_for_a_storage_that_hangs(harness: ApiHarness) -> None:
    answered = threading.Event()
    harness.instead("jobs", page=lambda *_, **__: answered.wait(60))
    with ApiClient(create_app(harness.services, Limits(storage_answers_within_sec=0.05))) as client:
        try:
            assert client.get("/health").status_code == 503
        finally:
            answered.set()


def test_the_version_is_the_projects() -> None:
    assert tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["version"] == VERSION


def routes(harness: ApiHarness) -> Iterator[tuple[str, str]]:
    """Every described route with the ids filled in."""
    for path, methods in harness.client.get("/openapi.json").json()["paths"].items():
        for method in methods:
            yield method.upper(), re.sub(r"{\w+}", "x", path)


def test_without_the_emulator_no_caller_is_let_in_before_authentication_is_set_up(harness: ApiHarness) -> None:
    connection = "DefaultEndpointsProtocol=https;AccountName=real;AccountKey=a2V5;EndpointSuffix=core.windows.net"
    settings = harness.services.settings.model_copy(update={"storage_connection": connection})
    object.__setattr__(harness.services, "settings", settings)
    bodies = {
        "/jobs": {"sessionId": "x"},
        "/downloader": {"sessionId": "x"},
        "/ingest/init": {"sourceName": "a", "contentLength": 1},
        "/ingest/commit": {"uploadId": "x"},
    }
    asked = list(routes(harness))
    assert len(asked) > 15
    for method, path in asked:
        answer = harness.client.request(method, path, json=bodies.get(path) if method == "POST" else None)
        if path == "/health":
            assert answer.status_code == 200
            continue
        assert (answer.status_code, answer.json()["code"]) == (401, "auth_not_configured"), path
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_description_in_docs_is_up_to_date() -> None:
    assert document.main(["--check"]) == 0


def test_drift_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi.json"
    assert document.main(["--check"], file) == 1
    assert document.main([], file) == 0
    assert document.main(["--check"], file) == 0
    file.write_text("{}")
    assert document.main(["--check"], file) == 1
    assert "python -m shared.api.openapi.document" in capsys.readouterr().err
