"""The page's server: files with caching and compression, pages of the application, and the way to the API."""

import gzip
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from devhost.page_server import SECURITY, find_file

REPO = Path(__file__).resolve().parents[2]
MAX_WAIT_SEC = 180.0
HTTP = httpx.Client(timeout=MAX_WAIT_SEC, limits=httpx.Limits(max_keepalive_connections=0))
"""Waits as long as a busy machine takes; the functions of httpx give up after 5 s."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("page")
    (root / "assets").mkdir()
    (root / "index.html").write_text("<title>page</title>")
    (root / "assets" / "app-1.js").write_text("run()")
    (root / "assets" / "app-1.js.gz").write_bytes(gzip.compress(b"run()"))
    (root / "config.json").write_text("{}")
    return root


class Api(BaseHTTPRequestHandler):
    """An API that tells what it was asked, and streams its first event before it may send the second."""

    goes_on = Event()
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        self.wfile.flush()
        self.goes_on.wait(MAX_WAIT_SEC)
        self.wfile.write(b"data: second\n\n")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = b"|".join(
            (self.path.encode(), self.headers["Host"].encode(), self.headers["Authorization"].encode(), body)
        )
        self.send_response(202)
        self.send_header("Location", "/api/jobs/1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(files: Path, api: str) -> Iterator[str]:
    command = [sys.executable, "-m", "devhost.page_server", "--files", str(files), "--api", api, "--port", "0"]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
            process.stdin.close()
            assert process.wait(MAX_WAIT_SEC) == 0
        finally:
            process.kill()


@pytest.fixture(scope="module")
def url(files: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as api:
        thread = Thread(target=api.serve_forever)
        thread.start()
        with serving(files, f"http://127.0.0.1:{api.server_port}") as address:
            yield address
        api.shutdown()
        thread.join()


def test_assets_are_kept_for_good_and_sent_compressed(url: str) -> None:
    answer = HTTP.get(f"{url}/assets/app-1.js", headers={"Accept-Encoding": "gzip"})
    assert (answer.text, answer.headers["content-encoding"]) == ("run()", "gzip")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "content-encoding" not in HTTP.get(f"{url}/assets/app-1.js", headers={"Accept-Encoding": "zstd"}).headers


def test_pages_of_the_application_are_its_index_and_are_asked_for_again(url: str) -> None:
    answer = HTTP.get(f"{url}/sessions/abc")
    assert answer.text == "<title>page</title>"
    assert answer.headers["cache-control"] == "no-cache"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert HTTP.get(f"{url}/", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_a_missing_file_is_no_page(url: str) -> None:
    assert HTTP.get(f"{url}/assets/app-2.js").status_code == 404


@pytest.mark.parametrize("path", ["/../secret.txt", "/..%2f..", "//etc/passwd", "/assets/../../secret.txt"])
def test_nothing_outside_the_page_is_served(files: Path, path: str) -> None:
    (files.parent / "secret.txt").write_text("secret")
    assert find_file(files, path) in (None, files / "index.html")


def test_the_api_answers_under_the_pages_origin(url: str) -> None:
    answer = HTTP.post(f"{url}/api/jobs?x=1%202", content=b"body", headers={"Authorization": "Bearer t"})
    host = url.removeprefix("http://")
    assert answer.text == f"/api/jobs?x=1%202|{host}|Bearer t|body"
    assert (answer.status_code, answer.headers["location"]) == (202, "/api/jobs/1")


def test_events_pass_one_by_one(url: str) -> None:
    with HTTP.stream("GET", f"{url}/api/jobs/1/events") as answer:
        chunks = answer.iter_raw()
        assert next(chunks) == b"data: first\n\n"
        Api.goes_on.set()
        assert b"".join(chunks) == b"data: second\n\n"


def test_an_api_that_is_down_is_a_sentence(files: Path) -> None:
    with serving(files, "http://127.0.0.1:9") as address:
        answer = HTTP.get(f"{address}/api/health")
    assert (answer.status_code, answer.json()["code"]) == (502, "unreachable")


def test_the_image_sends_the_same_policy() -> None:
    assert SECURITY["content-security-policy"] in (REPO / "frontend" / "nginx.conf").read_text(encoding="utf-8")
