"""The run of all tests ends, also when a test takes its process with it."""

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]

CONFTEST = """
def pytest_xdist_make_scheduler(config, log):
    from tests.support.module_scheduler import ModuleScheduler
    return ModuleScheduler(config, log, lambda nodeid: nodeid.partition("::")[0])
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


@pytest.mark.parametrize(("left", "passed"), [("", 10), (THREE, 13)], ids=["nothing left", "tests left"])
@pytest.mark.parametrize("processes", [1, 2])
def test_the_others_run_after_a_process_has_ended(tmp_path: Path, processes: int, left: str, passed: int) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {REPO}\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for name in "abc":
        (tmp_path / f"test_{name}.py").write_text(THREE)
    (tmp_path / "test_d.py").write_text(ENDS + left)
    plan = [f"--numprocesses={processes}", "--dist=loadfile", "--no-loadscope-reorder", "--max-worker-restart=1"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", "-p", "no:cacheprovider", *plan, "."]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert f"1 failed, {passed} passed" in ran.stdout
