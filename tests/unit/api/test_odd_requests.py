"""What no well-meaning client sends is answered all the same, and never with a 5xx."""

import json
import re
from typing import Any

import httpx
import pytest

from shared.api.openapi import document
from tests.support.api_harness import ApiHarness

PATHS: dict[str, dict[str, Any]] = json.loads(document.TARGET.read_text(encoding="utf-8"))["paths"]
READ = sorted(path for path, methods in PATHS.items() if "get" in methods)
ODD_IDS = ["%00", "%FF", "..", "%2e%2e%2f", "a" * 5000, "%F0%9F%98%80", "'", "$filter", "a%20b", "-", "%0d%0a"]
ODD_VALUES = [
    "%00",
    "%FF%FE",
    "",
    "-1",
    "9" * 400,
    "1e400",
    "%ED%A0%80",
    "null",
    "NaN",
    "%F0%9F%98%80" * 600,
    "a=b&a=c",
    "]]",
]
ODD_HEADERS = {
    "Accept": ["", ";;;", "text/vtt;q=x, */*;q=", "a" * 4000, "*/*;q=nan", ",,,"],
    "If-None-Match": ["", '"', 'W/"', "*,*", '"a" "b"', "\xff", "," * 2000],
    "Last-Event-ID": ["-1", "9" * 20, "1.5", "abc", "\xb2", "0"],
    "Authorization": ["", "Bearer", "Bearer \xff", "Basic Zm9v", "Bearer " + "a." * 3000],
    "Content-Type": ["", "application/json; charset=utf-7", ";", "\xff", "multipart/form-data"],
    "traceparent": ["00-0-0-00", "\xff", "ff-" + "0" * 60],
    "X-Forwarded-Proto": ["javascript", "https,http", "\xff"],
    "Idempotency-Key": ["", " ", "\xff", "a" * 300, "a,b"],
}
ODD_BODIES = [
    b"",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"null",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"sourceUrl": "\\ud800"}',
    b'{"sourceUrl": "https://e.org/", "metadata": {"\\udfff": 1}}',
    b'{"sourceUrl": "https://e.org/", "metadata": {"a": "\\ud800"}}',
    b'{"sourceUrl": "https://e.org/", "sessionName": "\\u0000"}',
    b'{"sourceUrl": "https://e.org/", "sessionName": "\\ud83d"}',
    b'{"sourceUrl": "https://e.org/", "metadata": {"a": NaN}}',
    b'{"sourceUrl": "https://e.org/", "metadata": {"a": 1e999}}',
    b'{"sourceUrl": "https://e.org/", "metadata": {"a": ' + b"9" * 5000 + b"}}",
    b'{"sourceUrl": "https://e.org/", "delaySeconds": ' + b"9" * 400 + b"}",
    b'{"sourceUrl": "https://e.org/", "startAt": "0000-00-00T00:00:00Z"}',
    b'{"sourceUrl": "https://e.org/", "startAt": "9999-12-31T23:59:59-23:59"}',
    b'{"sourceUrl": "https://e.org/", "startAt": "0001-01-01T00:00:00+23:59"}',
    b'{"sourceUrl": "http://[::1", "sourceUrl": "http://\\u2100/"}',
    b'{"sourceName": "\\ud800", "contentLength": 1}',
    b'{"sourceName": "a", "contentLength": ' + b"9" * 4301 + b"}",
    b'{"cron": "0 0 31 2 *", "job": {"sourceUrl": "https://e.org/"}}',
    b'{"cron": "\\u0000 * * * *", "timeZone": "../../etc/passwd", "job": {"sourceUrl": "https://e.org/"}}',
    b'{"cron": "* * * * *", "timeZone": "\\ud800", "job": {"sourceUrl": "https://e.org/"}}',
]


def filled(path: str, value: str) -> str:
    return re.sub(r"{\w+}", value, path)


def hold(answer: httpx.Response) -> None:
    """The answer is none of a failure here, and a refusal is a problem."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("path", [path for path in READ if "{" in path])
def test_an_odd_id_is_not_found(harness: ApiHarness, path: str) -> None:
    for odd in ODD_IDS:
        answer = harness.client.get(filled(path, odd))
        hold(answer)
        assert answer.status_code in (404, 200, 307)


@pytest.mark.parametrize("path", READ)
def test_an_odd_value_in_the_query_is_answered(harness: ApiHarness, path: str) -> None:
    names = [each["name"] for each in PATHS[path]["get"].get("parameters", ()) if each["in"] == "query"]
    for name in [*names, "%00"]:
        for odd in ODD_VALUES:
            hold(harness.client.get(f"{filled(path, 'x')}?{name}={odd}"))


@pytest.mark.parametrize(("name", "odd"), [(name, odd) for name, values in ODD_HEADERS.items() for odd in values])
def test_an_odd_header_is_answered(harness: ApiHarness, name: str, odd: str) -> None:
    job = harness.submit()
    harness.finish(job, {"transcript.json": b"{}"})
    harness.client.delete(f"/jobs/{job['jobId']}")
    header = {name: odd.encode("latin-1")}
    session = f"/sessions/{job['sessionId']}"
    for path in ("/jobs", f"/jobs/{job['jobId']}", f"/jobs/{job['jobId']}/events", f"{session}/results/transcript"):
        hold(harness.client.get(path, headers=header))
    for path in ("/jobs", f"{session}/process", "/sessions/import"):
        hold(harness.client.post(path, content=b'{"sourceUrl": "https://e.org/"}', headers=header))


@pytest.mark.parametrize("path", ["/jobs", "/ingest/init", "/ingest/commit", "/schedules", "/sessions/x/process"])
def test_an_odd_body_is_answered(harness: ApiHarness, path: str) -> None:
    for number, body in enumerate(ODD_BODIES):
        for headers in ({}, {"Idempotency-Key": f"k{number}"}):
            hold(harness.client.post(path, content=body, headers={"Content-Type": "application/json", **headers}))
    hold(harness.client.get("/jobs"))
    hold(harness.client.get("/sessions"))
