"""A browser that uses the page as a reader does, against the real stack."""

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from devhost.errors import PageError, SetupError
from devhost.node import Node
from devhost.page import find_page, start_page
from devhost.page_build import SOURCES, environment, install_modules
from tests.e2e.conftest import PATIENCE_SEC, RunningStack
from tests.page.conftest import required

REPO = Path(__file__).resolve().parents[2]
PADDING_BYTES = 9 * 1024 * 1024


@pytest.fixture
def node() -> Node:
    if shutil.which("chromium") is None:
        if required():
            pytest.fail("there is no Chromium, and ROSTRUM_REQUIRE_PAGE is set")
        pytest.skip("there is no Chromium on this machine: the page is not tried in a browser")
    try:
        return install_modules(sys.executable, print)
    except (PageError, SetupError) as error:
        if required():
            raise
        pytest.skip(f"the page's packages cannot be installed here: {error}")


def test_a_reader_uploads_watches_reads_searches_and_deletes(
    stack: RunningStack, short_lecture: Path, tmp_path: Path, node: Node
) -> None:
    recording = tmp_path / "talk.mp4"
    filler = struct.pack(">I4s", PADDING_BYTES, b"free") + bytes(PADDING_BYTES - 8)
    recording.write_bytes(short_lecture.read_bytes() + filler)  # a box that players skip, for an upload of some blocks
    page = start_page(Path(sys.executable), stack.url.removesuffix("/api"), print, port=stack.page_port)
    assert find_page(stack.url.removesuffix("/api")) == page.url
    given = {
        "page": page.url,
        "api": stack.url,
        "chromium": shutil.which("chromium"),
        "recording": str(recording),
        "screenshot": str(tmp_path / "failed.png"),
    }
    try:
        done = subprocess.run(
            [node.executable, "e2e/journey.mjs", json.dumps(given)],
            cwd=SOURCES,
            env=environment(node),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SEC,
            check=False,
        )
    finally:
        page.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    assert find_page(stack.url.removesuffix("/api")) is None, "the page has stopped"
