"""Run Azurite, the local host and a server of recordings for a benchmark that kills and restarts them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import av
import httpx
import psutil

from benchmarks._clock import CLOCK_SETTING
from benchmarks._faulty_storage import FaultyStorage
from devhost.azurite import Azurite, install_azurite, start_azurite
from devhost.stack import free_port

REPO = Path(__file__).resolve().parents[1]
EXAMPLE = REPO / "examples" / "lecture.mp4"
APP = ("--app", str(REPO), "--module", "benchmarks._skewed_app")
HOST = (sys.executable, "-m", "devhost", *APP, "--quiet", "--json-logs")
PATIENCE_SEC = 120.0
MOST_SPARE_BYTES = 4 * 1024**3


class Quiet(SimpleHTTPRequestHandler):
    """A file server without a log."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


class LocalStack:
    """Azurite, the host and a server of recordings, on ports that stay the same after each start.

    With `faulty`, a proxy before the storage makes it fail on demand. `full_disk` needs `fills_disk`: the disk
    counts as nearly full there when a little of what is free now was taken.
    """

    def __init__(
        self,
        directory: Path,
        workers: int = 2,
        *,
        faulty: bool = False,
        fills_disk: bool = False,
        example: Path = EXAMPLE,
        **settings: str,
    ) -> None:
        self.directory = directory
        self.clock = directory / "clock"
        self._workers = workers
        self._example = example
        free = shutil.disk_usage(directory).free
        self._spare_bytes = min(MOST_SPARE_BYTES, free // 4)  # so much may go before the disk counts as nearly full
        self._settings = {
            "ROSTRUM_ENGINE": "pocketsphinx",
            "ROSTRUM_ALLOW_LOOPBACK_SOURCES": "true",
            "ROSTRUM_MIN_FREE_BYTES": str(free - self._spare_bytes if fills_disk else 0),
            CLOCK_SETTING: str(self.clock),
            **settings,
        }
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/api"
        self._azurite_command = install_azurite(lambda text: print(text, file=sys.stderr))
        self._files = directory / "files"
        self._files.mkdir(parents=True)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(self._files)))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.azurite: Azurite = start_azurite(self._azurite_command, directory / "azurite")
        self.proxy = FaultyStorage(self.azurite.ports) if faulty else None
        self.host: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "LocalStack":
        self.start_host()
        return self

    def __exit__(self, *_: object) -> None:
        if self.host is not None:
            self.host.terminate()
            self.host.wait()
        if self.proxy is not None:
            self.proxy.close()
        self.azurite.stop()
        self._server.shutdown()
        self._server.server_close()

    @property
    def connection(self) -> str:
        """Return the connection string of the storage without the faults that the stack sees."""
        return self.azurite.connection_string

    def start_host(self, **settings: str) -> None:
        """Start the host and wait until it answers."""
        connection = self.proxy.connection_string if self.proxy else self.connection
        environ = {"AzureWebJobsStorage": connection, "ROSTRUM_LOCAL_DATA_DIR": str(self.directory / "azurite")}
        arguments = ["--data", str(self.directory / "host"), "--port", str(self._port), "--workers", str(self._workers)]
        self.host = subprocess.Popen(
            [*HOST, *arguments], cwd=REPO, env={**os.environ, **environ, **self._settings, **settings}
        )
        self.await_health()

    def await_health(self) -> None:
        deadline = time.monotonic() + PATIENCE_SEC
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/health", timeout=10).status_code == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError("the stack does not answer")

    def kill_host(self) -> None:
        """Kill the host with SIGKILL; its workers end when they notice."""
        assert self.host is not None
        workers = psutil.Process(self.host.pid).children()
        self.host.kill()
        self.host.wait()
        psutil.wait_procs(workers, timeout=30)

    def workers(self) -> list[psutil.Process]:
        """Return the processes that run the stages and the timers."""
        assert self.host is not None
        found = []
        with suppress(psutil.Error):
            for child in psutil.Process(self.host.pid).children():
                with suppress(psutil.Error):
                    if "devhost.worker" in child.cmdline():
                        found.append(child)
        return found

    def restart_azurite(self, kill: bool, away_sec: float = 0.0) -> None:
        """Stop Azurite, with SIGTERM or SIGKILL, and start it on the same ports and data."""
        if kill:
            self.azurite.process.send_signal(signal.SIGKILL)
            self.azurite.process.wait()
        self.azurite.stop()
        time.sleep(away_sec)
        self.azurite = start_azurite(self._azurite_command, self.directory / "azurite", ports=self.azurite.ports)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Take away the disk space that submissions need; there is enough left for running jobs."""
        with tempfile.TemporaryFile(dir=self.directory) as ballast:
            fill(ballast, 2 * self._spare_bytes)
            yield

    def recording(self, seconds: float) -> str:
        """Return the address of the recording's first seconds."""
        return f"http://127.0.0.1:{self._server.server_port}/{self.recording_file(seconds).name}"

    def serve(self, name: str, write: Callable[[Path], None]) -> str:
        """Write a file among the recordings and return its address."""
        write(self._files / name)
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def recording_file(self, seconds: float) -> Path:
        """Return the example's first seconds as a file."""
        file = self._files / f"{seconds:g}.mp4"
        if not file.exists():
            cut(self._example, file, seconds)
        return file

    def log_lines(self) -> list[dict[str, Any]]:
        """Return the log lines of the host and its workers, oldest first."""
        lines: list[dict[str, Any]] = []
        for file in (self.directory / "host" / "logs").glob("devhost.log*"):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError):
                    lines.append(json.loads(line))
        return sorted(lines, key=lambda line: str(line["time"]))


def fill(file: IO[bytes], size_bytes: int) -> None:
    """Make the file take up `size_bytes` of the disk."""
    if sys.platform == "linux":
        os.posix_fallocate(file.fileno(), 0, size_bytes)
        return
    block = bytes(1024**2)
    for _ in range(-(-size_bytes // len(block))):
        file.write(block)
    file.flush()


def cut(source: Path, target: Path, seconds: float) -> None:
    """Write the recording's beginning, packet by packet."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        outs = {stream.index: writer.add_stream_from_template(stream) for stream in reader.streams}
        for packet in reader.demux():
            if packet.dts is not None and packet.time_base is not None and packet.dts * packet.time_base < seconds:
                packet.stream = outs[packet.stream.index]
                writer.mux(packet)
