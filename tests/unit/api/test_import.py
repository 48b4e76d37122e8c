"""A recording sent with the request."""

import asyncio
import json
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from shared.api.app import create_app
from shared.api.http.body_pace import import_pace
from shared.api.http.concurrency_limit import ConcurrencyLimit
from shared.api.http.multipart import AT_ONCE_BYTES, PARSED_BYTES, PartBegin, PartData, PartEnd, read_parts
from shared.api.limits import Limits
from shared.api.routes import imports
from shared.api.routes.imports import BLOCK_BYTES
from shared.domain.errors import StorageUnavailable
from shared.domain.idempotency import Reserved
from shared.settings import Settings
from shared.storage.ports import SOURCES
from tests.support.api_client import ApiClient
from tests.support.api_harness import ORG, ApiHarness, make_services
from tests.support.stalled_request import refusal_of_stalled

BOUNDARY = "xYzZY"
TYPE = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(*parts: tuple[str, bytes], end: str = f"--{BOUNDARY}--\r\n") -> bytes:
    """A body of parts, each the headers' text and the data."""
    return b"".join(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + data + b"\r\n" for head, data in parts) + end.encode()


def video(data: bytes, name: str = "talk.mp4") -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="video"; filename="{name}"\r\nContent-Type: video/mp4', data


def metadata(text: str) -> tuple[str, bytes]:
    return 'Content-Disposition: form-data; name="metadata"', text.encode()


RECORDING = bytes(range(256)) * (BLOCK_BYTES // 128) + b"the end"
"""Two blocks and a bit."""


@pytest.mark.parametrize("order", ["video first", "metadata first"])
def test_a_recording_becomes_a_session_and_a_job(harness: ApiHarness, order: str) -> None:
    parts = [video(RECORDING, "Größe/my talk.mp4"), metadata('{"sessionName": "A talk", "course": "Algebra"}')]
    body = form(*(parts if order == "video first" else parts[::-1]))
    answer = harness.client.post("/sessions/import", content=body, headers=TYPE)
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) == {"jobId", "sessionId"}
    assert answer.headers["Location"].endswith(answer.json()["jobId"])
    session = harness.session(answer.json()["sessionId"])
    assert (session.name, session.metadata) == ("A talk", {"course": "Algebra"})
    assert session.source_blob.endswith("/my_talk.mp4")
    facts = harness.services.storage.blobs.facts(SOURCES, session.source_blob)
    assert facts is not None
    assert (facts.size_bytes, facts.content_type) == (len(RECORDING), "video/mp4")
    assert harness.services.storage.blobs.read(SOURCES, session.source_blob) == RECORDING


def options(text: str) -> tuple[str, bytes]:
    return 'Content-Disposition: form-data; name="options"', text.encode()


@pytest.mark.parametrize("first", ["options", "video"])
def test_a_recording_is_processed_by_its_options(harness: ApiHarness, first: str) -> None:
    parts = [options('{"language": "en", "overlay": true}'), video(b"abc")]
    body = form(*(parts if first == "options" else parts[::-1]))
    answer = harness.client.post("/sessions/import", content=body, headers=TYPE)
    assert answer.status_code == 202, answer.text
    job = harness.client.get(f"/jobs/{answer.json()['jobId']}").json()
    assert job["options"] == {"language": "en", "overlay": True}


@pytest.mark.parametrize(
    ("text", "code", "pointer"),
    [
        ('{"langage": "en"}', "invalid_request", "#/options/langage"),
        ('{"retentionDays": 0}', "invalid_request", "#/options/retentionDays"),
        ("[]", "invalid_request", None),
        ("{", "invalid_request", None),
        ('{"engine": "pocketsphinx", "language": "de"}', "engine_unavailable", None),
    ],
)
def test_options_that_cannot_be_obeyed_are_refused(
    harness: ApiHarness, text: str, code: str, pointer: str | None
) -> None:
    body = form(video(b"abc"), options(text))
    answer = harness.client.post("/sessions/import", content=body, headers=TYPE)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, code)
    assert [each["pointer"] for each in problem.get("errors", [])] == ([pointer] if pointer else [])
    assert harness.client.get("/sessions").json()["items"] == []


