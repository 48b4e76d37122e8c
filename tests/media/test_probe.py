"""Probing over HTTP: recordings in storage and behind a real server on loopback, good and bad."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.api.app import create_app
from shared.domain.recording import AudioStream, Recording
from shared.domain.warning import from_text
from shared.media.probe.decoder import UNMEASURED
from shared.media.probe.probe import GUESSED
from shared.media.probe.quick_probe import BLOCK_BYTES, HEAD_BYTES, LENGTH_UNKNOWN
from shared.pipeline.updates import change_session
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS, SOURCES, WORK
from shared.transcription.choose import choose_engine
from shared.wiring import build_services

ClipMaker = Callable[..., bytes]
MIB = 1024**2
BOTH = {"video": "libx264", "audio": "aac"}


@dataclass
class File:
    """What the server has at a path. `declared` is the Content-Length: None for chunks, -1 for the true one."""

    data: bytes = b""
    ranges: bool = True
    declared: int | None = -1
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    stall: bool = False
    changes: bool = False
    """Whether each answer tells of another version."""
    then: bytes = b""
    """Sent again and again after the data."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files: dict[str, File]
    sent: list[int]
    go_on: threading.Event

    def do_GET(self) -> None:
        file = self.files[self.path.partition("?")[0]]
        status, body, headers = file.status, file.data, dict(file.headers)
        wanted = self.headers.get("Range") if file.ranges else None
        if wanted is not None:
            first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
            status, body = 206, file.data[first : last + 1]
            headers["Content-Range"] = f"bytes {first}-{first + len(body) - 1}/{len(file.data)}"
        if file.changes:
            headers["ETag"] = f'"{len(self.sent)}"'
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if file.declared is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body) if file.declared < 0 else file.declared))
        self.end_headers()
        self.close_connection = True
        self.sent.append(0)
        try:
            for piece in self.pieces(body, file):
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if file.declared is None else piece)
                self.sent[-1] += len(piece)
            if file.declared is None:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            return  # the client has seen enough

    def pieces(self, body: bytes, file: File) -> Iterator[bytes]:
        for at in range(0, len(body), 64 * 1024):
            yield body[at : at + 64 * 1024]
        if file.stall:
            self.go_on.wait(180)
        if file.then:
            yield from repeat(file.then)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server:
    """`sent` has the bytes of each answer."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.sent: list[int] = []
        self.go_on = threading.Event()
        bound = {"files": self.files, "sent": self.sent, "go_on": self.go_on}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), bound))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def serve(self, file: File) -> str:
        """The file's address."""
        path = f"/{len(self.files)}.mp4"
        self.files[path] = file
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def stop(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@dataclass
class ProbeHarness:
    client: TestClient
    storage: MemoryStorage

    def probe(self, **body: Any) -> Any:
        answer = self.client.post("/ingest/probe", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refusal(self, **body: Any) -> tuple[int, str]:
        answer = self.client.post("/ingest/probe", json=body)
        return answer.status_code, answer.json()["code"]

    def upload(self, data: bytes, length: int | None = None) -> str:
        announced = {"sourceName": "talk.mp4", "contentLength": length or len(data), "contentType": "video/mp4"}
        upload_id: str = self.client.post("/ingest/init", json=announced).json()["uploadId"]
        name = self.storage.uploads.get("local", upload_id).value.source_blob
        self.storage.blobs.stage_block(SOURCES, name, 0, data)
        self.storage.blobs.commit_blocks(SOURCES, name, 1, "video/mp4")
        return upload_id


@pytest.fixture
def open_harness(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ProbeHarness]]:
    """Opens an API with settings of the test's own; no Whisper model is on this machine."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
    opened: list[TestClient] = []

    def make(**settings: Any) -> ProbeHarness:
        given = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "allow_loopback_sources": True, **settings}
        storage = MemoryStorage()
        client = TestClient(create_app(build_services(Settings.model_validate(given), storage)), base_url="http://api")
        opened.append(client)
        return ProbeHarness(client, storage)

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def harness(open_harness: Callable[..., ProbeHarness]) -> ProbeHarness:
    return open_harness()


@pytest.fixture(scope="session")
def index_at_the_end(make_clip: ClipMaker) -> bytes:
    """A minute of uncompressed sound: more than a probe without ranges sees."""
    clip = make_clip("mov", seconds=60.0, audio="pcm_s16le", rate=48000, layout="stereo")
    assert len(clip) > 2 * HEAD_BYTES
    assert clip.index(b"mdat") < 100 < HEAD_BYTES < clip.index(b"moov")
    return clip


def test_a_recording_is_described_with_what_will_happen(
    harness: ProbeHarness, server: Server, make_clip: ClipMaker
) -> None:
    clip = make_clip("mp4", **BOTH)
    embedded = choose_engine("auto", language="en-GB")  # the test's models directory is empty
    seen = harness.probe(sourceUrl=server.serve(File(clip)), options={"language": "en-GB"})
    assert seen["container"].startswith("mov,mp4")
    assert [(stream["kind"], stream["codec"]) for stream in seen["streams"]] == [("video", "h264"), ("audio", "aac")]
    assert seen["durationSec"] == pytest.approx(3.0, abs=0.2)
    assert (seen["sizeBytes"], seen["sha256"]) == (len(clip), None)
    assert seen["plan"] == {
        "stages": {
            "download": {"parts": 1, "invocations": 1, "reason": None},
            "transcription": {"parts": 1, "invocations": 2, "reason": None},
            "tracking": {"parts": 1, "invocations": 3, "reason": None},
            "rendition": {"parts": 0, "invocations": 0, "reason": "Every browser plays the recording as it is."},
        },
        "invocations": 6,
        "engine": {"name": embedded.name, "model": embedded.model, "language": "en"},
        "problem": None,
    }
    assert seen["warnings"] == [warning.text for warning in embedded.warnings]


def test_nothing_is_kept(harness: ProbeHarness, server: Server, make_clip: ClipMaker) -> None:
    harness.probe(sourceUrl=server.serve(File(make_clip("mp4", **BOTH))))
    assert not harness.storage.jobs.page("local", limit=1).items
    assert not harness.storage.sessions.page("local", limit=1).items
    assert not [blob for container in (SOURCES, WORK, RESULTS) for blob in harness.storage.blobs.listing(container, "")]


def test_an_index_at_the_end_of_a_large_file_is_found_by_few_requests(
    open_harness: Callable[..., ProbeHarness], server: Server, index_at_the_end: bytes
) -> None:
    harness = open_harness(probe_max_bytes=len(index_at_the_end))
    seen = harness.probe(sourceUrl=server.serve(File(index_at_the_end)))
    assert seen["durationSec"] == pytest.approx(60.0)
    assert seen["warnings"] == [UNMEASURED.text]
    assert seen["plan"]["stages"]["tracking"] == {
        "parts": 0,
        "invocations": 0,
        "reason": "The recording has no picture.",
    }
    assert len(server.sent) <= 4
    assert sum(server.sent) <= 4 * BLOCK_BYTES


def test_a_long_recording_has_several_parts(
    open_harness: Callable[..., ProbeHarness], server: Server, index_at_the_end: bytes
) -> None:
    harness = open_harness(transcription_part_sec=10)
    seen = harness.probe(sourceUrl=server.serve(File(index_at_the_end)))
    assert seen["plan"]["stages"]["transcription"] == {"parts": 6, "invocations": 7, "reason": None}
    assert seen["plan"]["invocations"] == 8


@pytest.mark.parametrize(
    ("format", "options"),
    [
        pytest.param("webm", {"video": "libvpx", "audio": "libopus", "rate": 48000}, id="webm"),
        pytest.param("mp3", {"audio": "libmp3lame"}, id="mp3"),
        pytest.param("mp3", {"audio": "libmp3lame", "options": {"write_xing": "0"}}, id="mp3 without a header"),
        pytest.param("wav", {"audio": "pcm_s16le"}, id="wav"),
        pytest.param("mpegts", BOTH, id="transport stream"),
        pytest.param("mp4", {**BOTH, "options": {"movflags": "frag_keyframe+empty_moov"}}, id="fragmented mp4"),
    ],
)
@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
def test_kinds(
    harness: ProbeHarness, server: Server, make_clip: ClipMaker, format: str, options: dict[str, Any], ranges: bool
) -> None:
    seen = harness.probe(sourceUrl=server.serve(File(make_clip(format, **options), ranges=ranges)))
    assert seen["durationSec"] == pytest.approx(3.0, abs=0.3)
    assert len(seen["streams"]) == ("video" in options) + ("audio" in options)


def test_a_length_that_stands_nowhere_is_guessed_or_left_open(
    open_harness: Callable[..., ProbeHarness], server: Server, make_clip: ClipMaker
) -> None:
    harness = open_harness(probe_max_bytes=MIB)  # too little to read it all
    mp3 = make_clip("mp3", seconds=90.0, audio="libmp3lame", options={"write_xing": "0"}, rate=48000)
    seen = harness.probe(sourceUrl=server.serve(File(mp3)))
    assert seen["durationSec"] == pytest.approx(90.0, rel=0.1)
    assert GUESSED.text in seen["warnings"]
    live = make_clip("webm", video="libvpx", options={"live": "1"})
    seen = harness.probe(sourceUrl=server.serve(File(live, ranges=False, declared=None, then=live)))
    assert seen["durationSec"] is None
    assert LENGTH_UNKNOWN.text in seen["warnings"]
    assert seen["plan"]["stages"]["tracking"] == {"parts": None, "invocations": None, "reason": None}
    assert seen["plan"]["invocations"] is None


def test_without_ranges_the_beginning_has_to_do(
    harness: ProbeHarness, server: Server, make_clip: ClipMaker, index_at_the_end: bytes
) -> None:
    front = make_clip(
        "mov", seconds=60.0, audio="pcm_s16le", rate=48000, layout="stereo", options={"movflags": "faststart"}
    )
    for declared in (-1, None):
        server.sent.clear()
        seen = harness.probe(sourceUrl=server.serve(File(front, ranges=False, declared=declared)))
        assert seen["durationSec"] == pytest.approx(60.0)
        assert seen["sizeBytes"] == (len(front) if declared else None)
        refusal = harness.refusal(sourceUrl=server.serve(File(index_at_the_end, ranges=False, declared=declared)))
        assert refusal == (422, "cannot_probe")
        assert len(server.sent) == 2


def test_a_recording_that_takes_too_much_reading(
    open_harness: Callable[..., ProbeHarness], server: Server, index_at_the_end: bytes
) -> None:
    harness = open_harness(probe_max_bytes=MIB)
    assert harness.refusal(sourceUrl=server.serve(File(index_at_the_end))) == (422, "cannot_probe")
    assert sum(server.sent) <= MIB + HEAD_BYTES


def test_a_server_that_never_stops(harness: ProbeHarness, server: Server, make_clip: ClipMaker) -> None:
    noise = File(ranges=False, declared=None, then=bytes(64 * 1024))
    assert harness.refusal(sourceUrl=server.serve(noise)) == (422, "not_media")
    radio = make_clip("mp3", audio="libmp3lame", options={"write_xing": "0"})
    seen = harness.probe(sourceUrl=server.serve(File(radio, ranges=False, declared=None, then=radio)))
    assert (seen["durationSec"], seen["sizeBytes"]) == (None, None)
    assert [stream["kind"] for stream in seen["streams"]] == ["audio"]


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
def test_a_server_that_takes_too_long(open_harness: Callable[..., ProbeHarness], server: Server, ranges: bool) -> None:
    harness = open_harness(probe_max_sec=0.2)
    url = server.serve(File(bytes(10), declared=MIB, stall=True, ranges=ranges))
    answer = harness.client.post("/ingest/probe", json={"sourceUrl": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "source_too_slow")


@pytest.mark.parametrize(
    ("file", "refusal"),
    [
        pytest.param(File(b"Good morning. " * 100), (422, "not_media"), id="text"),
        pytest.param(File(b"", ranges=False), (422, "empty_recording"), id="empty"),
        pytest.param(File(b"<html>", headers={"Content-Type": "text/html"}), (422, "not_media"), id="page"),
        pytest.param(File(b"x", declared=10**12, ranges=False), (413, "recording_too_large"), id="huge"),
        pytest.param(File(status=404, ranges=False), (422, "source_not_found"), id="not there"),
        pytest.param(File(status=403, ranges=False), (422, "source_refused"), id="refused"),
        pytest.param(File(status=500, ranges=False), (503, "source_unavailable"), id="broken"),
        pytest.param(File(bytes(100), declared=200, ranges=False), (503, "source_unavailable"), id="cut off"),
        pytest.param(
            File(status=302, ranges=False, headers={"Location": "http://10.0.0.1/"}),
            (422, "address_refused"),
            id="inside",
        ),
        pytest.param(
            File(status=302, ranges=False, headers={"Location": "file:///etc/passwd"}),
            (422, "address_refused"),
            id="file",
        ),
    ],
)
def test_what_a_job_would_end_with_is_said_now(
    harness: ProbeHarness, server: Server, file: File, refusal: tuple[int, str]
) -> None:
    assert harness.refusal(sourceUrl=server.serve(file)) == refusal


def test_an_encrypted_recording(harness: ProbeHarness, server: Server, make_clip: ClipMaker) -> None:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76" * 16, "encryption_kid": "a7" * 16}
    url = server.serve(File(make_clip("mp4", video="libx264", options=key)))
    assert harness.refusal(sourceUrl=url) == (422, "encrypted_recording")


def test_a_file_that_changes_while_it_is_looked_at(
    harness: ProbeHarness, server: Server, index_at_the_end: bytes
) -> None:
    url = server.serve(File(index_at_the_end, changes=True))
    assert harness.refusal(sourceUrl=url) == (503, "source_changed")


def test_this_machine_is_not_probed_unless_that_is_allowed(
    open_harness: Callable[..., ProbeHarness], server: Server
) -> None:
    harness = open_harness(allow_loopback_sources=False)
    assert harness.refusal(sourceUrl=server.serve(File())) == (422, "address_refused")
    assert server.sent == []


def test_an_upload_is_probed_before_and_after_its_commit(harness: ProbeHarness, make_clip: ClipMaker) -> None:
    clip = make_clip("mp4", **BOTH)
    upload_id = harness.upload(clip)
    before = harness.probe(uploadId=upload_id)
    job = harness.client.post("/ingest/commit", json={"uploadId": upload_id}).json()
    assert before["durationSec"] == pytest.approx(3.0, abs=0.2)
    assert harness.probe(uploadId=upload_id) == before == harness.probe(sessionId=job["sessionId"])


def test_what_cannot_be_probed_yet_or_at_all(harness: ProbeHarness) -> None:
    assert harness.refusal(uploadId=harness.upload(b"abc", length=5)) == (409, "upload_incomplete")
    assert harness.refusal(uploadId="nothing") == (404, "not_found")
    assert harness.refusal(sessionId="nothing") == (404, "not_found")
    assert harness.refusal(uploadId=harness.upload(b"abc")) == (422, "not_media")
    assert harness.refusal(uploadId="a", sessionId="b") == (422, "invalid_request")
    assert harness.refusal() == (422, "invalid_request")


def test_what_a_job_found_out_is_not_found_out_again(harness: ProbeHarness) -> None:
    job = harness.client.post("/jobs", json={"sourceUrl": "https://example.com/talk.mp4"}).json()
    sound = AudioStream(0, "aac", 48_000, 2, 0.0, 9.5)
    known = Recording("mov,mp4", 123, 0.0, 9.5, None, sound, (from_text("Cut."),))
    services = build_services(Settings(), harness.storage)
    change_session(services, "local", job["sessionId"], lambda one: one.evolve(recording=known, sha256="ab" * 32))
    seen = harness.probe(sessionId=job["sessionId"])
    assert (seen["durationSec"], seen["sizeBytes"], seen["sha256"]) == (9.5, 123, "ab" * 32)
    assert seen["warnings"][0] == "Cut."


def test_a_session_that_was_not_fetched_yet_is_probed_at_its_address(
    harness: ProbeHarness, server: Server, make_clip: ClipMaker
) -> None:
    url = server.serve(File(make_clip("mp4", **BOTH)))
    job = harness.client.post("/jobs", json={"sourceUrl": url}).json()
    assert harness.probe(sessionId=job["sessionId"])["durationSec"] == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize(
    ("settings", "options", "code", "words"),
    [
        ({}, {"language": "de"}, "engine_unavailable", "'de' needs a faster-whisper model"),
        ({}, {"engine": "faster-whisper"}, "engine_unavailable", "is not on this machine"),
        ({"max_duration_sec": 2}, {}, "recording_too_long", "minutes long"),
    ],
)
def test_what_a_job_would_be_refused_for_is_told_beside_the_facts(
    open_harness: Callable[..., ProbeHarness],
    make_clip: ClipMaker,
    settings: dict[str, Any],
    options: Any,
    code: str,
    words: str,
) -> None:
    harness = open_harness(**settings)
    seen = harness.probe(uploadId=harness.upload(make_clip("mp4", **BOTH)), options=options)
    assert seen["durationSec"] == pytest.approx(3.0, abs=0.2)
    assert seen["plan"]["engine"] is None
    assert seen["plan"]["problem"]["code"] == code
    assert words in seen["plan"]["problem"]["detail"]
    assert seen["plan"]["problem"]["detail"] in seen["warnings"]


def test_an_upload_that_expired_is_not_probed(harness: ProbeHarness, make_clip: ClipMaker) -> None:
    upload_id = harness.upload(make_clip("mp4", **BOTH))
    stored = harness.storage.uploads.get("local", upload_id)
    harness.storage.uploads.update(stored, stored.value.evolve(expires_at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert harness.refusal(uploadId=upload_id) == (409, "conflict")
