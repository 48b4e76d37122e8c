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
FOLDERS = ("e2e", "media", "stored", "devhost", "functions", "contract", "unit")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each module to one process, and everything that uses the shared stack too: fixtures are then made once."""
    if not hasattr(config, "workerinput"):  # only the processes of pytest-xdist collect for it
        return
    items.sort(key=lambda item: _rank(item.path))
    for item in items:
        shared = "stack" in getattr(item, "fixturenames", ())
        module = item.path.relative_to(Path(__file__).parent).with_suffix("").as_posix()
        item.add_marker(pytest.mark.xdist_group("stack" if shared else module))


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
