"""Makes the virtual environment that everything runs in: once, by hash, with progress. Standard library only."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from devhost.azurite import HOME
from devhost.errors import SetupError
from devhost.locks import exclusive

REPO = HOME.parent
VENV = HOME / "venv"
REQUIREMENTS = REPO / "requirements-dev.txt"
_LOG = HOME / "pip.log"
_STAMP = VENV / "rostrum-requirements.sha256"
_COLLECTING = re.compile(r"^\s*Collecting ([A-Za-z0-9_.-]+)")


def venv_python() -> Path:
    """The environment's interpreter."""
    return VENV / "Scripts" / "python.exe" if os.name == "nt" else VENV / "bin" / "python"


def ensure_environment(say: Callable[[str], None]) -> Path:
    """Returns the interpreter of an environment with the pinned packages, making it first where needed."""
    wanted = _fingerprint()
    if _is_ready(wanted):
        return venv_python()
    with exclusive(HOME / "venv.lock", waiting=lambda: say("Waiting for another run that sets up the environment")):
        if not _is_ready(wanted):
            _make_venv(say)
            _install(say)
            _STAMP.write_text(wanted, encoding="utf-8")
    return venv_python()


def _fingerprint() -> str:
    version = ".".join(map(str, sys.version_info[:2]))
    return hashlib.sha256(REQUIREMENTS.read_bytes() + version.encode()).hexdigest()


def _is_ready(wanted: str) -> bool:
    return venv_python().exists() and _STAMP.exists() and _STAMP.read_text(encoding="utf-8") == wanted


def _make_venv(say: Callable[[str], None]) -> None:
    if venv_python().exists() and _version_of(venv_python()) == sys.version_info[:2]:
        return
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise SetupError(
            "This Python has no venv or ensurepip, so no virtual environment can be made.\n"
            "On Debian and Ubuntu: apt install python3-venv"
        )
    say("Making a virtual environment in .rostrum/venv")
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise SetupError(f"The virtual environment could not be made:\n{(made.stdout + made.stderr).strip()}")


def _version_of(python: Path) -> tuple[int, ...]:
    ask = "import sys; print(*sys.version_info[:2])"
    answer = subprocess.run([str(python), "-c", ask], capture_output=True, text=True, check=False)
    return tuple(map(int, answer.stdout.split())) if answer.returncode == 0 else ()


def _install(say: Callable[[str], None]) -> None:
    """Installs with pip, telling how far it is."""
    total = len(re.findall(r"^[A-Za-z0-9][^\s;=]*==", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE))
    say(f"Installing {total} pinned packages (some minutes, once; the log is .rostrum/pip.log)")
    command = [str(venv_python()), "-m", "pip", "install", "--require-hashes", "--no-input", "--progress-bar", "off"]
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}
    said = ""
    with _LOG.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, "-r", str(REQUIREMENTS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environ,
        )
        assert process.stdout is not None
        seen = 0
        for line in process.stdout:
            log.write(line)
            found = _COLLECTING.match(line)
            if found:
                seen += 1
                said = _progress(f"  {min(seen, total):3d} of {total}  {found.group(1)}", said)
            elif line.startswith("Installing collected packages"):
                said = _progress("  unpacking", said)
        status = process.wait()
    if said and sys.stderr.isatty():
        sys.stderr.write("\n")
    if status != 0:
        tail = "\n".join(_LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise SetupError(f"pip could not install the packages:\n{tail}\nThe whole log is {_LOG}.")


def _progress(text: str, before: str) -> str:
    """Shows the text in place on a terminal; elsewhere nothing, so that logs stay short."""
    if sys.stderr.isatty():
        sys.stderr.write("\r" + text.ljust(len(before)))
        sys.stderr.flush()
    return text
