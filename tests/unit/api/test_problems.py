"""Failures as problem details, at any layer."""

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.api.http.outer_middleware import MAX_JSON_BYTES
from shared.api.http.problems import problem_of
from shared.api.openapi import problem_examples
from shared.domain import errors
from shared.domain.errors import RostrumError, StorageFull, StorageUnavailable, WriteConflict
from tests.support.api_client import ApiClient
from tests.support.api_harness import ApiHarness

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "retryable", "traceId"}
JSON = {"Content-Type": "application/json"}


def every_error() -> Iterator[type[RostrumError]]:
    """The classes of the tree."""
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, RostrumError) and kind is not RostrumError:
            yield kind


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_every_named_failure_has_a_status_and_shows_its_detail(kind: type[RostrumError]) -> None:
    problem = problem_of(kind("What happened."))
    assert 400 <= problem.status < 600
    assert (problem.status == 500) == (kind in (errors.UnreadableRow, errors.SettingsInvalid))
    assert (problem.code, problem.retryable) == (kind.code, kind.retryable)
    waits = problem.status in (429, 503) or kind is errors.IdempotencyKeyInUse
    assert ("Retry-After" in problem.headers) == waits
    pause = f" Try again in {problem.headers['Retry-After']} s." if waits else ""
    assert problem.detail == f"What happened.{pause}"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("InvalidRequest", 422), ("NotFound", 404), ("ResultNotReady", 404), ("Conflict", 409),
        ("UploadIncomplete", 409), ("StorageFull", 503), ("WriteConflict", 503), ("StorageUnavailable", 503),
        ("AuthNotConfigured", 401), ("RecordingTooLarge", 413), ("EmptyRecording", 422),
    ],
)  # fmt: skip
def test_the_statuses(kind: str, status: int) -> None:
    assert problem_of(getattr(errors, kind)("x")).status == status


def send(client: ApiClient, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> dict[str, object]:
    answer = client.request(method, path, content=body, headers=headers)
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, object] = answer.json()
    assert set(problem) >= MEMBERS
    assert problem["status"] == answer.status_code
    assert problem["instance"] == path
    assert problem["type"] == f"urn:rostrum:problem:{problem['code']}"
    assert re.fullmatch(r"[0-9a-f]{32}", str(problem["traceId"]))
    return problem


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        pytest.param("GET", "/nowhere", None, {}, 404, "not_found", id="no such address"),
        pytest.param("PUT", "/jobs", None, {}, 405, "method_not_allowed", id="wrong method"),
        pytest.param("POST", "/jobs", b"{nope", JSON, 400, "malformed_json", id="no JSON"),
        pytest.param("POST", "/jobs", b"\xff", JSON, 400, "malformed_request", id="no text"),
        pytest.param("POST", "/jobs", None, JSON, 422, "invalid_request", id="no body"),
        pytest.param("POST", "/jobs", b"a", {"Content-Type": "text/plain"}, 415, "unsupported_media_type", id="text"),
        pytest.param("POST", "/jobs", b"a", {"Content-Type": "multipart/form-data; boundary=x"}, 415,
                     "unsupported_media_type", id="a form"),
        pytest.param("POST", "/jobs", b" " * (MAX_JSON_BYTES + 1), JSON, 413, "body_too_large", id="too large"),
        pytest.param("POST", "/jobs", b"[" * 100_000, JSON, 400, "malformed_request", id="too deep"),
    ],
)  # fmt: skip
def test_what_no_route_answers(
    harness: ApiHarness, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int, code: str
) -> None:
    problem = send(harness.client, method, path, body, headers)
    assert (problem["status"], problem["code"]) == (status, code)


