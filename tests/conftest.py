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


# The slow folders first, so that no process is left alone with one of them at the end.
FOLDERS = ("e2e", "page", "media", "stored", "devhost", "functions", "contract", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the modules by folder; `--dist loadfile` gives each of them to one process, in this order."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    folder = path.relative_to(Path(__file__).parent).parts[0]
    return FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of an Azurite on free ports, with its data in a directory of this run."""
    command = install_azurite(print)
    emulator = start_azurite(command, Path(tmp_path_factory.mktemp("azurite")))
    try:
        yield emulator.connection_string
    finally:
        emulator.stop()
