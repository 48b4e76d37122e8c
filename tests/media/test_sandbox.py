"""Decoding in a process of its own: it sees what this one sees, and its end is a clear error here."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fastapi.testclient import TestClient

from shared.api.app import create_app
from shared.domain.errors import CannotProbe, NotMedia, SourceTooSlow, SourceUnavailable
from shared.media.probe import sandbox
from shared.media.probe.decoder import InProcessDecoder
from shared.media.probe.sandbox import SandboxedDecoder
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import SOURCES
from shared.wiring import build_services
from tests.support.scripted_store import instead

EXAMPLE = (Path(__file__).resolve().parents[2] / "examples" / "lecture.mp4").read_bytes()
PATIENCE_SEC = 120.0


def read(offset: int, length: int) -> bytes:
    return EXAMPLE[offset : offset + length]


SANDBOX = "shared.media.probe.sandbox_process"


def children() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if SANDBOX in " ".join(each.cmdline())]


def running(code: str, max_sec: float = PATIENCE_SEC) -> SandboxedDecoder:
    """Return a decoder with a child that runs this code instead."""
    return SandboxedDecoder(max_sec, ["-c", code])


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    assert children() == []


def test_it_sees_what_this_process_sees() -> None:
    here, there = InProcessDecoder(), SandboxedDecoder(PATIENCE_SEC)
    assert there.at_ranges(read, len(EXAMPLE), measures=True) == here.at_ranges(read, len(EXAMPLE), measures=True)
    assert there.at_head(EXAMPLE, len(EXAMPLE)) == here.at_head(EXAMPLE, len(EXAMPLE))
    beginning = EXAMPLE[: len(EXAMPLE) // 2]
    for size in (len(EXAMPLE), None):
        assert there.at_head(beginning, size) == here.at_head(beginning, size)


def test_one_picture_and_one_sound_need_no_model() -> None:
    without = "import sys; sys.modules['cv2'] = sys.modules['onnxruntime'] = None"
    seen = running(f"{without}; import {SANDBOX} as child; child.main()").at_ranges(read, len(EXAMPLE), measures=False)
    assert seen.video is not None
    assert seen.audio is not None


def test_a_refusal_is_the_same_refusal() -> None:
    text = b"It is a text file.\n" * 100
    with pytest.raises(NotMedia) as here:
        InProcessDecoder().at_head(text, len(text))
    with pytest.raises(NotMedia) as there:
        SandboxedDecoder(PATIENCE_SEC).at_head(text, len(text))
    assert there.value.detail == here.value.detail


def test_a_child_that_is_killed_while_it_reads_is_a_clear_error_and_the_next_one_works() -> None:
    def kill(offset: int, length: int) -> bytes:
        [child] = children()
        child.kill()
        child.wait()
        return read(offset, length)

    decoder = SandboxedDecoder(PATIENCE_SEC)
    with pytest.raises(CannotProbe, match="ended without an answer"):
        decoder.at_ranges(kill, len(EXAMPLE), measures=True)
    assert decoder.at_ranges(read, len(EXAMPLE), measures=True).video is not None


def test_what_reading_the_source_raises_passes_through() -> None:
    def fail(offset: int, length: int) -> bytes:
        raise SourceUnavailable("The source's server does not answer.")

    with pytest.raises(SourceUnavailable):
        SandboxedDecoder(PATIENCE_SEC).at_ranges(fail, len(EXAMPLE), measures=True)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", id="crash"),
        pytest.param("", id="silence"),
        pytest.param("raise SystemExit(3)", id="failure"),
        pytest.param("print('no JSON')", id="nonsense"),
        pytest.param("print('[' * 100_000)", id="deep nonsense"),
        pytest.param("""print('{"seen": {"container": "mp4"}}')""", id="half of a recording"),
        pytest.param("""print('{"read": [0, 99999999999]}')""", id="reads too much"),
        pytest.param("""print('{"read": [-1, 5]}')""", id="reads before the beginning"),
        pytest.param("""print('{"error": {"kind": "SystemExit", "detail": "x"}}')""", id="unknown error"),
        pytest.param("print('x' * 5_000_000)", id="endless line"),
    ],
)
def test_every_failure_of_a_child_is_one_clear_error(code: str) -> None:
    with pytest.raises(CannotProbe, match="ended without an answer"):
        running(code).at_ranges(read, len(EXAMPLE), measures=True)


def test_a_child_that_takes_too_long_is_ended() -> None:
    with pytest.raises(SourceTooSlow, match="could not be looked into within 1 s"):
        running("while True: pass", max_sec=1.0).at_ranges(read, len(EXAMPLE), measures=True)


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limit")
def test_a_child_that_takes_too_much_memory_or_writes_files_ends(tmp_path: Path) -> None:
    seen = json.dumps({"error": {"kind": "NotMedia", "detail": "It went through."}})
    begin = "from shared.media.probe.sandbox_process import limit\nlimit(60.0)\n"
    for act in ("block = bytearray(2 << 30)", f"open({str(tmp_path / 'a')!r}, 'wb', 0).write(b'x')"):
        with pytest.raises(CannotProbe):
            running(f"{begin}{act}\nprint({seen!r})").at_ranges(read, len(EXAMPLE), measures=True)
    with pytest.raises(NotMedia, match="It went through"):
        running(f"{begin}block = bytearray(1 << 28)\nprint({seen!r})").at_ranges(read, len(EXAMPLE), measures=True)


def test_a_child_knows_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AzureWebJobsStorage", "ROSTRUM_JWT_SECRET", "SOME_TOKEN"):
        monkeypatch.setenv(name, "secret-value")
    tell = "import json, os; print(json.dumps({'error': {'kind': 'NotMedia', 'detail': json.dumps(dict(os.environ))}}))"
    with pytest.raises(NotMedia) as told:
        running(tell).at_ranges(read, len(EXAMPLE), measures=True)
    environ = json.loads(told.value.detail)
    assert "secret-value" not in environ.values()
    assert set(environ) <= {"PYTHONPATH", "LC_CTYPE", *sandbox._ENVIRONMENT}


def test_a_crash_is_an_answer_and_the_api_lives() -> None:
    storage = MemoryStorage()
    settings = Settings.model_validate({"AzureWebJobsStorage": "UseDevelopmentStorage=true"})
    crashes = []

    def crash_once(container: str, name: str, offset: int, length: int, etag: str | None = None) -> bytes:
        if not crashes:
            [child] = children()
            child.send_signal(signal.SIGSEGV)
            crashes.append(child.wait())
        return storage.blobs.read_range(container, name, offset, length, etag)

    services = instead(build_services(settings, storage), "blobs", read_range=crash_once)
    with TestClient(create_app(services), base_url="http://localhost") as client:
        announced = {"sourceName": "talk.mp4", "contentLength": len(EXAMPLE)}
        upload_id = client.post("/ingest/init", json=announced).json()["uploadId"]
        blob = storage.uploads.get("local", upload_id).value.source_blob
        storage.blobs.write(SOURCES, blob, EXAMPLE, "video/mp4")
        answer = client.post("/ingest/probe", json={"uploadId": upload_id})
        assert (answer.status_code, answer.json()["code"]) == (422, "cannot_probe")
        assert crashes == [-signal.SIGSEGV]
        again = client.post("/ingest/probe", json={"uploadId": upload_id})
        assert again.status_code == 200
        assert again.json()["streams"][0]["codec"] == "h264"