def test_a_large_body_of_unknown_length_is_refused_while_it_arrives(harness: ApiHarness) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b" " * 10_000

    answer = harness.client.post("/jobs", content=pieces(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_the_callers_trace_is_told(harness: ApiHarness) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    known = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    assert send(harness.client, "GET", "/nowhere", None, known)["traceId"] == trace_id
    for nonsense in ("", "00-xyz", f"00-{'0' * 32}-b7ad6b7169203331-01", f"ff-{trace_id}-b7ad6b7169203331-01"):
        assert send(harness.client, "GET", "/nowhere", None, {"traceparent": nonsense})["traceId"] != trace_id


def test_an_unknown_failure_is_logged_and_keeps_its_text_to_itself(
    harness: ApiHarness, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret")

    harness.instead("jobs", get=broken)
    problem = send(harness.client, "GET", "/jobs/x", None, {})
    assert (problem["status"], problem["code"]) == (500, "internal_error")
    assert "secret" not in str(problem)
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [getattr(record, "trace_id", None) for record in logged] == [problem["traceId"]]
    assert "the secret" in caplog.text


@pytest.mark.parametrize("error", [StorageUnavailable("Down."), WriteConflict("Busy."), StorageFull("Full.")])
def test_a_transient_failure_asks_for_a_retry(harness: ApiHarness, error: RostrumError) -> None:
    def broken(*_: object) -> None:
        raise error

    harness.instead("jobs", get=broken)
    answer = harness.client.get("/jobs/x")
    assert answer.status_code == 503
    assert answer.json()["retryable"] is True
    assert int(answer.headers["Retry-After"]) > 0


def test_a_stream_that_breaks_off_is_logged_and_not_ended_as_if_it_were_whole(
    harness: ApiHarness, caplog: pytest.LogCaptureFixture
) -> None:
    job = harness.submit()
    harness.finish(job, {"sidecar.json": b"x" * 100})

    def broken(*_: object, **__: object) -> Iterator[bytes]:
        yield b"x"
        raise WriteConflict("Written anew meanwhile.")

    harness.instead("blobs", chunks=broken)
    with pytest.raises(RuntimeError, match="response already started"):
        harness.client.get(f"/sessions/{job['sessionId']}/sidecar")
    (logged,) = [record for record in caplog.records if record.name.startswith("shared.")]
    assert (logged.message, logged.levelno) == ("response broke off", logging.WARNING)
    assert "Written anew meanwhile." in caplog.text


def raised_constants(source: str) -> list[int]:
    """Return the lines that raise a name in capitals; a module whose text has no such words is not parsed."""
    if not re.search(r"\braise[\s(\\]+[A-Z0-9_]+\b", source):
        return []
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id.isupper()
    ]


def test_no_error_is_raised_that_the_process_keeps() -> None:
    """Its traceback would hold the frames of every request that met it."""
    root = Path(problem_examples.__file__).parents[2]
    raised = {
        str(path.relative_to(root)): lines
        for path in root.rglob("*.py")
        if (lines := raised_constants(path.read_text(encoding="utf-8")))
    }
    assert raised == {}
    for kept in ("raise NOT_UTF8", "raise (\n    NOT_UTF8\n) from None", "raise \\\n    EMPTY"):
        assert raised_constants(f"x = 1\n{kept}\n") == [2]
    assert raised_constants("raise ValueError('x')\nraise error\nraise\n") == []


@pytest.mark.parametrize("example", [*problem_examples.EXAMPLES.values(), problem_examples.NOT_UTF8], ids=repr)
def test_a_new_error_is_told_as_its_example_is(example: Exception) -> None:
    made = problem_examples.new(example)
    assert made is not example
    assert problem_of(made) == problem_of(example)


def test_a_refused_body_is_not_kept(harness: ApiHarness) -> None:
    path, plain = "/sessions/s1/results/transcript", {"Content-Type": "text/plain"}
    assert harness.client.post(f"{path}/import", content=b"\xff", headers=plain).status_code == 400
    assert harness.client.post(f"{path}/import", content=b" ", headers=plain).status_code == 422
    assert harness.client.get(path, params={"partial": True, "format": "vtt"}).status_code == 406
    kept = [problem_examples.NOT_UTF8, problem_examples.EMPTY_TEXT, problem_examples.ONLY_JSON]
    assert [each.__traceback__ for each in kept] == [None, None, None]
    assert [each.__cause__ for each in kept] == [None, None, None]
