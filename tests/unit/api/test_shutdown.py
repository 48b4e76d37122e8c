"""A process that is told to end while clients follow jobs."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

REPO = Path(__file__).resolve().parents[3]
PATIENCE_SEC = 60.0

SERVER = """
import socket, uvicorn
from shared.api.app import create_app
from tests.support.api_harness import make_services

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(create_app(make_services()), log_level="error")).run(sockets=[listener])
"""
"""As the server of the Functions worker, it waits for open connections for as long as they last."""


@pytest.fixture
def server() -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen([sys.executable, "-c", SERVER], cwd=REPO, stdout=subprocess.PIPE, text=True)
    with process:
        yield process
        process.kill()


def test_streams_end_at_once_and_the_process_with_them(server: "subprocess.Popen[str]") -> None:
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}"
    with httpx.Client(base_url=url, timeout=PATIENCE_SEC) as client:
        job = client.post("/jobs", json={"sourceUrl": "https://example.com/a.mp4", "delaySeconds": 3600}).json()
        paths = [f"/jobs/{job['jobId']}/events"] * 3
        with client.stream("GET", paths[0]) as first, client.stream("GET", paths[1]) as second:
            told = first.iter_text(), second.iter_text()
            assert all("event: status" in next(text) + next(text) for text in told)
            server.send_signal(signal.SIGTERM)
            assert ["".join(text) for text in told] == ["", ""]  # to their ends, which are no broken connections
    # Otherwise it would wait until the streams end by themselves, after four minutes.
    assert server.wait(PATIENCE_SEC) in (0, -signal.SIGTERM)
