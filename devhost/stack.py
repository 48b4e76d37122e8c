"""Start and stop what runs locally: Azurite and the host. Standard library only."""

import http.client
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from devhost.azurite import HOME, Azurite, install_azurite, start_azurite
from devhost.errors import StackError
from devhost.locks import try_lock

REPO = HOME.parent
DEFAULT_DATA = HOME / "data"
DEFAULT_PORT = 7071
AZURITE_PORTS = (10000, 10001, 10002)
HEALTH_TIMEOUT_SEC = 120.0
STOP_TIMEOUT_SEC = 30.0
Say = Callable[[str], None]


@dataclass(slots=True)
class Stack:
    """A running stack; `stop` ends what was started here, and nothing else."""

    url: str
    azurite: Azurite | None = None
    host: "subprocess.Popen[bytes] | None" = None
    log_file: Path | None = None
    lock: IO[str] | None = None

    @property
    def is_ours(self) -> bool:
        """Return whether this process started it."""
        return self.host is not None

    @property
    def ended(self) -> str | None:
        """Return which process that was started here has ended, as a sentence; None while all run."""
        if self.host is not None and self.host.poll() is not None:
            return f"The host ended by itself; see {self.log_file}"
        if self.azurite is not None and self.azurite.process.poll() is not None:
            return "Azurite, the local storage, ended by itself"
        return None

    def stop(self) -> None:
        """End the functions first, then their storage."""
        if self.host is not None:
            self.host.terminate()
            try:
                self.host.wait(STOP_TIMEOUT_SEC)
            except subprocess.TimeoutExpired:
                self.host.kill()
                self.host.wait()
            assert self.host.stdin is not None
            self.host.stdin.close()
        if self.azurite is not None:
            self.azurite.stop()
        if self.lock is not None:
            self.lock.close()


def find_running(port: int, *, patience_sec: float = 10.0) -> Stack | None:
    """Return the stack that answers on the port, or None when the port is free.

    Raises StackError when another program has the port, and when the stack that is there does not work.
    """
    if port_is_free(port):
        return None
    url = f"http://127.0.0.1:{port}/api"
    deadline = time.monotonic() + patience_sec  # one that is just starting gets a moment
    while True:
        health = _health(url)
        if health.is_ours and health.is_well:
            return Stack(url)
        if (health.has_answered and not health.is_ours) or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    if health.is_ours:
        raise StackError(f"The stack on port {port} does not work ({health.says}). Stop it and start it again.")
    raise StackError(f"Port {port} is taken by another program. Choose another with --port, or stop that program.")


def start_stack(
    python: Path,
    *,
    port: int,
    data: Path,
    workers: int,
    hints: bool,
    say: Say,
    app: Path = REPO,
    settings: Mapping[str, str] | None = None,
) -> Stack:
    """Start Azurite and the host, and wait until the API answers.

    `settings` are for the app; those of the environment have precedence.
    """
    data.mkdir(parents=True, exist_ok=True)
    lock = try_lock(data / "stack.lock")
    if lock is None:
        raise StackError(f"Another stack uses {data}{_whose(data)}. Choose another directory with --data.")
    command = install_azurite(say, venv_python=str(python))
    ports = AZURITE_PORTS if all(map(port_is_free, AZURITE_PORTS)) else (0, 0, 0)
    stack = Stack(f"http://127.0.0.1:{port}/api", lock=lock, log_file=data / "devhost" / "logs" / "devhost.log")
    try:
        say("Starting storage and functions")
        stack.azurite = start_azurite(command, data / "azurite", ports=ports)
        arguments = [
            "--app",
            str(app),
            "--port",
            str(port),
            "--workers",
            str(workers),
            *([] if hints else ["--no-hint"]),
        ]
        stack.host = _start_host(python, stack.azurite, arguments, data, settings or {})
        _write_owner(data, stack.url)
        _await_health(stack)
    except BaseException:
        stack.stop()
        raise
    return stack


def free_port() -> int:
    """Return a port that no program listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Return whether a program can listen on the port of the loopback interface."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def _start_host(
    python: Path, azurite: Azurite, arguments: list[str], data: Path, settings: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    flags = ["--data", str(data / "devhost"), "--quiet", "--stop-with-stdin"]
    environ = {
        **settings,
        **os.environ,
        "AzureWebJobsStorage": azurite.connection_string,
        "ROSTRUM_LOCAL_DATA_DIR": str(data / "azurite"),
    }
    return subprocess.Popen(
        [str(python), "-m", "devhost", *arguments, *flags],
        cwd=REPO,
        env=environ,
        stdin=subprocess.PIPE,  # it stops when this process ends
        start_new_session=True,  # Ctrl-C is ours to pass on
    )


def _await_health(stack: Stack) -> None:
    assert stack.host is not None
    deadline = time.monotonic() + HEALTH_TIMEOUT_SEC
    health = Health()
    while time.monotonic() < deadline and stack.host.poll() is None:
        health = _health(stack.url)
        if health.is_ours and health.is_well:
            return
        time.sleep(0.1)
    reason = "ended" if stack.host.poll() is not None else f"did not become healthy: {health.says}"
    raise StackError(f"The host {reason}. The last lines of {stack.log_file}:\n{_tail(stack.log_file)}")


@dataclass(frozen=True, slots=True)
class Health:
    """What answers on an address."""

    is_ours: bool = False
    is_well: bool = False
    has_answered: bool = False
    says: str = "no answer"


def _health(url: str) -> Health:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read()
    except (OSError, http.client.HTTPException):
        return Health()
    says = f"{status} {body[:300].decode(errors='replace')}"
    with suppress(ValueError):
        document = json.loads(body)
        if isinstance(document, dict) and {"status", "storage"} <= document.keys():
            return Health(is_ours=True, is_well=status == 200, has_answered=True, says=says)
    return Health(has_answered=True, says=says)


def _tail(file: Path | None, lines: int = 25) -> str:
    if file is None or not file.exists():
        return "(no log)"
    return "\n".join(file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _write_owner(data: Path, url: str) -> None:
    (data / "stack.json").write_text(json.dumps({"pid": os.getpid(), "url": url}), encoding="utf-8")


def _whose(data: Path) -> str:
    with suppress(OSError, ValueError, KeyError):
        owner = json.loads((data / "stack.json").read_text(encoding="utf-8"))
        return f" (process {owner['pid']}, {owner['url']})"
    return ""
