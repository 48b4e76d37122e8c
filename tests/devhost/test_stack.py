"""What `dev.py` does before and after the real work: the environment, the stack, the messages."""

import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from devhost.environment import Environment
from devhost.errors import SetupError, StackError
from devhost.stack import Stack, find_running, free_port, start_stack

REPO = Path(__file__).resolve().parents[2]
APP = """
import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="health")
async def health(req: Request) -> Response:
    return JSONResponse({"status": "ok", "version": "0", "storage": "ok"})
"""


def test_a_stack_starts_is_found_again_guards_its_data_and_stops_whole(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text(APP)
    port = free_port()
    stack = _start(tmp_path, port)
    try:
        assert stack.host is not None
        assert stack.azurite is not None
        host = psutil.Process(stack.host.pid)
        family = [host, *host.children(recursive=True), psutil.Process(stack.azurite.process.pid)]
        assert find_running(port) == Stack(stack.url)
        while_running = stack.ended
        assert while_running is None
        with pytest.raises(StackError, match=rf"Another stack uses .*{stack.url}.*--data"):
            _start(tmp_path, free_port())
        stack.azurite.stop()
        assert stack.ended == "Azurite, the local storage, ended by itself"
    finally:
        stack.stop()
    assert psutil.wait_procs(family, timeout=180)[1] == []
    assert find_running(port) is None


def test_a_host_that_does_not_start_says_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text("raise RuntimeError('broken on purpose')")
    before = psutil.Process().children(recursive=True)
    with pytest.raises(StackError, match=r"(?s)The host ended\. The last lines of .*broken on purpose"):
        _start(tmp_path, free_port())
    assert psutil.Process().children(recursive=True) == before


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        pytest.param(200, b"<h1>something else</h1>", "is taken by another program", id="another program"),
        pytest.param(503, b'{"status": "unavailable", "storage": "unavailable"}', "does not work", id="an ill stack"),
    ],
)
def test_a_port_that_cannot_be_used_is_named(status: int, body: bytes, why: str) -> None:
    class Foreign(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Foreign) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(StackError, match=rf"[Pp]ort {server.server_port} {why}"):
                find_running(server.server_port, patience_sec=0.2 if b"storage" in body else 1e9)
        finally:
            server.shutdown()
            thread.join()


def test_the_environment_is_made_once_and_again_when_the_pins_change(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    pins = (REPO / "requirements-dev.txt").read_text()
    small = re.search(r"^iniconfig==.*(\n +--hash.*)+", pins, re.MULTILINE)
    assert small is not None
    requirements.write_text(small.group() + "\n")
    speech = tmp_path / "speech.txt"
    speech.write_text("")
    environment = Environment(tmp_path / "home", requirements, speech)
    said: list[str] = []
    python = environment.ensure(said.append)
    assert subprocess.run([str(python), "-c", "import iniconfig"], check=False).returncode == 0
    assert [text.split()[0] for text in said] == ["Making", "Installing", "Installing"]
    said.clear()
    assert environment.ensure(said.append) == python
    assert said == []
    requirements.write_text(re.sub(r"==\S+", "==2.0.0", requirements.read_text()))  # not what the hashes are of
    with pytest.raises(SetupError, match=r"(?s)pip could not install the packages.*pip\.log"):
        environment.ensure(said.append)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["process"], "FILE_OR_URL"),
        (["dance"], "invalid choice"),
        (["process", "--", "-nowhere.mp4"], "There is no file -nowhere.mp4."),
        (["process", "https://media.test/talk.mp4", "--port", "99999"], "--port: must be 1 to 65535"),
        (["up", "--workers", "0"], "--workers: must be at least 1"),
    ],
    ids=["nothing", "no file", "unknown", "a missing file", "no port", "no workers"],
)
def test_bad_usage_exits_with_2(arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, str(REPO / "dev.py"), *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_dev_py_needs_the_standard_library_only() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(REPO)!r}); import dev"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def _start(directory: Path, port: int) -> Stack:
    return start_stack(
        Path(sys.executable),
        port=port,
        data=directory / "data",
        workers=1,
        hints=True,
        say=lambda text: None,
        app=directory,
    )
