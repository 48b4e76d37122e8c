"""What every suite may use: a real storage emulator of the test run's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devhost.azurite import install_azurite, start_azurite

os.environ["ROSTRUM_MODELS_DIR"] = str(Path(__file__).parent / "none")  # what was fetched here is no test's business


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz", type=int, default=0, metavar="N", help="try a running stack's API, too, with N cases an operation"
    )


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of an Azurite on free ports, with its data in a directory of this run."""
    command = install_azurite(print)
    emulator = start_azurite(command, Path(tmp_path_factory.mktemp("azurite")))
    try:
        yield emulator.connection_string
    finally:
        emulator.stop()
