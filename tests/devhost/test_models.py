"""Models fetched from a server on this machine that breaks off, resumes, and lies."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import dev
from devhost.errors import SetupError
from devhost.model_table import MODELS, Model, ModelFile
from devhost.models import describe_models, fetch_models

WEIGHTS = bytes(range(256)) * 40
RIGHT = hashlib.sha256(WEIGHTS).hexdigest()


@dataclass
class Server:
    """Serves `content`; breaks off after `breaks` bytes, each once; `ranges` says whether it can resume."""

    url: str = ""
    content: bytes = WEIGHTS
    breaks: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int = 200
    location: str | None = None
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            state.asked.append(wanted)
            if state.location is not None:
                self.send_response(302)
                self.send_header("Location", state.location)
                self.end_headers()
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and state.ranges else 0
            if start >= len(state.content):
                self.send_error(416)
                return
            if state.status != 200:
                self.send_error(state.status)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}")
            self.send_header("Content-Length", str(len(state.content) - start))
            self.end_headers()
            end = state.breaks.pop(0) if state.breaks else len(state.content)
            self.wfile.write(state.content[start:end])

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}/weights.bin"
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


def _fetch(server: Server, home: Path, sha256: str | None = RIGHT) -> list[str]:
    said: list[str] = []
    model = Model("tiny", "for tests", "MIT", 1, (ModelFile("weights.bin", server.url, sha256),), default=True)
    fetch_models([], said.append, home, [model])
    return said


def test_a_file_is_fetched_once_and_checked(server: Server, tmp_path: Path) -> None:
    _fetch(server, tmp_path)
    assert (tmp_path / "tiny" / "weights.bin").read_bytes() == WEIGHTS
    assert "  weights.bin is there" in _fetch(server, tmp_path)
    assert server.asked == [None]


def test_what_was_broken_off_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.breaks = [3000, 7000]
    _fetch(server, tmp_path)
    assert (tmp_path / "tiny" / "weights.bin").read_bytes() == WEIGHTS
    assert server.asked == [None, "bytes=3000-", "bytes=7000-"]


def test_a_later_run_goes_on_with_what_an_earlier_one_left(server: Server, tmp_path: Path) -> None:
    server.breaks = [1000, 1000, 1000]  # the second and third time, nothing more arrives
    with pytest.raises(SetupError, match=r"1000 of 10240 bytes arrived\. Try again: it goes on from here"):
        _fetch(server, tmp_path)
    assert not (tmp_path / "tiny" / "weights.bin").exists()
    _fetch(server, tmp_path)
    assert server.asked[-1] == "bytes=1000-"
    assert (tmp_path / "tiny" / "weights.bin").read_bytes() == WEIGHTS


def test_a_server_that_cannot_resume_sends_everything(server: Server, tmp_path: Path) -> None:
    server.breaks, server.ranges = [3000], False
    _fetch(server, tmp_path)
    assert (tmp_path / "tiny" / "weights.bin").read_bytes() == WEIGHTS


def test_a_wrong_checksum_keeps_nothing(server: Server, tmp_path: Path) -> None:
    server.content = b"something else"
    with pytest.raises(SetupError, match=f"(?s)not the file that was expected.*{RIGHT}"):
        _fetch(server, tmp_path)
    assert [path.name for path in (tmp_path / "tiny").iterdir()] == [".lock"]


@pytest.mark.parametrize("left", [b"\0" * 5000, b"\0" * 20000], ids=["shorter", "longer"])
def test_a_half_of_another_version_is_fetched_anew(server: Server, tmp_path: Path, left: bytes) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "weights.bin.part").write_bytes(left)
    _fetch(server, tmp_path)
    assert (tmp_path / "tiny" / "weights.bin").read_bytes() == WEIGHTS


def test_a_damaged_file_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    _fetch(server, tmp_path)
    (tmp_path / "tiny" / "weights.bin").write_bytes(WEIGHTS[:-1])
    assert "  weights.bin is damaged: fetching it again" in _fetch(server, tmp_path)
    assert (tmp_path / "tiny" / "weights.bin").read_bytes() == WEIGHTS


def test_a_file_without_a_checksum_is_trusted_once(server: Server, tmp_path: Path) -> None:
    assert any("trusted this once" in line for line in _fetch(server, tmp_path, sha256=None))
    assert json.loads((tmp_path / "tiny" / "checksums.json").read_text()) == {"weights.bin": RIGHT}
    (tmp_path / "tiny" / "weights.bin").unlink()
    server.content = b"something else"
    with pytest.raises(SetupError, match="not the file that was expected"):
        _fetch(server, tmp_path, sha256=None)


def test_a_missing_file_is_named(server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(SetupError, match=r"weights\.bin answered 404"):
        _fetch(server, tmp_path)


def test_no_network_is_said_plainly(server: Server, tmp_path: Path) -> None:
    nowhere = replace(server, url="http://127.0.0.1:1/weights.bin")
    with pytest.raises(SetupError, match=r"could not be fetched: .*refused"):
        _fetch(nowhere, tmp_path)


def test_a_redirect_is_followed(server: Server, tmp_path: Path) -> None:
    server.location = "/elsewhere"

    class Once(list[str | None]):
        def append(self, wanted: str | None) -> None:
            super().append(wanted)
            if len(self) == 2:
                server.location = None

    server.asked = Once()
    _fetch(server, tmp_path)
    assert (tmp_path / "tiny" / "weights.bin").read_bytes() == WEIGHTS


def test_an_unknown_model_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"There is no model large\. There are: faster-whisper-base, "):
        fetch_models(["large"], print, tmp_path)


def test_the_table_is_sound(tmp_path: Path) -> None:
    assert len({model.name for model in MODELS}) == len(MODELS)
    for model in MODELS:
        for file in model.files:
            assert file.url.startswith("https://")
            assert file.sha256 is None or (len(file.sha256) == 64 and int(file.sha256, 16) >= 0)
            assert "/main/" not in file.url  # a branch moves
    assert "faster-whisper-base" in describe_models(tmp_path)
    assert " here " not in describe_models(tmp_path)


def test_dev_py_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    options = dev._parse(["models", "--list"])
    assert options.run(options) == 0
    assert "yolox-nano" in capsys.readouterr().out
