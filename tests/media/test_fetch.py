"""Downloads from a real server on loopback: what comes, what is refused, and how reading goes on after a break."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.domain.errors import (
    AddressRefused,
    NotMedia,
    RecordingTooLarge,
    RostrumError,
    SourceChanged,
    SourceNotFound,
    SourceRefused,
    SourceTooSlow,
    SourceUnavailable,
    UnsupportedRecording,
)
from shared.media.network.fetch import FetchPolicy, RemoteFile, open_source

BODY = bytes(range(256)) * 40
POLICY = FetchPolicy(max_bytes=20_000, max_seconds=30.0, allow_loopback=True)
ETAG = '"v1"'


class Handler(BaseHTTPRequestHandler):
    """One path, one behaviour."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, dict[str, str]]]
    go_on: threading.Event

    def do_GET(self) -> None:
        self.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        path = self.path.partition("?")[0]
        if path.startswith("/status/"):
            self.answer(int(path.rsplit("/", 1)[1]), b"")
        elif path.startswith("/redirect"):
            self.answer(302, b"", {"Location": self.path.partition("?to=")[2]})
        elif path == "/page":
            self.answer(200, b"<html>", {"Content-Type": "text/html; charset=utf-8"})
        elif path == "/compressed":
            self.answer(200, BODY, {"Content-Encoding": "gzip"})
        elif path == "/endless":
            self.chunked(BODY for _ in range(1000))
        elif path == "/broken":
            self.answer(200, BODY, declared=len(BODY) + 100)
            self.close_connection = True
        elif path == "/slow":
            self.chunked(self.slowly())
        elif path == "/no-ranges":
            self.answer(200, BODY, {"ETag": ETAG})
        elif path == "/deaf":  # ignores If-Range, but is honest about its ETag
            self.partial({"ETag": '"v2"'}, check=False)
        elif path == "/empty":
            self.answer(416, b"", {"Content-Range": "bytes */0"})
        elif path == "/elsewhere":
            self.answer(206, BODY[5:], {"Content-Range": f"bytes 5-{len(BODY) - 1}/{len(BODY)}"})
        elif path == "/named":
            self.answer(200, BODY, {"Content-Disposition": "attachment; filename*=UTF-8''..%2F..%2Fmy%20t%C3%A4lk.mp4"})
        else:
            self.partial({"ETag": ETAG, "Last-Modified": "Sat, 01 Aug 2026 00:00:00 GMT"})

    def partial(self, headers: dict[str, str], check: bool = True) -> None:
        headers = {**headers, "Accept-Ranges": "bytes", "Content-Type": "video/mp4"}
        wanted = self.headers.get("Range")
        valid = not check or self.headers.get("If-Range") in (None, headers.get("ETag"))
        if wanted is None or not valid:
            self.answer(200, BODY, headers)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(BODY)), len(BODY) - 1)
        if start >= len(BODY):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(BODY)}"})
        else:
            part = {"Content-Range": f"bytes {start}-{end}/{len(BODY)}"}
            self.answer(206, BODY[start : end + 1], {**headers, **part})

    def answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, declared: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if declared is None else declared))
        self.end_headers()
        self.wfile.write(body)

    def chunked(self, pieces: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for piece in pieces:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:  # the client left, as it should
            self.close_connection = True

    def slowly(self) -> Iterator[bytes]:
        yield b"x"
        self.go_on.wait(30)
        yield b"y"

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server:
    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.go_on = threading.Event()
        handler = type("BoundHandler", (Handler,), {"seen": self.seen, "go_on": self.go_on})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.port = self._server.server_address[1]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def stop(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def server(running: Server) -> Server:
    running.seen.clear()
    return running


def read(url: str, policy: FetchPolicy = POLICY, **options: object) -> tuple[RemoteFile, bytes]:
    with open_source(url, policy, **options) as remote:  # type: ignore[arg-type]
        return remote, b"".join(remote.chunks)


def test_a_whole_file_and_its_facts(server: Server) -> None:
    remote, body = read(server.url("/talks/My%20talk.mp4?sig=a%2Bb"))
    assert body == BODY
    assert (remote.size_bytes, remote.offset, remote.validator) == (len(BODY), 0, ETAG)
    assert (remote.content_type, remote.filename, remote.accepts_ranges) == ("video/mp4", "My talk.mp4", True)
    path, headers = server.seen[0]
    assert path == "/talks/My%20talk.mp4?sig=a%2Bb"  # signed addresses must arrive as they were given
    assert headers["accept-encoding"] == "identity"
    assert "range" not in headers
    assert "authorization" not in headers


def test_going_on_where_reading_stopped(server: Server) -> None:
    remote, body = read(server.url("/a.mp4"), offset=1000, validator=ETAG)
    assert body == BODY[1000:]
    assert (remote.size_bytes, remote.offset) == (len(BODY), 1000)
    assert server.seen[0][1]["range"] == "bytes=1000-"
    assert server.seen[0][1]["if-range"] == ETAG


def test_going_on_at_the_end_gives_nothing_more(server: Server) -> None:
    remote, body = read(server.url("/a.mp4"), offset=len(BODY), validator=ETAG)
    assert (body, remote.size_bytes) == (b"", len(BODY))


@pytest.mark.parametrize(
    ("path", "offset", "validator"),
    [
        pytest.param("/a.mp4", 1000, '"v0"', id="another ETag"),
        pytest.param("/no-ranges", 1000, ETAG, id="the server knows no ranges"),
        pytest.param("/deaf", 1000, ETAG, id="the server ignores If-Range"),
        pytest.param("/elsewhere", 1000, ETAG, id="another place"),
        pytest.param("/a.mp4", len(BODY) + 1, ETAG, id="shorter now"),
    ],
)
def test_a_source_that_changed_is_not_pieced_together(server: Server, path: str, offset: int, validator: str) -> None:
    with pytest.raises(SourceChanged):
        read(server.url(path), offset=offset, validator=validator)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/status/404", SourceNotFound),
        ("/status/410", SourceNotFound),
        ("/status/401", SourceRefused),
        ("/status/403", SourceRefused),
        ("/status/400", SourceRefused),
        ("/status/429", SourceUnavailable),
        ("/status/408", SourceUnavailable),
        ("/status/500", SourceUnavailable),
        ("/status/503", SourceUnavailable),
        ("/page", NotMedia),
        ("/compressed", UnsupportedRecording),
        ("/endless", RecordingTooLarge),
        ("/broken", SourceUnavailable),
    ],
)
def test_refusals_and_failures(server: Server, path: str, error: type[RostrumError]) -> None:
    with pytest.raises(error):
        read(server.url(path))


