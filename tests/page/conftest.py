"""The built web page, and the Node that its own tests run with."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from devhost.errors import PageError, SetupError
from devhost.node import Node
from devhost.page_build import build_page, install_modules


def required() -> bool:
    """Return whether a machine that cannot run these tests fails them instead of skipping them."""
    return "ROSTRUM_REQUIRE_PAGE" in os.environ


def find_chromium() -> str:
    """Return the path of the machine's Chromium; skip the test, or fail it, where there is none."""
    found = shutil.which("chromium")
    if found is None:
        if required():
            pytest.fail("there is no Chromium, and ROSTRUM_REQUIRE_PAGE is set")
        pytest.skip("there is no Chromium on this machine: the page is not tried in a browser")
    return found


@pytest.fixture(scope="session")
def page_node() -> Node:
    """Node, with what the page's lock file pins installed."""
    try:
        return install_modules(sys.executable, print)
    except (PageError, SetupError) as error:
        if required():
            raise
        pytest.skip(f"the page's packages cannot be installed here: {error}")


@pytest.fixture(scope="session")
def built_page(page_node: Node) -> Path:
    return build_page(sys.executable, print)
