"""What a worker of Azure Functions lets through: the message of a record alone, and lines on standard error."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[2]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

PLAIN_WORKER = '''
import logging, sys
from datetime import timedelta

class PlainWorker(logging.Handler):
    """Keeps what the worker of Azure Functions keeps."""
    def emit(self, record):
        print("KEPT", record.name, record.getMessage())

logging.basicConfig(level=logging.INFO, handlers=[PlainWorker()])
import function_app
'''

IDLE_MINUTE = (
    PLAIN_WORKER
    + """
from functions.maintenance import sweep
from shared.wiring import services

for _ in range(4):
    sweep.build().get_user_function()(None)
print("SWEPT", services().storage.queues.facts("tasks").waiting)
"""
)

RUN = (
    PLAIN_WORKER
    + """
from fastapi.testclient import TestClient
from shared.api.app import create_app
from shared.domain.errors import NotMedia
from shared.domain.stage import Stage
from shared.domain.message import StepKind
from shared.pipeline.context import Delivery
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.execution.run_step import run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.jobs.submit import JobRequest, submit_url
from tests.support.pipeline_harness import PipelineHarness

harness = PipelineHarness()

def broken(context):
    raise ValueError("an error, a warning and a failure")

harness.instead[Stage.DOWNLOAD, StepKind.PART] = broken
job = harness.submit(job_id="failing", session_id="s1", traceparent="00-TRACE-00f067aa0ba902b7-01")
for _ in range(harness.services.settings.max_attempts + 1):
    for message in harness.take():
        run_step(harness.services, message, Delivery("m", 1))
    harness.now += timedelta(hours=1)
harness.submit(job_id="swept", session_id="s2")
harness.take()
asked = JobRequest(org_id="local", job_id="asked-for", session_id="s3")
submit_url(harness.services, asked, "https://a.example/b.mp4")
cancel_job(harness.services, "local", "asked-for")

def unreadable(job_id, stage=None):
    raise ValueError("no such column")
object.__setattr__(harness.storage, "step_runs", type("Broken", (), {"of_job": staticmethod(unreadable)})())
sweep(harness.services)
with TestClient(create_app(harness.services), base_url="http://localhost", raise_server_exceptions=False) as client:
    print("STATUS", client.post("/jobs/asked-for/retry").status_code)
logging.getLogger("azure.core.pipeline.policies.http_logging_policy").info("Request URL: 'http://127.0.0.1'")
logging.getLogger("httpx").info("HTTP Request: GET")
logging.getLogger("shared.storage").info("an error that is none")
logging.getLogger("shared.storage").critical("a warning that is none")
"""
)


def guessed_level(line: str) -> str:
    """Return the level that the host takes a line on standard error for."""
    text = line.lower()
    if "warn" in text:
        return "WARNING"
    return "ERROR" if any(word in text for word in ("error", "fail", "severe")) else "INFO"


@pytest.fixture(scope="module")
def ran() -> "subprocess.CompletedProcess[str]":
    code = RUN.replace("TRACE", TRACE)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True, timeout=300
    )


@pytest.fixture(scope="module")
def lines(ran: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_each_failure_is_found_by_its_job(lines: list[dict[str, Any]]) -> None:
    of_job = [line for line in lines if "failing" in json.dumps(line)]
    assert {"step failed", "dead letter kept", "job failed"} <= {line["message"] for line in of_job}
    assert [line["message"] for line in lines if line.get("job_id") == "swept"] == ["sweep failed"]


def test_a_request_that_failed_is_found_by_its_path(
    ran: "subprocess.CompletedProcess[str]", lines: list[dict[str, Any]]
) -> None:
    assert "STATUS 500" in ran.stdout
    (line,) = [line for line in lines if line["message"] == "request failed"]
    assert (line["path"], line["method"], line["level"]) == ("/jobs/asked-for/retry", "POST", "ERROR")
    assert "no such column" in line["exception"]


def test_the_host_guesses_the_level(ran: "subprocess.CompletedProcess[str]", lines: list[dict[str, Any]]) -> None:
    assert {line["level"] for line in lines} == {"INFO", "WARNING", "ERROR"}
    for text, line in zip(ran.stderr.splitlines(), lines, strict=True):
        assert guessed_level(text) == line["level"], text
    assert "an error, a warning and a failure" in json.dumps(lines)


def test_a_trace_has_the_same_32_digits_everywhere(lines: list[dict[str, Any]]) -> None:
    traces = {line["trace_id"] for line in lines if line.get("job_id") == "failing" and "trace_id" in line}
    assert traces == {TRACE}


def test_the_worker_is_handed_no_record_of_ours_or_of_clients(ran: "subprocess.CompletedProcess[str]") -> None:
    kept = [line for line in ran.stdout.splitlines() if line.startswith("KEPT")]
    assert [line for line in kept if not line.startswith("KEPT httpx2")] == []  # the test's own client


def test_an_idle_minute_leaves_no_line_of_the_storage_client(empty_azurite: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IDLE_MINUTE],
        cwd=REPO,
        env={**os.environ, "AzureWebJobsStorage": empty_azurite},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert (ran.stdout, ran.stderr) == ("SWEPT 0\n", "")
