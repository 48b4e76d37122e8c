"""Downloads from a real server on loopback: what comes, what is refused, and how reading goes on after a break."""

import gzip
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

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
RECORDING = b"\x00\x00\x00\x18ftypisom" + BODY
LOGIN = b'<!DOCTYPE html><html><head><title>Sign in</title></head><form action="/go"><input type="password"></form>'
SAYS = {
    "page": ("text/html; charset=utf-8", b"\xef\xbb\xbf\n  <!doctype HTML><p>Hello</p>"),
    "page-called-video": ("video/mp4", b"<html><body>Your download begins soon</body></html>"),
    "utf-16-page": ("text/html", "\ufeff<html>Hello</html>".encode("utf-16-le")),
    "login": ("text/html", LOGIN),
    "login-called-bytes": ("application/octet-stream", LOGIN),
    "xml": ("application/xml", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
    "json": ("application/json; charset=utf-8", b'{"error": "quota"}'),
}
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
            self.answer(200, BODY, {"Content-Encoding": "br"})
        elif path.startswith("/encoded/"):
            self.answer(200, RECORDING, {"Content-Encoding": unquote(path.rsplit("/", 1)[1])})
        elif path == "/gzip":  # although identity was asked for
            body = gzip.compress(RECORDING[:5000]) + gzip.compress(RECORDING[5000:])
            headers = {"Content-Encoding": "gzip", "ETag": ETAG, "Accept-Ranges": "bytes"}
            self.answer(206 if "Range" in self.headers else 200, body, headers)
        elif path == "/deflate":
            self.answer(200, zlib.compress(RECORDING), {"Content-Encoding": "deflate"})
        elif path == "/gzip-cut":
            self.answer(200, gzip.compress(RECORDING)[:-20], {"Content-Encoding": "gzip"})
        elif path == "/gzip-bomb":
            self.answer(200, gzip.compress(bytes(10_000_000)), {"Content-Encoding": "gzip"})
        elif path.startswith("/called/"):
            self.answer(200, RECORDING, {"Content-Type": unquote(path.removeprefix("/called/"))})
        elif path.startswith("/says/"):
            kind, body = SAYS[path.removeprefix("/says/")]
            self.answer(200, body, {"Content-Type": kind})
        elif path == "/always-206":
            self.answer(206, BODY, {"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}", "ETag": ETAG})
        elif path == "/always-206-unknown-size":
            self.answer(206, BODY, {"Content-Range": f"bytes 0-{len(BODY) - 1}/*"})
        elif path == "/always-206-bare":
            self.answer(206, BODY)
        elif path == "/pieces":  # never more than so much at once
            self.piece(str(len(BODY)), {"ETag": ETAG})
        elif path == "/pieces-unknown-size":
            self.piece("*", {})
        elif path == "/pieces-changing":
            self.piece(str(len(BODY)), {"ETag": f'"v{len(self.seen)}"'})
        elif path == "/pieces-ending":
            self.answer(
                206,
                BODY[:100] if "Range" not in self.headers else b"",
                {"Content-Range": f"bytes {100 if 'Range' in self.headers else 0}-99/{len(BODY)}"},
            )
        elif path == "/chunked":
            self.chunked(iter([BODY[:1], BODY[1:5000], BODY[5000:]]))
        elif path == "/until-close":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(BODY)
            self.close_connection = True
        elif path == "/ignores-range":
            self.answer(200, BODY, {"ETag": ETAG, "Accept-Ranges": "bytes"})
        elif path == "/sign-in":
            self.send_response(302)
            self.send_header("Set-Cookie", "ticket=a1; Path=/; HttpOnly")
            self.send_header("Set-Cookie", "second=b2")
            self.send_header("Location", self.path.partition("?to=")[2])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path == "/guarded":
            has_ticket = "ticket=a1" in self.headers.get("Cookie", "") and "second=b2" in self.headers["Cookie"]
            self.answer(*((200, BODY) if has_ticket else (403, b"")))
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

    def piece(self, size: str, headers: dict[str, str], at_most: int = 3000) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if start >= len(BODY):
            self.answer(416, b"", {"Content-Range": f"bytes */{size}"})
            return
        end = min(start + at_most, len(BODY)) - 1
        self.answer(206, BODY[start : end + 1], {**headers, "Content-Range": f"bytes {start}-{end}/{size}"})

    def do_HEAD(self) -> None:
        self.answer(405, b"")

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
        self.go_on.wait(180)
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
        pytest.param("/no-ranges", 1000, '"v0"', id="another ETag without ranges"),
        pytest.param("/always-206", 1000, '"v0"', id="another ETag and always 206"),
        pytest.param("/always-206-bare", 1000, ETAG, id="a part of which nothing is known"),
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


def test_a_refused_connection_is_worth_a_retry(server: Server) -> None:
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
    with pytest.raises(SourceRefused, match="more than 10 times"):
        read(server.url("/redirect?to=/redirect"))
    assert len(server.seen) == 11


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


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/xhtml+xml", "", "nonsense", "image/png"])
def test_what_a_recording_is_called_does_not_matter(server: Server, kind: str) -> None:
    assert read(server.url(f"/called/{quote(kind, safe='')}"))[1] == RECORDING


@pytest.mark.parametrize(
    "coding",
    ["none", "binary", "utf-8", "identity", "aws-chunked", "gzip", "deflate", "br", "x-unknown", "gzip, utf-8"],
)
def test_a_coding_that_the_bytes_do_not_have_does_not_matter(server: Server, coding: str) -> None:
    remote, body = read(server.url(f"/encoded/{quote(coding)}"))
    assert (body, remote.size_bytes) == (RECORDING, len(RECORDING))


@pytest.mark.parametrize("path", ["/gzip", "/deflate"])
def test_compression_that_was_not_asked_for_is_undone(server: Server, path: str) -> None:
    remote, body = read(server.url(path))
    assert body == RECORDING
    assert (remote.size_bytes, remote.validator, remote.accepts_ranges) == (None, None, False)


def test_compression_is_bounded_and_has_an_end(server: Server) -> None:
    with pytest.raises(RecordingTooLarge):
        read(server.url("/gzip-bomb"))
    with pytest.raises(SourceUnavailable, match="too early"):
        read(server.url("/gzip-cut"))
    with pytest.raises(UnsupportedRecording):
        read(server.url("/gzip"), length=24)


@pytest.mark.parametrize("path", ["page", "page-called-video", "utf-16-page"])
def test_a_page_is_a_page_under_any_name(server: Server, path: str) -> None:
    with pytest.raises(NotMedia, match="leads to a web page"):
        read(server.url(f"/says/{path}"))


@pytest.mark.parametrize("path", ["login", "login-called-bytes"])
def test_a_login_page_is_told_as_one(server: Server, path: str) -> None:
    with pytest.raises(NotMedia, match=r"login page.*sign-in"):
        read(server.url(f"/says/{path}"))


@pytest.mark.parametrize(("path", "form"), [("xml", "XML"), ("json", "JSON")])
def test_a_message_for_programs_is_told_as_one(server: Server, path: str, form: str) -> None:
    with pytest.raises(NotMedia, match=form):
        read(server.url(f"/says/{path}"))


@pytest.mark.parametrize(
    ("path", "size_bytes"),
    [
        ("/always-206", len(BODY)),
        ("/always-206-unknown-size", None),
        ("/always-206-bare", len(BODY)),
        ("/pieces", len(BODY)),
        ("/pieces-unknown-size", None),
        ("/chunked", None),
        ("/until-close", None),
    ],
)
def test_a_whole_file_arrives_by_every_way_of_sending(server: Server, path: str, size_bytes: int | None) -> None:
    remote, body = read(server.url(path))
    assert (body, remote.size_bytes) == (BODY, size_bytes)


def test_pieces_of_different_versions_are_not_pieced_together(server: Server) -> None:
    with pytest.raises(SourceChanged):
        read(server.url("/pieces-changing"))
    with pytest.raises(SourceUnavailable, match="stopped sending"):
        read(server.url("/pieces-ending"))


@pytest.mark.parametrize("path", ["/no-ranges", "/ignores-range", "/always-206"])
def test_a_server_that_ignores_ranges_is_read_again_up_to_where_reading_stopped(server: Server, path: str) -> None:
    remote, body = read(server.url(path), offset=1000, validator=ETAG)
    assert (body, remote.offset) == (BODY[1000:], 1000)


def test_a_server_that_always_sends_everything_sends_no_pieces(server: Server) -> None:
    remote, body = read(server.url("/always-206"), length=24)
    assert (body, remote.is_part) == (BODY, False)


def test_cookies_of_a_redirect_are_sent_to_its_host(server: Server) -> None:
    assert read(server.url("/sign-in?to=/guarded"))[1] == BODY
    with pytest.raises(SourceRefused):
        read(server.url("/guarded"))  # another download knows nothing of them
    assert "cookie" not in server.seen[-1][1]


def test_cookies_are_not_sent_to_another_host(server: Server) -> None:
    elsewhere = f"http://other.example:{server.port}/guarded"
    url = f"http://first.example:{server.port}/sign-in?to={elsewhere}"
    with pytest.raises(SourceRefused):
        read(url, resolve=lambda host, port: ["127.0.0.1"])
    assert [headers.get("cookie") for _, headers in server.seen] == [None, None]


def test_blanks_in_addresses_are_encoded(server: Server) -> None:
    remote, body = read(server.url("/my talk (1)\u202f[2].mp4?sig=a b"))
    assert (body, remote.filename) == (BODY, "my talk (1)\u202f[2].mp4")
    assert server.seen[0][0] == "/my%20talk%20(1)%E2%80%AF[2].mp4?sig=a%20b"
    assert read(server.url("/redirect?to=/a%20talk.mp4"))[1] == BODY
    assert read(server.url("/redirect?to=../x/./a.mp4"))[1] == BODY


def test_a_very_long_address(server: Server) -> None:
    address = server.url("/a.mp4?sig=" + "x" * 8000)
    assert read(address)[1] == BODY
    assert server.seen[0][0].endswith("x" * 8000)
