"""A browser that uses the page as a reader does, against the real stack."""

import json
import struct
import sys
from pathlib import Path

import pytest

from devhost.node import Node
from devhost.page import find_page, start_page
from tests.e2e.conftest import RunningStack
from tests.support.page_node import find_chromium, install_node, run_node

REPO = Path(__file__).resolve().parents[2]
PADDING_BYTES = 15 * 1024 * 1024


@pytest.fixture
def node() -> Node:
    find_chromium()
    return install_node()


def test_a_reader_without_a_mouse_uploads_watches_reads_corrects_searches_and_deletes(
    stack: RunningStack, lecture_of_two_slides: Path, tmp_path: Path, node: Node
) -> None:
    recording = tmp_path / "talk.mp4"
    filler = struct.pack(">I4s", PADDING_BYTES, b"free") + bytes(PADDING_BYTES - 8)
    # a box that players skip, for an upload of four blocks
    recording.write_bytes(lecture_of_two_slides.read_bytes() + filler)
    page = start_page(Path(sys.executable), stack.url.removesuffix("/api"), print, port=stack.page_port)
    assert find_page(stack.url.removesuffix("/api")) == page.url
    given = {
        "page": page.url,
        "api": stack.url,
        "chromium": find_chromium(),
        "recording": str(recording),
        "screenshot": str(tmp_path / "failed.png"),
    }
    try:
        done = run_node(node, "e2e/journey.mjs", json.dumps(given))
    finally:
        page.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    assert find_page(stack.url.removesuffix("/api")) is None, "the page has stopped"
