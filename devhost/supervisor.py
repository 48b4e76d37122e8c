"""Put the host together: worker processes, listeners, timers, hints; and take it apart again.

The supervisor never imports the function app, so nothing that the app does can stop the host from restarting it.
"""

import json
import logging
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devhost.errors import AppError, StackError
from devhost.function_index import Trigger
from devhost.hints import HINT_SETTING, HintListener
from devhost.locks import try_lock
from devhost.pools import Pools
from devhost.queue_listener import QueueFunction, QueueListener
from devhost.queue_storage import HostQueue
from devhost.schedule import Schedule, StatusFile
from devhost.settings import (
    HostOptions,
    expand_emulator,
    is_on,
    read_host_options,
    read_settings,
    resolve,
    storage_connection,
)
from devhost.timer_listener import TimerListener
from devhost.worker_pool import RESTART_PAUSE_SEC, await_ready
from devhost.worker_process import WorkerProcess

log = logging.getLogger("devhost")
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class HostArguments:
    """How the host was started."""

    app_dir: Path
    module: str
    data_dir: Path
    host: str
    port: int
    workers: int
    hints: bool
    grace_sec: float
    log_level: int


class Supervisor:
    """A running host."""

    def __init__(self, arguments: HostArguments, environ: Mapping[str, str]) -> None:
        self._arguments = arguments
        self._options: HostOptions = read_host_options(arguments.app_dir)
        self._settings = read_settings(arguments.app_dir, environ)
        self._stopped = threading.Event()
        self._hints = HintListener(self._notify) if arguments.hints else None
        self._worker_environ = self._make_worker_environ()
        self._pools = Pools(self._start_worker, arguments.workers, self._settings)
        self._http: WorkerProcess | None = None
        self._queues: list[QueueListener] = []
        self._listeners: list[QueueListener | TimerListener] = []
        self._lock: Any = None

    @property
    def state_file(self) -> Path:
        return self._arguments.data_dir / "devhost.json"

    def start(self) -> int:
        """Start everything; return the HTTP port once it answers."""
        self._lock = try_lock(self._arguments.data_dir / "devhost.lock")
        if self._lock is None:
            raise StackError(f"Another host runs on {self._arguments.data_dir}")
        _check_port(self._arguments.host, self._arguments.port)
        self._http = self._start_http(self._arguments.port)
        first_word = await_ready(self._http)
        if first_word is None:
            raise AppError("The function app does not load; the reason is above")
        triggers = [Trigger.from_wire(fields) for fields in first_word["ready"]]
        self._listen(triggers)
        port = int(first_word["port"])
        threading.Thread(target=self._keep_http, args=(port,), daemon=True, name="keep-http").start()
        self._write_state(port, triggers)
        return port

    def stop(self) -> None:
        """Take no further work, let running invocations end within the grace, then end every process."""
        self._stopped.set()
        for listener in self._listeners:
            listener.stop()
        if self._http is not None:
            self._http.close()
        self._pools.close(self._arguments.grace_sec)
        for listener in self._listeners:
            listener.join(10.0)
        if self._http is not None and not self._http.wait(5.0):
            self._http.kill()
        if self._hints is not None:
            self._hints.close()
        self.state_file.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()

    def _listen(self, triggers: list[Trigger]) -> None:
        enabled = [trigger for trigger in triggers if not self._is_disabled(trigger.name)]
        for trigger in enabled:
            if trigger.kind == "queue":
                self._queues.extend(self._queue_listeners(trigger))
        self._listeners.extend(self._queues)
        self._listeners.extend(self._timer_listener(trigger) for trigger in enabled if trigger.kind == "timer")
        self._pools.open()
        if self._hints is not None:
            self._hints.start()
        for listener in self._listeners:
            listener.start()

    def _queue_listeners(self, trigger: Trigger) -> list[QueueListener]:
        """Return as many host instances as fit into the worker processes, each with its own listener."""
        options = self._options.queues
        name = resolve(trigger.queue, self._settings)
        connection = storage_connection(trigger.connection, self._settings)
        function = QueueFunction(trigger.name, options, self._options.function_timeout_sec)
        pool = self._pools.of_queue(trigger.name, name)
        instances = max(1, pool.size // (options.batch_size + options.new_batch_threshold))
        return [
            QueueListener(function, HostQueue(connection, name), pool, on_poison=self._notify) for _ in range(instances)
        ]

    def _timer_listener(self, trigger: Trigger) -> TimerListener:
        return TimerListener(
            trigger.name,
            Schedule(resolve(trigger.schedule, self._settings)),
            self._pools.of_timer(trigger.name),
            StatusFile(self._arguments.data_dir / "timers" / f"{trigger.name}.json"),
            run_on_startup=trigger.run_on_startup,
            use_monitor=trigger.use_monitor,
            timeout_sec=self._options.function_timeout_sec,
        )

    def _is_disabled(self, function: str) -> bool:
        return is_on(self._settings, f"AzureWebJobs.{function}.Disabled")

    def _notify(self, queue: str) -> None:
        for listener in self._queues:
            if listener.queue_name == queue:
                listener.notify()

    def _make_worker_environ(self) -> dict[str, str]:
        environ = dict(self._settings)
        if "AzureWebJobsStorage" in environ:
            environ["AzureWebJobsStorage"] = expand_emulator(environ["AzureWebJobsStorage"])
        if self._hints is not None:
            environ[HINT_SETTING] = self._hints.address
        else:
            environ.pop(HINT_SETTING, None)
        threads = max(1, (os.cpu_count() or 1) // self._arguments.workers)
        for name in THREAD_SETTINGS:
            environ.setdefault(name, str(threads))
        return environ

    def _start_worker(self, name: str, niceness: int) -> WorkerProcess:
        return self._spawn(name, "devhost.worker", ["--nice", str(niceness)])

    def _start_http(self, port: int) -> WorkerProcess:
        return self._spawn("http", "devhost.http_worker", ["--host", self._arguments.host, "--port", str(port)])

    def _spawn(self, name: str, module: str, more: list[str]) -> WorkerProcess:
        app = ["--app", str(self._arguments.app_dir), "--module", self._arguments.module]
        level = ["--log-level", str(self._arguments.log_level)]
        return WorkerProcess(name, module, [*app, *level, *more], self._worker_environ, self._arguments.app_dir)

    def _keep_http(self, port: int) -> None:
        """Restart the HTTP process whenever it ends, on the same port."""
        while not self._stopped.is_set():
            assert self._http is not None
            self._http.gone.wait()
            if self._stopped.is_set():
                return
            log.warning("the HTTP process ended and is replaced")
            if not self._http.was_ready:
                self._stopped.wait(RESTART_PAUSE_SEC)
            self._http = self._start_http(port)
            if await_ready(self._http) is None:
                self._http.close()

    def _write_state(self, port: int, triggers: list[Trigger]) -> None:
        draft = self.state_file.with_suffix(".new")  # a reader never sees half of it
        draft.write_text(
            json.dumps({"pid": os.getpid(), "port": port, "functions": [trigger.name for trigger in triggers]}),
            encoding="utf-8",
        )
        draft.replace(self.state_file)


def _check_port(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            return
    except OSError as error:
        raise StackError(
            f"Port {port} on {host} cannot be used: {error.strerror}. Choose another with --port."
        ) from error
