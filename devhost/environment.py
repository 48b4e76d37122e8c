"""Make the virtual environment that everything runs in: once, by hash, with progress. Standard library only."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devhost.azurite import HOME
from devhost.errors import SetupError
from devhost.locks import exclusive
from devhost.speech import install_speech, without_speech

_COLLECTING = re.compile(r"^\s*Collecting ([A-Za-z0-9_.-]+)")


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment under `home` that holds exactly what `requirements` pins."""

    home: Path = HOME
    requirements: Path = HOME.parent / "requirements-dev.txt"
    speech: Path = HOME.parent / "requirements-speech.txt"

    @property
    def directory(self) -> Path:
        return self.home / "venv"

    @property
    def python(self) -> Path:
        """Return the environment's interpreter."""
        return self.directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def log(self) -> Path:
        return self.home / "pip.log"

    def ensure(self, say: Callable[[str], None]) -> Path:
        """Return the interpreter, making the environment first where needed."""
        wanted = self._fingerprint()
        if not self._is_ready(wanted):
            waiting = "Waiting for another run that sets up the environment"
            with exclusive(self.home / "venv.lock", waiting=lambda: say(waiting)):
                if not self._is_ready(wanted):
                    self._make(say)
                    self._install(say)
                    install_speech(self.python, self.speech, self.log, say)
                    self._stamp.write_text(wanted, encoding="utf-8")
        return self.python

    @property
    def _stamp(self) -> Path:
        return self.directory / "rostrum-requirements.sha256"

    def _fingerprint(self) -> str:
        version = ".".join(map(str, sys.version_info[:2]))
        pins = self.requirements.read_bytes() + self.speech.read_bytes()
        return hashlib.sha256(pins + version.encode()).hexdigest()

    def _is_ready(self, wanted: str) -> bool:
        return self.python.exists() and self._stamp.exists() and self._stamp.read_text(encoding="utf-8") == wanted

    def _make(self, say: Callable[[str], None]) -> None:
        if self.python.exists() and _version_of(self.python) == sys.version_info[:2]:
            return
        if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
            raise SetupError(
                "This Python has no venv or ensurepip, so no virtual environment can be made.\n"
                "On Debian and Ubuntu: apt install python3-venv"
            )
        say(f"Making a virtual environment in {self.directory}")
        shutil.rmtree(self.directory, ignore_errors=True)
        command = [sys.executable, "-m", "venv", str(self.directory)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise SetupError(f"The virtual environment could not be made:\n{(made.stdout + made.stderr).strip()}")

    def _install(self, say: Callable[[str], None]) -> None:
        """Install with pip, reporting the progress."""
        pins = without_speech(self.requirements.read_text(encoding="utf-8"))
        wanted = self.home / "requirements.txt"
        wanted.write_text(pins, encoding="utf-8")
        total = len(re.findall(r"^[A-Za-z0-9][^\s;=]*==", pins, re.MULTILINE))
        say(f"Installing {total} pinned packages (some minutes, once; the log is {self.log})")
        options = ["--require-hashes", "--no-input", "--progress-bar", "off", "-r", str(wanted)]
        progress = _Progress(total)
        with self.log.open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [str(self.python), "-m", "pip", "install", *options],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"},
            )
            assert process.stdout is not None
            with process.stdout:
                for line in process.stdout:
                    log.write(line)
                    progress.read(line)
            status = process.wait()
        progress.close()
        if status != 0:
            tail = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
            raise SetupError(f"pip could not install the packages:\n{tail}\nThe whole log is {self.log}.")


class _Progress:
    """Shows in place, on a terminal only, which package pip is at."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._seen = 0
        self._shown = ""

    def read(self, line: str) -> None:
        found = _COLLECTING.match(line)
        if found:
            self._seen += 1
            self._show(f"  {min(self._seen, self._total):3d} of {self._total}  {found.group(1)}")
        elif line.startswith("Installing collected packages"):
            self._show("  unpacking")

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\n")

    def _show(self, text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r" + text.ljust(len(self._shown)))
            sys.stderr.flush()
            self._shown = text


def _version_of(python: Path) -> tuple[int, ...]:
    ask = "import sys; print(*sys.version_info[:2])"
    answer = subprocess.run([str(python), "-c", ask], capture_output=True, text=True, check=False)
    return tuple(map(int, answer.stdout.split())) if answer.returncode == 0 else ()