def test_a_web_page_is_called_a_web_page(server: Server) -> None:
    with pytest.raises(NotMedia, match="web page"):
        read(server.url("/page"))


def test_a_declared_size_over_the_limit_is_refused_before_reading(server: Server) -> None:
    small = FetchPolicy(max_bytes=100, max_seconds=30.0, allow_loopback=True)
    with pytest.raises(RecordingTooLarge, match=f"{len(BODY)} bytes"), open_source(server.url("/a.mp4"), small):
        pytest.fail("opened")


def test_the_name_from_the_header_is_never_a_path(server: Server) -> None:
    assert read(server.url("/named"))[0].filename == "my tälk.mp4"


def test_nobody_listening_is_worth_another_try(server: Server) -> None:
    with pytest.raises(SourceUnavailable):
        read("http://127.0.0.1:1/a.mp4")


def test_a_silent_server_and_a_slow_one(server: Server) -> None:
    silent = FetchPolicy(max_bytes=1000, max_seconds=30.0, allow_loopback=True, read_seconds=0.05)
    with pytest.raises(SourceUnavailable, match="in time"):
        read(server.url("/slow"), silent)
    used_up = FetchPolicy(max_bytes=1000, max_seconds=0.0, allow_loopback=True)
    with pytest.raises(SourceTooSlow):
        read(server.url("/slow"), used_up)


def test_follows_redirects_of_every_kind(server: Server) -> None:
    assert read(server.url("/redirect?to=/a.mp4"))[1] == BODY
    assert read(server.url(f"/redirect?to={server.url('/redirect?to=/a.mp4')}"))[1] == BODY


def test_redirects_have_an_end(server: Server) -> None:
    with pytest.raises(SourceRefused, match="more than 5 times"):
        read(server.url("/redirect?to=/redirect"))
    assert len(server.seen) == 6


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("http://169.254.169.254/metadata", id="metadata"),
        pytest.param("http://10.0.0.1/", id="private"),
        pytest.param("http://[::ffff:10.0.0.1]/", id="mapped"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("ftp://8.8.8.8/a", id="ftp"),
        pytest.param("http://user:secret@8.8.8.8/", id="credentials"),
    ],
)
def test_redirects_are_checked_like_addresses(server: Server, target: str) -> None:
    with pytest.raises(AddressRefused):
        read(server.url(f"/redirect?to={target}"))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.mp4",
        "gopher://example.org/",
        "http://",
        "http:///a.mp4",
        "a.mp4",
        "",
        "http://user:secret@example.org/a.mp4",
        "http://[::1",
    ],
)
def test_addresses_that_are_no_sources(url: str) -> None:
    with pytest.raises(AddressRefused):
        read(url)


def test_loopback_is_refused_by_default(server: Server) -> None:
    with pytest.raises(AddressRefused):
        read(server.url("/a.mp4"), FetchPolicy(max_bytes=1000, max_seconds=30.0))
    assert server.seen == []


def test_a_name_that_leads_elsewhere_the_second_time(server: Server) -> None:
    """DNS rebinding: the name is resolved once per connection, and what was checked is what is connected to."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    rebinding: Callable[[str, int], list[str]] = lambda host, port: next(answers)  # noqa: E731
    url = f"http://rebinding.example:{server.port}/redirect?to=http://rebinding.example:{server.port}/a.mp4"
    with pytest.raises(AddressRefused):
        read(url, resolve=rebinding)
    assert [path.partition("?")[0] for path, _ in server.seen] == ["/redirect"]
    assert server.seen[0][1]["host"] == f"rebinding.example:{server.port}"


def test_no_proxy_of_the_environment_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert read(server.url("/a.mp4"))[1] == BODY


def test_a_piece_is_asked_for_and_no_more(server: Server) -> None:
    remote, body = read(server.url("/a.mp4"), offset=1000, length=24)
    assert (body, remote.size_bytes, remote.is_part) == (BODY[1000:1024], len(BODY), True)
    assert server.seen[0][1]["range"] == "bytes=1000-1023"
    remote, body = read(server.url("/a.mp4"), length=24)
    assert (body, remote.size_bytes, remote.is_part) == (BODY[:24], len(BODY), True)
    assert server.seen[1][1]["range"] == "bytes=0-23"


def test_a_server_without_ranges_sends_its_file_from_the_start(server: Server) -> None:
    remote, body = read(server.url("/no-ranges"), length=24)
    assert (body, remote.size_bytes, remote.is_part) == (BODY, len(BODY), False)


def test_a_piece_of_an_empty_file(server: Server) -> None:
    remote, body = read(server.url("/empty"), length=24)
    assert (body, remote.size_bytes) == (b"", 0)


def test_a_piece_of_another_place_is_refused(server: Server) -> None:
    with pytest.raises(SourceChanged):
        read(server.url("/elsewhere"), length=24)
