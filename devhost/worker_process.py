"""One worker process as the supervisor sees it: started, asked, listened to, killed.

What happens to a process comes out as events: a dictionary that it sent, or None once when it is gone.
"""

import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from devhost.logs import relay_worker_output

log = logging.getLogger("devhost")
REPO = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended."""

    kind: Literal["succeeded", "failed", "died", "timed out"]
    detail: str = ""


class WorkerProcess:
    """A child process that runs functions."""

    def __init__(
        self, name: str, module: str, arguments: list[str], environ: Mapping[str, str], directory: Path
    ) -> None:
        self.name = name
        self.was_ready = False
        self.gone = threading.Event()
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        path = os.pathsep.join(filter(None, (str(REPO), environ.get("PYTHONPATH", ""))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**environ, "PYTHONPATH": path},
            cwd=directory,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._input: IO[str] = self._process.stdin
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True, name=f"{name}-out").start()
        threading.Thread(target=self._relay, args=(self._process.stderr,), daemon=True, name=f"{name}-err").start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self.gone.is_set()

    def next_event(self, timeout_sec: float | None = None) -> dict[str, Any] | None:
        """Return the process' next event, None when the process has ended; raise queue.Empty after the timeout."""
        return self._events.get(timeout=timeout_sec)

    def invoke(
        self,
        request: dict[str, Any],
        *,
        timeout_sec: float | None,
        every_sec: float,
        on_tick: Callable[[], object] = lambda: None,
    ) -> Outcome:
        """Run one invocation, calling `on_tick` every `every_sec`; kill the process when the time is up."""
        began = time.monotonic()
        next_tick = began + every_sec
        deadline = began + timeout_sec if timeout_sec is not None else float("inf")
        try:
            self._input.write(json.dumps(request) + "\n")
            self._input.flush()
        except (OSError, ValueError):
            return self._died()
        while True:
            try:
                event = self._events.get(timeout=max(0.0, min(next_tick, deadline) - time.monotonic()))
            except queue.Empty:
                if time.monotonic() >= deadline:
                    self.kill()
                    return Outcome("timed out", f"passed functionTimeout of {timeout_sec:g} s")
                on_tick()
                next_tick += every_sec
                continue
            if event is None:
                return self._died()
            if event.get("done") == request["id"]:
                return Outcome("failed", event["error"]) if event["error"] else Outcome("succeeded")

    def close(self) -> None:
        """End the process' input: an idle worker ends itself."""
        try:
            self._input.close()
        except OSError:
            log.debug("worker was already gone", extra={"fields": {"worker": self.name}})

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout_sec: float) -> bool:
        """Wait for the process to end; return whether it did in time."""
        return self.gone.wait(timeout_sec)

    def _died(self) -> Outcome:
        self.gone.wait()
        return Outcome("died", f"the worker process ended with status {self._process.returncode}")

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._events.put(json.loads(line))
        self._process.wait()
        self.gone.set()
        self._events.put(None)

    def _relay(self, stream: IO[str]) -> None:
        with stream:
            relay_worker_output(stream, self.name)
