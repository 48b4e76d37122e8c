"""The run of all tests ends, also when a test takes its process with it."""

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]

CONFTEST = """
def pytest_xdist_make_scheduler(config, log):
    from tests.support.group_scheduler import GroupScheduler
    return GroupScheduler(config, log, lambda nodeid: nodeid.partition("::")[0])
"""
THREE = "def test_one(): pass\ndef test_two(): pass\ndef test_three(): pass\n"
ENDS = """
import os, pathlib
def test_that_ends_its_process_once():
    mark = pathlib.Path(__file__).with_suffix(".mark")
    if not mark.exists():
        mark.touch()
        os._exit(1)
"""


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("left", ["", THREE], ids=["nothing left", "tests left"])
def test_the_others_run_after_a_process_has_ended(tmp_path: Path, processes: int, left: str) -> None:
    modules = {"a": THREE, "b": THREE, "c": THREE, "d": ENDS + left}
    assert f"1 failed, {10 + left.count('def')} passed" in _run(tmp_path, modules, processes)


def test_a_process_that_takes_over_single_tests_runs_them_all(tmp_path: Path) -> None:
    one = "def test_one(): pass\n"
    assert "1 failed, 3 passed" in _run(tmp_path, {"a": ENDS, "b": one, "c": one}, 1)


def test_the_run_ends_where_a_process_that_takes_over_finds_other_tests(tmp_path: Path) -> None:
    grows = ENDS.replace("mark.touch()", "mark.touch(); mark.with_name('test_c.py').write_text('def test_c(): pass')")
    assert "1 failed, 3 passed" in _run(tmp_path, {"a": THREE, "b": grows}, 1)


def _run(directory: Path, modules: dict[str, str], processes: int) -> str:
    """Run the modules in processes of their own, and return what pytest printed."""
    (directory / "pytest.ini").write_text(f"[pytest]\npythonpath = '{REPO}'\n")
    (directory / "conftest.py").write_text(CONFTEST)
    for name, text in modules.items():
        (directory / f"test_{name}.py").write_text(text)
    plan = [f"--numprocesses={processes}", "--dist=loadfile", "--no-loadscope-reorder", "--max-worker-restart=1"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", "-p", "no:cacheprovider", *plan, "."]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=120).stdout
