"""What every suite may use: a real storage emulator of the test run's own."""

import gc
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from devhost.azurite import install_azurite, start_azurite

settings.register_profile("quick", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=500)  # --hypothesis-profile=thorough
settings.load_profile("quick")
sys.dont_write_bytecode = False  # as `dev.py test`: else every process of the tests compiles all modules anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["ROSTRUM_MODELS_DIR"] = str(Path(__file__).parent / "none")  # what was fetched here is no test's business


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz", type=int, default=0, metavar="N", help="try a running stack's API, too, with N cases an operation"
    )


SHARED_STACK, OWN_STACK = "e2e", "e2e, alone"
WITH_OWN_STACK = ("test_chaos.py", "test_overload.py", "test_schemathesis.py", "test_stand_still.py")
"""Modules of e2e that disturb a stack or a server of their own."""

# The slow ones first, so that no process is left alone with one of them at the end. Tests of stacks wait half of their
# time: the shared stack and the others have one process each, beside which the rest computes.
ORDER = (SHARED_STACK, OWN_STACK, "page", "media", "stages", "stored", "devhost", "functions", "contract", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the modules by what they cost."""
    items.sort(key=lambda item: _rank(item.path))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Have the garbage collector pass by what was imported, which is most of what it would look through each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each module to one process, so that its fixtures are made once, and those of stacks to one each kind."""
    from tests.support.group_scheduler import GroupScheduler  # loads xdist, which few processes need

    def group_of(nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        group = _group(Path(module.removeprefix("tests/")))
        return group if group in (SHARED_STACK, OWN_STACK) else module

    return GroupScheduler(config, log, group_of)


def _rank(path: Path) -> int:
    group = _group(path.relative_to(Path(__file__).parent))
    return ORDER.index(group) if group in ORDER else len(ORDER)


def _group(module: Path) -> str:
    """Return which of `ORDER` the module, a path below the tests, belongs to."""
    return OWN_STACK if module.parts[0] == "e2e" and module.name in WITH_OWN_STACK else module.parts[0]


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of an Azurite on free ports, with its data in a directory of this run."""
    with _running_azurite(tmp_path_factory.mktemp("azurite")) as connection_string:
        yield connection_string


@pytest.fixture
def empty_azurite(tmp_path: Path) -> Iterator[str]:
    """The same, in which no other test wrote anything."""
    with _running_azurite(tmp_path / "azurite") as connection_string:
        yield connection_string


@contextmanager
def _running_azurite(directory: Path) -> Iterator[str]:
    emulator = start_azurite(install_azurite(print), directory)
    try:
        yield emulator.connection_string
    finally:
        emulator.stop()
