"""Azurite, Microsoft's storage emulator: installs the pinned version once and runs it as a child process.

Standard library only. Azurite keeps its tables and queues in memory and saves them every five seconds: SIGTERM loses
nothing, a kill -9 up to five seconds. It stops by itself when the process that started it is gone.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devhost.errors import SetupError, StackError
from devhost.locks import exclusive
from devhost.node import Node, find_node

HOME = Path(__file__).resolve().parents[1] / ".rostrum"
START_TIMEOUT_SEC = 60.0
STOP_TIMEOUT_SEC = 20.0

_EMULATOR = Path(__file__).parent / "emulator"
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at http://127\.0\.0\.1:(\d+)")

ACCOUNT = "devstoreaccount1"
# The account key that Microsoft publishes for the emulator: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def connection_string(ports: tuple[int, int, int]) -> str:
    """Return the connection string of an emulator on these blob, queue and table ports."""
    endpoints = zip(("Blob", "Queue", "Table"), ports, strict=True)
    services = "".join(f"{name}Endpoint=http://127.0.0.1:{port}/{ACCOUNT};" for name, port in endpoints)
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};{services}"


@dataclass(frozen=True, slots=True)
class Azurite:
    """A running emulator."""

    process: "subprocess.Popen[bytes]"
    ports: tuple[int, int, int]

    @property
    def connection_string(self) -> str:
        return connection_string(self.ports)

    def stop(self) -> None:
        """Let it save and close; kill it when that takes too long."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_SEC)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


def install_azurite(say: Callable[[str], None], *, home: Path = HOME, venv_python: str = sys.executable) -> list[str]:
    """Install the pinned Azurite under `home` unless it is there; return the command that runs it."""
    node = find_node(venv_python, say)
    lock_file = (_EMULATOR / "package-lock.json").read_bytes()
    target = home / f"azurite-{hashlib.sha256(lock_file).hexdigest()[:12]}"
    if not target.exists():
        with exclusive(home / "azurite.lock", waiting=lambda: say("Waiting for another run that installs Azurite")):
            if not target.exists():
                say("Installing Azurite, the local storage (npm, about 190 MB)")
                _npm_install(node, home, target)
    script = target / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    return [node.executable, "--require", str(_EMULATOR / "stop_with_parent.js"), str(script)]


def _npm_install(node: Node, home: Path, target: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix="azurite-", dir=home))
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(_EMULATOR / name, work / name)
        command = [*node.npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        path = os.pathsep.join((str(Path(node.executable).parent), os.environ.get("PATH", "")))
        done = subprocess.run(
            command, cwd=work, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SetupError(
                f"npm could not install Azurite (exit status {done.returncode}):\n{done.stderr.strip()[-2000:]}\n"
                "Is the npm registry reachable? Run the command again to try once more."
            )
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def start_azurite(command: list[str], data_dir: Path, *, ports: tuple[int, int, int] = (0, 0, 0)) -> Azurite:
    """Start the emulator on `data_dir` and wait until its three services listen; port 0 takes a free one."""
    data_dir.mkdir(parents=True, exist_ok=True)
    log = data_dir / "azurite.log"
    services = [f"--{name}Port={port}" for name, port in zip(("blob", "queue", "table"), ports, strict=True)]
    flags = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", f"--location={data_dir}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *flags, *services],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us first: the functions stop before their storage does
        )
    deadline = time.monotonic() + START_TIMEOUT_SEC
    while time.monotonic() < deadline and process.poll() is None:
        found = dict(_LISTENING.findall(log.read_text(encoding="utf-8", errors="replace")))
        if len(found) == 3:
            return Azurite(process, (int(found["Blob"]), int(found["Queue"]), int(found["Table"])))
        time.sleep(0.02)
    process.kill()
    process.wait()
    said = log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
    raise StackError(f"Azurite did not start on {data_dir}:\n{said}")
