"""Run the web page's scripts in Node, and find the browser that they drive.

Apart from the page's own tests, because those of the running stack open the page as well.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from devhost.errors import PageError, SetupError
from devhost.node import Node
from devhost.page_build import SOURCES, environment, install_modules

MAX_RUN_SEC = 800.0
"""Shorter than pytest lets a test take, so that a script which hangs is named by its test's failure."""


def find_chromium() -> str:
    """Return the path of the machine's Chromium; skip the test, or fail it, where there is none."""
    found = shutil.which("chromium")
    if found is None:
        if _is_required():
            pytest.fail("there is no Chromium, and ROSTRUM_REQUIRE_PAGE is set")
        pytest.skip("there is no Chromium on this machine: the page is not tried in a browser")
    return found


def install_node() -> Node:
    """Return Node with what the page's lock file pins; skip the test, or fail it, where that cannot be installed."""
    try:
        return install_modules(sys.executable, print)
    except (PageError, SetupError) as error:
        if _is_required():
            raise
        pytest.skip(f"the page's packages cannot be installed here: {error}")


def run_node(node: Node, *arguments: str, cwd: Path = SOURCES) -> "subprocess.CompletedProcess[str]":
    """Run Node among the page's sources; raise subprocess.TimeoutExpired after `MAX_RUN_SEC`."""
    return subprocess.run(
        [node.executable, *arguments],
        cwd=cwd,
        env=environment(node),
        capture_output=True,
        text=True,
        timeout=MAX_RUN_SEC,
        check=False,
    )


def _is_required() -> bool:
    """Return whether a machine that cannot run these tests fails them instead of skipping them."""
    return "ROSTRUM_REQUIRE_PAGE" in os.environ
