"""The built web page, and the Node that its own tests run with."""

import sys
from pathlib import Path

import pytest

from devhost.node import Node
from devhost.page_build import build_page
from tests.support.page_node import install_node


@pytest.fixture(scope="session")
def page_node() -> Node:
    return install_node()


@pytest.fixture(scope="session")
def built_page(page_node: Node) -> Path:
    return build_page(sys.executable, print)
