"""The real stack: an Azurite and a local host of this run's own, on free ports, in a directory of their own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import av
import httpx
import psutil
import pytest

from devhost.azurite import install_azurite, start_azurite
from devhost.page import page_origins
from devhost.stack import free_port
from shared.domain.stage import Stage, StageState
from shared.storage.connect import connect

REPO = Path(__file__).resolve().parents[2]
SHARED_DATA = REPO.parent / "shared" / "data"
PATIENCE_SEC = 300.0
MAX_TRIES = 5
"""So often is a job tried that was over before it could be disturbed."""
HTTP = httpx.Client(timeout=PATIENCE_SEC, limits=httpx.Limits(max_keepalive_connections=0))
"""Waits as long as a busy machine takes; the functions of httpx give up after 5 s."""
SHORT_SEC = 3
SHORT_SIZE_PX = (160, 90)
SHORT_EVERY = 5
"""One of so many pictures is kept: the plate and the renditions cost by the picture."""
TWO_SLIDES_SEC = 12
TWO_SLIDES_SIZE_PX = (320, 180)
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CLIENT = (sys.executable, "-m", "rostrum_client", "process")
HOST = (sys.executable, "-m", "devhost", "--app", str(REPO))


def eventually(check: Callable[[], Any], what: str, pause_sec: float = 0.02) -> Any:
    """Waits until the check gives something true, and returns that."""
    deadline = time.monotonic() + PATIENCE_SEC
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(pause_sec)
    raise AssertionError(f"{what} did not happen within {PATIENCE_SEC:g} s")


@dataclass(frozen=True)
class RunningStack:
    """Where the API and the storage answer, and which process holds the functions."""

    url: str
    connection: str
    host: psutil.Process
    page_port: int
    """Where a page may be served that browsers let call the API."""

    def workers(self) -> list[psutil.Process]:
        """The processes that run functions, but for the API's."""
        return [child for child in self.host.children() if "devhost.worker" in child.cmdline()]

    def stage_workers(self) -> list[psutil.Process]:
        """The workers that run the stages; background jobs and timers have others, which are less nice."""
        return [worker for worker in self.workers() if worker.cmdline()[-1] == "5"]

    def begin(self, server: "SlowServer", stage: Stage) -> dict[str, Any]:
        """Submit a job; return it once a step of the stage is at work, or has been where this process was too slow."""
        if stage is not Stage.DOWNLOAD:
            server.gate.set()
        options = {"overlay": True} if stage is Stage.RENDITION else {}
        answer = HTTP.post(f"{self.url}/jobs", json={"sourceUrl": server.url, "options": options})
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        begun = (StageState.RUNNING, StageState.DONE)
        with closing(connect(self.connection)) as storage:
            eventually(
                lambda: any(row.value.state in begun for row in storage.step_runs.of_job(job["jobId"], stage)),
                f"the begin of the {stage} stage",
            )
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        answer = HTTP.get(f"{self.url}/jobs/{job_id}")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, job_id: str) -> dict[str, Any]:
        """The job once it has ended."""
        final = ("DONE", "ERROR", "CANCELED")
        found: dict[str, Any] = eventually(
            lambda: (job := self.job(job_id))["status"] in final and job, f"the end of job {job_id}", pause_sec=0.2
        )
        return found

    def process(self, source: str | Path, out: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
        """What `dev.py process` runs once the stack is there."""
        return subprocess.run(
            [*CLIENT, str(source), "--out", str(out), "--base-url", self.url, *flags],
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SEC,
            check=False,
        )


@dataclass(frozen=True)
class SlowServer:
    """A server that holds a recording's bytes back until the gate is open."""

    url: str
    gate: Event


@pytest.fixture(scope="session")
def short_lecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first seconds of the example with few small pictures, so that a job takes a tenth of the time."""
    return _cut(tmp_path_factory.mktemp("short") / "lecture.mp4", SHORT_SEC, SHORT_SIZE_PX, SHORT_EVERY)


@pytest.fixture(scope="session")
def lecture_of_two_slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example up to its second slide; while only one was shown, no slides are found."""
    return _cut(tmp_path_factory.mktemp("slides") / "lecture.mp4", TWO_SLIDES_SEC, TWO_SLIDES_SIZE_PX)


def _cut(target: Path, end_sec: float, size_px: tuple[int, int], every: int = 1) -> Path:
    """Write the beginning of the example with small pictures, one of `every`; return its path."""
    with av.open(REPO / "examples" / "lecture.mp4") as source, av.open(target, "w") as cut:
        small = cut.add_stream("libx264", rate=25 // every, options={"preset": "ultrafast", "g": "50"})
        small.width, small.height, small.pix_fmt = *size_px, "yuv420p"
        sound = cut.add_stream_from_template(source.streams.audio[0])
        number = count()
        for packet in source.demux():
            if packet.pts is None or packet.pts * packet.time_base >= end_sec:
                continue
            if packet.stream.type == "audio":
                packet.stream = sound
                cut.mux(packet)
                continue
            pictures = (frame for frame in packet.decode() if next(number) % every == 0)
            for frame in pictures:
                scaled = frame.reformat(*size_px, "yuv420p")
                scaled.pict_type = 0  # the encoder's choice
                cut.mux(small.encode(scaled))
        cut.mux(small.encode(None))
    return target


@pytest.fixture
def slow_server(short_lecture: Path) -> Iterator[SlowServer]:
    """The short lecture's address on a server of this test's own, with its gate shut."""
    gate = Event()

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            gate.wait(PATIENCE_SEC)
            super().do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(short_lecture.parent)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield SlowServer(f"http://127.0.0.1:{server.server_port}/{short_lecture.name}", gate)
    gate.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A running stack that fetches from loopback addresses and gives up on silent steps quickly."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@contextmanager
def running_stack(directory: Path, **settings: str) -> Iterator[RunningStack]:
    """A stack of its own in the directory, with these settings beside the usual ones."""
    azurite = start_azurite(install_azurite(print), directory / "azurite")
    page_port = free_port()
    environment = {
        "AzureWebJobsStorage": azurite.connection_string,
        "ROSTRUM_ALLOW_LOOPBACK_SOURCES": "true",
        "ROSTRUM_LOCAL_DATA_DIR": str(directory / "azurite"),
        "ROSTRUM_ENGINE": "pocketsphinx",
        "ROSTRUM_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "ROSTRUM_HEARTBEAT_SEC": "0.2",
        "ROSTRUM_CORS_ORIGINS": page_origins(page_port),
        **settings,
    }
    host = subprocess.Popen(
        [*HOST, "--data", str(directory / "host"), "--port", "0", "--quiet"],
        cwd=REPO,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    try:
        state = directory / "host" / "devhost.json"
        eventually(lambda: state.exists() or host.poll() is not None, "the start of the host")
        assert host.poll() is None, (directory / "host" / "logs" / "devhost.log").read_text()
        port = json.loads(state.read_text())["port"]
        host_process = psutil.Process(host.pid)
        yield RunningStack(f"http://127.0.0.1:{port}/api", azurite.connection_string, host_process, page_port)
    finally:
        host.terminate()
        try:
            host.wait(PATIENCE_SEC)
        finally:
            azurite.stop()
