"""Run Azurite for a benchmark, on ports and data of its own, without a host."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devhost.azurite import install_azurite, start_azurite


@contextmanager
def emulator() -> Iterator[str]:
    """Start Azurite and yield its connection string; stop it and delete its data at the end."""
    command = install_azurite(lambda text: print(text, file=sys.stderr))
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as name:
        azurite = start_azurite(command, Path(name))
        try:
            yield azurite.connection_string
        finally:
            azurite.stop()