def test_a_recording_goes_to_storage_four_blocks_at_a_time(harness: ApiHarness) -> None:
    staged: dict[int, bytes] = {}
    stage, all_four = harness.services.storage.blobs.stage_block, threading.Barrier(4)

    def watched(container: str, name: str, index: int, data: bytes) -> None:
        all_four.wait(30)
        staged[index] = data
        stage(container, name, index, data)

    harness.instead("blobs", stage_block=watched)
    recording = bytes(range(256)) * (4 * BLOCK_BYTES // 256)
    assert harness.client.post("/sessions/import", content=form(video(recording)), headers=TYPE).status_code == 202
    assert 0 <= len(staged[0]) - BLOCK_BYTES <= PARSED_BYTES
    assert b"".join(staged[index] for index in range(4)) == recording


class OnePlace(asyncio.Semaphore):
    """A single place, which tells when two requests have asked for it."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked_by_two = threading.Event()
        self._requests = set[asyncio.Task[Any] | None]()

    async def acquire(self) -> Literal[True]:
        self._requests.add(asyncio.current_task())
        if len(self._requests) == 2:
            self.asked_by_two.set()
        return await super().acquire()


def test_imports_share_the_places_of_blocks(harness: ApiHarness) -> None:
    place = OnePlace()
    stage, running, most = harness.services.storage.blobs.stage_block, set[tuple[str, int]](), list[int]()

    def watched(container: str, name: str, index: int, data: bytes) -> None:
        running.add((name, index))
        assert place.asked_by_two.wait(60)
        time.sleep(0.1)  # long enough for another block to begin, if it may
        most.append(len(running))
        stage(container, name, index, data)
        running.remove((name, index))

    harness.instead("blobs", stage_block=watched)
    app = create_app(harness.services, Limits(staged_blocks=place))
    with ApiClient(app, base_url="http://api.localhost") as client, ThreadPoolExecutor(2) as pool:
        send = partial(client.post, "/sessions/import", content=form(video(RECORDING)), headers=TYPE)
        answers = [each.result() for each in [pool.submit(send), pool.submit(send)]]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert most == [1, 1, 1, 1]


def test_a_block_that_storage_did_not_take_gives_its_place_back(harness: ApiHarness) -> None:
    stage, failures = harness.services.storage.blobs.stage_block, [StorageUnavailable("Storage does not answer.")]

    def fails_once(container: str, name: str, index: int, data: bytes) -> None:
        if failures:
            raise failures.pop()
        stage(container, name, index, data)

    harness.instead("blobs", stage_block=fails_once)
    place = asyncio.Semaphore(1)
    app = create_app(harness.services, Limits(staged_blocks=place))
    with ApiClient(app, base_url="http://api.localhost") as client:
        send = partial(client.post, "/sessions/import", content=form(video(bytes(BLOCK_BYTES))), headers=TYPE)
        assert send().status_code == 503
        assert not place.locked()  # else the next block would wait for ever
        assert send().status_code == 202


def test_the_name_is_the_files_without_metadata(harness: ApiHarness) -> None:
    answer = harness.client.post("/sessions/import", content=form(video(b"abc")), headers=TYPE)
    assert harness.session(answer.json()["sessionId"]).name == "talk.mp4"


@pytest.mark.parametrize(
    ("given", "name", "blob"),
    [
        pytest.param("лекция 1.mp4", "лекция 1.mp4", "1.mp4", id="another script"),
        pytest.param("лекция.mp4", "лекция.mp4", "recording.mp4", id="another script only"),
        pytest.param("a/../../b c.mp4", "b c.mp4", "b_c.mp4", id="a path"),
        pytest.param("-rf.mp4", "-rf.mp4", "rf.mp4", id="an option"),
        pytest.param(".mp4", ".mp4", "recording.mp4", id="an extension"),
        pytest.param("talk", "talk", "talk", id="no extension"),
        pytest.param("talk.", "talk.", "talk", id="an empty extension"),
        pytest.param("..", "..", "recording", id="dots"),
        pytest.param("n" * 300 + ".mp4", "n" * 120, "n" * 116 + ".mp4", id="very long"),
        pytest.param("", "recording", "recording", id="nothing"),
    ],
)
def test_a_file_name_is_kept_for_people_and_made_safe_for_storage(
    harness: ApiHarness, given: str, name: str, blob: str
) -> None:
    answer = harness.client.post("/sessions/import", content=form(video(b"abc", given)), headers=TYPE)
    session = harness.session(answer.json()["sessionId"])
    assert (session.name, session.source_blob.rpartition("/")[2]) == (name, blob)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(form(metadata("{}")), 422, "invalid_request", id="no video"),
        pytest.param(form(video(b"")), 422, "empty_recording", id="empty video"),
        pytest.param(form(video(b"a"), video(b"b")), 422, "invalid_request", id="two videos"),
        pytest.param(form(video(b"a"), metadata("{}"), metadata("{}")), 422, "invalid_request", id="two metadata"),
        pytest.param(form(video(b"a"), metadata("{nope")), 422, "invalid_request", id="metadata is no JSON"),
        pytest.param(form(video(b"a"), metadata("[" * 60_000)), 422, "invalid_request", id="metadata is deep"),
        pytest.param(form(video(b"a"), metadata("[1]")), 422, "invalid_request", id="metadata is no object"),
        pytest.param(form(video(b"a"), metadata("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"))), 422,
                     "invalid_request", id="metadata is no text"),
        pytest.param(form(video(b"a"), metadata('{"sessionName": 5}')), 422, "invalid_request", id="name is no text"),
        pytest.param(form(video(b"a"), metadata(json.dumps({"a": "x" * 70_000}))), 413, "body_too_large", id="long"),
        pytest.param(form(video(b"a"), ('Content-Disposition: form-data; name="x"', b"")), 422, "invalid_request",
                     id="unknown field"),
        pytest.param(form(video(b"a"), end=""), 400, "malformed_request", id="cut off"),
        pytest.param(b"nonsense", 400, "malformed_request", id="nonsense"),
        pytest.param(b"", 400, "malformed_request", id="nothing"),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_taken(harness: ApiHarness, body: bytes, status: int, code: str) -> None:
    answer = harness.client.post("/sessions/import", content=body, headers=TYPE)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not harness.client.get("/sessions").json()["items"]


def test_a_body_that_is_no_form(harness: ApiHarness) -> None:
    for kind in ("application/json", "multipart/form-data", "multipart/mixed; boundary=a"):
        answer = harness.client.post("/sessions/import", content=b"{}", headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_recording_above_the_limit_is_refused_while_it_arrives(harness: ApiHarness) -> None:
    settings = harness.services.settings.model_copy(update={"max_source_bytes": 1000})
    object.__setattr__(harness.services, "settings", settings)
    answer = harness.client.post("/sessions/import", content=form(video(bytes(1001))), headers=TYPE)
    assert (answer.status_code, answer.json()["code"]) == (413, "recording_too_large")


@given(cuts=st.lists(st.integers(0, 400), max_size=12), data=st.binary(max_size=120))
def test_the_parts_do_not_depend_on_how_the_body_arrives(cuts: list[int], data: bytes) -> None:
    body = form(video(data), metadata('{"a": "b"}'))
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    chunks = [body[start:end] for start, end in pairwise(edges)]
    events = asyncio.run(collected(chunks))
    assert [type(event) for event in events if not isinstance(event, PartData)] == [PartBegin, PartEnd] * 2
    second = next(i for i, event in enumerate(events) if isinstance(event, PartBegin) and event.name == "metadata")
    assert b"".join(event.data for event in events[:second] if isinstance(event, PartData)) == data
    assert b"".join(event.data for event in events[second:] if isinstance(event, PartData)) == b'{"a": "b"}'


async def collected(chunks: list[bytes]) -> list[PartBegin | PartData | PartEnd]:
    return [event async for event in read_parts(request_of(chunks), import_pace(Settings()))]


def request_of(chunks: list[bytes]) -> Request:
    """Return a request whose body arrives in these chunks."""

    async def messages() -> AsyncIterator[Message]:
        for number, chunk in enumerate(chunks, 1):
            yield {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}

    stream = messages()
    headers = [(b"content-type", TYPE["Content-Type"].encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, lambda: anext(stream))


def test_a_recording_in_tiny_chunks_is_not_held_chunk_by_chunk() -> None:
    data = bytes(range(256)) * 200
    body = form(video(bytes(AT_ONCE_BYTES) + data))
    chunks = [body[: -len(data)], *(body[start : start + 4] for start in range(len(body) - len(data), len(body), 4))]
    reserved = Reserved(job_id="job", session_id="session", resource_id="upload")
    incoming = imports.Incoming(make_services(), ORG, reserved, asyncio.Semaphore(1))
    tracemalloc.start()
    try:
        asyncio.run(incoming.receive(request_of(chunks)))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The recording is held as it came and as one block. A list of the pieces takes over twenty times what they hold.
    assert peak_bytes - 2 * AT_ONCE_BYTES < 8 * len(data)


@pytest.mark.parametrize("tail", [b"", form(metadata("nope"))], ids=["broken off", "nonsense behind it"])
def test_what_did_not_arrive_whole_is_dropped(harness: ApiHarness, tail: bytes) -> None:
    names: set[str] = set()
    stage = harness.services.storage.blobs.stage_block

    def watched(container: str, name: str, index: int, data: bytes) -> None:
        names.add(name)
        stage(container, name, index, data)

    harness.instead("blobs", stage_block=watched)
    body = form(video(RECORDING), end="") + tail
    assert harness.client.post("/sessions/import", content=body, headers=TYPE).status_code in (400, 422)
    (name,) = names
    assert list(harness.services.storage.blobs.staged_blocks(SOURCES, name)) == []
    assert harness.services.storage.blobs.facts(SOURCES, name) is None


def test_a_client_that_stalls_is_given_up() -> None:
    services = make_services(body_silence_sec=0.01)
    headers = [(b"content-type", TYPE["Content-Type"].encode()), (b"transfer-encoding", b"chunked")]
    problem = refusal_of_stalled(services, "/sessions/import", headers, form(video(b"abc"), end=""))
    assert (problem["code"], problem["retryable"]) == ("request_timeout", True)
    assert not list(services.storage.sessions.page(ORG, limit=1).items)


def test_more_imports_at_once_than_there_are_slots_are_refused(harness: ApiHarness) -> None:
    one = Limits(imports=ConcurrencyLimit("imports", total=1, per_org=1, wait_sec=0.01, retry_after_sec=7))
    arrived, go_on = threading.Event(), threading.Event()
    write = harness.services.storage.blobs.write

    def slow(*args: Any) -> Any:
        arrived.set()
        assert go_on.wait(60)
        return write(*args)

    harness.instead("blobs", write=slow)
    body = form(video(b"abc"))
    app = create_app(harness.services, one)
    with ApiClient(app, base_url="http://api.localhost") as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/sessions/import", content=body, headers=TYPE)
        assert arrived.wait(60)
        second = client.post("/sessions/import", content=body, headers=TYPE)
        go_on.set()
        assert first.result().status_code == 202
        assert (second.status_code, second.json()["code"], second.headers["Retry-After"]) == (503, "busy", "7")
        assert client.post("/sessions/import", content=body, headers=TYPE).status_code == 202
