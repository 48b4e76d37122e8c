"""A real host on a small function app of the test's own."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient

REPO = Path(__file__).resolve().parents[2]
PATIENCE_SEC = 180.0

# What every app of these tests has at hand: `note` leaves a line for the test, `wait_for` waits for the test.
PRELUDE = """
import json, os, pathlib, time
import azure.functions as func
HERE = pathlib.Path(__file__).parent
app = func.FunctionApp()

def note(**fields):
    line = json.dumps({"pid": os.getpid(), "at": time.time(), **fields}) + "\\n"
    descriptor = os.open(HERE / "notes.jsonl", os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, line.encode())
    os.close(descriptor)

def wait_for(name):
    while not (HERE / name).exists():
        time.sleep(0.01)
"""


def eventually(check: Callable[[], Any], what: str = "it") -> Any:
    """Waits until the check gives something true, and returns that."""
    deadline = time.monotonic() + PATIENCE_SEC
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {PATIENCE_SEC:g} s")


@dataclass
class RunningHost:
    """A host process and the directory of its app."""

    directory: Path
    process: "subprocess.Popen[bytes]"
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.state['port']}"

    @property
    def log(self) -> str:
        return (self.directory / "data" / "logs" / "devhost.log").read_text()

    def notes(self, **wanted: Any) -> list[dict[str, Any]]:
        """What the app noted, in order, as far as it has the wanted fields."""
        file = self.directory / "notes.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [line for line in lines if wanted.items() <= line.items()]

    def await_notes(self, count: int, **wanted: Any) -> list[dict[str, Any]]:
        return eventually(lambda: len(self.notes(**wanted)) >= count and self.notes(**wanted), f"{count} × {wanted}")

    def open_gate(self, name: str) -> None:
        (self.directory / name).touch()

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        self.process.send_signal(signal_number)
        return self.process.wait(PATIENCE_SEC)


class TestQueue:
    """A queue with a name of its own."""

    __test__ = False

    def __init__(self, connection: str, name: str) -> None:
        self.name = name
        self.client = QueueClient.from_connection_string(connection, name)
        self.poison = QueueClient.from_connection_string(connection, f"{name}-poison")

    def create(self) -> "TestQueue":
        self.client.create_queue()
        return self

    def send(self, **fields: Any) -> None:
        self.client.send_message(base64.b64encode(json.dumps(fields).encode()).decode())

    def count(self) -> int:
        """Messages in the queue, hidden ones too."""
        return int(self.client.get_queue_properties().approximate_message_count or 0)

    def close(self) -> None:
        self.client.close()
        self.poison.close()


@pytest.fixture
def queue(azurite: str) -> Iterator[TestQueue]:
    """A queue that exists."""
    made = TestQueue(azurite, f"q-{uuid.uuid4().hex[:12]}")
    yield made.create()
    made.close()


@contextmanager
def running_host(
    directory: Path, code: str, *flags: str, host_json: dict[str, Any] | None = None, **environ: str
) -> Iterator[RunningHost]:
    """Runs a host on an app with this code until the block ends."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "function_app.py").write_text(PRELUDE + code)
    (directory / "host.json").write_text(json.dumps({"version": "2.0", **(host_json or {})}))
    data = directory / "data"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "devhost",
            "--app",
            str(directory),
            "--data",
            str(data),
            "--port",
            "0",
            "--quiet",
            *flags,
        ],
        cwd=REPO,
        env={**os.environ, **environ},
        start_new_session=True,
    )
    host = RunningHost(directory, process)
    try:
        state = data / "devhost.json"
        eventually(lambda: state.exists() or process.poll() is not None, "start of the host")
        assert process.poll() is None, host.log
        host.state = json.loads(state.read_text())
        yield host
    finally:
        if process.poll() is None:
            host.stop()


def queues(**options: Any) -> dict[str, Any]:
    """A host.json with these queue options, quick where not said otherwise."""
    return {
        "extensions": {"queues": {"batchSize": 1, "newBatchThreshold": 0, "maxPollingInterval": "00:00:01", **options}}
    }
