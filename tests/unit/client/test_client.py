"""The client against a server that answers like Rostrum, at httpx's transport."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from rostrum_client import wire
from rostrum_client.blobs import block_id
from rostrum_client.client import RostrumClient
from rostrum_client.errors import (
    ArtefactDamaged,
    RostrumApiError,
    RostrumUnreachable,
    UnexpectedAnswer,
    UploadFailed,
    WaitTimedOut,
)
from rostrum_client.models import Job
from rostrum_client.retry_timing import PollPace


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a talk.mp4"
    path.write_bytes(b"0123456789")
    return path


def test_an_upload_arrives_in_blocks_and_is_committed_whole(
    server: Any, either: RostrumClient, recording: Path
) -> None:
    seen: list[tuple[int, int]] = []
    job = either.upload(
        recording, session_name="A talk", options={"language": "en"}, on_progress=lambda *at: seen.append(at)
    )

    assert job.status == "CREATED"
    assert server.stored == recording.read_bytes()
    assert [sent for sent, _ in seen] == sorted({sent for sent, _ in seen})
    assert (len(seen), seen[-1]) == (3, (10, 10))
    assert json.loads(server.asked("POST", "/init")[0].content) == {
        "sourceName": "a talk.mp4",
        "contentLength": 10,
        "contentType": "video/mp4",
        "options": {"language": "en"},
    }
    assert json.loads(server.asked("POST", "/commit")[0].content) == {
        "uploadId": "u1",
        "sha256": hashlib.sha256(b"0123456789").hexdigest(),
        "sessionName": "A talk",
        "options": {"language": "en"},
    }


def test_storage_gets_the_signed_address_untouched_and_never_the_token(
    server: Any, either: RostrumClient, recording: Path
) -> None:
    either.upload(recording)

    puts = server.asked("PUT", "")
    assert len(puts) == 4
    assert all(b"?sv=2021&sig=a%2Bb%3D&comp=block" in put.url.raw_path for put in puts)
    assert not any("Authorization" in put.headers for put in puts)
    assert puts[-1].headers["x-ms-blob-content-type"] == "video/mp4"
    assert server.asked("POST", "/init")[0].headers["Authorization"] == "Bearer secret"


def test_an_empty_file_is_committed_without_blocks(server: Any, either: RostrumClient, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    either.upload(tmp_path / "empty.mp4")

    assert server.stored == b""


def test_a_block_that_failed_is_sent_again(
    server: Any, either: RostrumClient, recording: Path, pauses: list[float]
) -> None:
    init = httpx.Response(201, json={"uploadId": "u1", "uploadUrl": "https://blobs.test/b?sig=s", "blockSizeBytes": 10})
    server.failures = [init, httpx.Response(503), httpx.WriteError("the line broke")]
    either.upload(recording)

    assert server.stored == recording.read_bytes()
    assert pauses == [0.5, 1.0]


def test_a_refused_block_tells_storages_reason(server: Any, either: RostrumClient, recording: Path) -> None:
    init = httpx.Response(201, json={"uploadId": "u1", "uploadUrl": "https://blobs.test/b?sig=s", "blockSizeBytes": 6})
    server.failures = [init, httpx.Response(403, headers={"x-ms-error-code": "AuthenticationFailed"})]

    with pytest.raises(UploadFailed, match=r"AuthenticationFailed.*expired"):
        either.upload(recording)
    assert server.asked("POST", "/commit") == []


def test_an_address_is_submitted_with_nothing_that_was_not_given(server: Any, either: RostrumClient) -> None:
    either.submit(source_url="https://media.test/talk.mp4")
    either.submit(source_url="https://media.test/talk.mp4", session_name="Talk", options={"engine": "pocketsphinx"})

    bodies = [json.loads(asked.content) for asked in server.asked("POST", "/jobs")]
    assert bodies == [
        {"sourceUrl": "https://media.test/talk.mp4"},
        {"sourceUrl": "https://media.test/talk.mp4", "sessionName": "Talk", "options": {"engine": "pocketsphinx"}},
    ]
    keys = {asked.headers["Idempotency-Key"] for asked in server.asked("POST", "/jobs")}
    assert len(keys) == 2


def test_waiting_tells_every_change_once_and_asks_with_the_etag(
    server: Any, either: RostrumClient, pauses: list[float], a_job: Callable[..., dict[str, Any]]
) -> None:
    working, done = a_job("DOWNLOADED", 0.4), a_job("DONE", 1.0)
    server.job_states = [working, working, working, done]
    seen: list[Job] = []
    ended = either.wait("j1", seen.append)

    assert ended.status == "DONE"
    assert [job.progress for job in seen] == [0.4, 1.0]
    assert ["If-None-Match" in asked.headers for asked in server.asked("GET", "/j1")] == [False, True, True, True]
    assert pauses == [0.5, 0.75, 1.125]


def test_waiting_is_never_quicker_than_the_server_asks(
    server: Any, either: RostrumClient, pauses: list[float], a_job: Callable[..., dict[str, Any]]
) -> None:
    server.job_states = [a_job("CREATED"), a_job("CREATED", 0.1), a_job("CANCELED")]
    server.job_headers = {"Retry-After": "7"}
    either.wait("j1")

    assert pauses == [7.0, 7.0]


def test_waiting_ends_when_the_callers_time_is_up(
    server: Any, either: RostrumClient, pauses: list[float], a_job: Callable[..., dict[str, Any]]
) -> None:
    server.job_states = [a_job("CREATED")]

    with pytest.raises(WaitTimedOut, match="j1"):
        either.wait("j1", timeout_sec=10)
    assert 5 < sum(pauses) <= 10


def test_a_problem_becomes_a_typed_error(server: Any, either: RostrumClient) -> None:
    problem = {
        "code": "invalid_request",
        "title": "The request is not valid.",
        "detail": "There is no engine called quick.",
        "status": 422,
        "errors": [{"pointer": "/options/engine", "detail": "unknown"}],
    }
    server.failures = [httpx.Response(422, json=problem)]

    with pytest.raises(RostrumApiError) as raised:
        either.submit(source_url="https://media.test/talk.mp4")
    assert (raised.value.code, raised.value.title, raised.value.status) == (
        "invalid_request",
        "The request is not valid.",
        422,
    )
    assert str(raised.value) == (
        "The request is not valid: There is no engine called quick. (/options/engine: unknown)"
    )
    assert raised.value.is_callers_mistake


def test_what_a_problems_detail_says_is_not_said_again(server: Any, either: RostrumClient) -> None:
    errors = [
        {"pointer": "#/sourceUrl", "detail": "Too long."},
        {"pointer": "#/x", "detail": "There is no such field."},
    ]
    problem = {"code": "invalid_request", "title": "Not valid", "detail": "#/sourceUrl: Too long.", "errors": errors}
    server.failures = [httpx.Response(422, json=problem)]

    with pytest.raises(
        RostrumApiError, match=r"^Not valid: #/sourceUrl: Too long\. \(#/x: There is no such field\.\)$"
    ):
        either.submit(source_url="https://media.test/talk.mp4")


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b"[1]"], ids=["a page", "nothing", "not an object"])
def test_an_error_that_is_no_problem_document_still_has_a_code(body: bytes, server: Any, either: RostrumClient) -> None:
    server.failures = [httpx.Response(418, content=body)]

    with pytest.raises(RostrumApiError) as raised:
        either.job("j1")
    assert (raised.value.code, raised.value.status, raised.value.detail) == ("http_418", 418, "")


def test_an_answer_of_something_else_is_named(server: Any, either: RostrumClient) -> None:
    server.failures = [httpx.Response(200, content=b"<html>Welcome to the router</html>")]

    with pytest.raises(UnexpectedAnswer, match=r"http://rostrum\.test answered.*right address"):
        either.job("j1")


def test_a_safe_request_is_tried_again_and_then_given_up(
    server: Any, either: RostrumClient, pauses: list[float]
) -> None:
    server.failures = [httpx.ReadError("the line broke"), httpx.Response(503, headers={"Retry-After": "3"})]
    assert either.job("j1").status == "DONE"
    assert pauses == [0.5, 3.0]

    server.failures = [httpx.ConnectError("refused")] * 5
    with pytest.raises(RostrumUnreachable, match=r"http://rostrum\.test.*refused"):
        either.job("j1")


def test_a_post_is_sent_again_under_the_same_key(server: Any, either: RostrumClient) -> None:
    in_use = httpx.Response(409, json={"code": "idempotency_key_in_use"}, headers={"Retry-After": "1"})
    server.failures = [httpx.ReadError("the line broke"), in_use, httpx.Response(503)]

    assert either.submit(source_url="https://media.test/talk.mp4").job_id == "j1"
    assert len(server.asked("POST", "/jobs")) == 4
    assert len({asked.headers["Idempotency-Key"] for asked in server.asked("POST", "/jobs")}) == 1


def test_another_conflict_is_no_reason_to_try_again(server: Any, either: RostrumClient) -> None:
    server.failures = [httpx.Response(409, json={"code": "conflict"})]
    with pytest.raises(RostrumApiError, match="Conflict"):
        either.submit(source_url="https://media.test/talk.mp4")


def test_who_asks_for_more_patience_than_a_call_has_is_not_waited_for(
    server: Any, either: RostrumClient, pauses: list[float]
) -> None:
    server.failures = [httpx.Response(503, json={"code": "storage_full"}, headers={"Retry-After": "300"})]
    with pytest.raises(RostrumApiError) as raised:
        either.submit(source_url="https://media.test/talk.mp4")

    assert raised.value.retry_after_sec == 300.0
    assert pauses == []


def test_every_artefact_is_written_as_it_was_made(server: Any, either: RostrumClient, tmp_path: Path) -> None:
    written = either.download_artefacts("s1", tmp_path / "out")

    made = {path.relative_to(server.results) for path in server.results.rglob("*") if path.is_file()}
    assert {path.relative_to(tmp_path / "out") for path in written} == made
    assert all((tmp_path / "out" / name).read_bytes() == (server.results / name).read_bytes() for name in made)
    assert not list((tmp_path / "out").rglob("*.part"))


@pytest.mark.parametrize(
    "damage",
    [{"sizeBytes": 1}, {"sha256": "0" * 64}, {"name": "../transcript.txt"}, {"name": "C:\\transcript.txt"}],
    ids=["size", "hash", "a name that leads out", "a name of another system"],
)
def test_an_artefact_that_differs_from_the_sidecar_is_refused(
    damage: dict[str, Any], server: Any, either: RostrumClient, tmp_path: Path
) -> None:
    sidecar = json.loads((server.results / "sidecar.json").read_text())
    listed = next(artefact for artefact in sidecar["artefacts"] if artefact["name"] == "transcript.txt")
    listed.update({"sizeBytes": None, "sha256": None} if "name" in damage else {}, **damage)
    (server.results / "sidecar.json").write_text(json.dumps(sidecar))

    with pytest.raises(ArtefactDamaged):
        either.download_artefacts("s1", tmp_path / "out")
    assert not (tmp_path / "transcript.txt").exists()


def test_results_are_read_as_values(either: RostrumClient) -> None:
    session = either.session("s1")
    assert session.media is not None
    assert session.media.duration_sec == 60.0
    assert either.transcript("s1").word_count == 90
    assert either.captions("s1", "srt") == "every result, as srt"
    assert either.instructor_tracking("s1").presence == ((3.0, 30.0), (36.0, 57.0))
    assert len(either.sidecar("s1").scenes) == 4


@pytest.mark.parametrize("address", ["", "rostrum.test/api", "ftp://rostrum.test"])
def test_an_address_that_cannot_be_rostrums_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        RostrumClient(address)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Fri, 02 Jan 2026 03:04:15 GMT", 10.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-3", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert wire.retry_after_sec({"Retry-After": value}, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("transcript.json", "/sessions/s%2F1/results/transcript?format=json"),
        ("transcript.vtt", "/sessions/s%2F1/results/transcript?format=vtt"),
        ("instructor-tracking.json", "/sessions/s%2F1/results/instructor-tracking"),
        ("chapters.json", "/sessions/s%2F1/results/chapters?format=json"),
        ("chapters.vtt", "/sessions/s%2F1/results/chapters?format=vtt"),
        ("podcast-chapters.json", "/sessions/s%2F1/results/chapters?format=podcast"),
        ("transcript.html", "/sessions/s%2F1/results/transcript?format=html"),
        ("words.vtt", "/sessions/s%2F1/results/transcript?format=words"),
        ("instructor-by-segment.json", "/sessions/s%2F1/results/instructor-by-segment"),
        ("sidecar.json", "/sessions/s%2F1/sidecar"),
        ("quality.json", "/sessions/s%2F1/results/quality"),
        ("peaks.json", "/sessions/s%2F1/results/peaks"),
        ("slides.json", "/sessions/s%2F1/results/slides"),
        ("slides/slide-0001.jpg", "/sessions/s%2F1/slides/slide-0001.jpg"),
        ("sprites/sprite.vtt", "/sessions/s%2F1/sprites/sprite.vtt"),
        ("sprites/sprite-0001.jpg", "/sessions/s%2F1/sprites/sprite-0001.jpg"),
        ("thumbnails/a b.jpg", "/sessions/s%2F1/thumbnails/a%20b.jpg"),
        ("plate.png", None),
    ],
)
def test_artefacts_have_their_endpoints(name: str, path: str | None) -> None:
    assert getattr(wire.artefact("s/1", name), "address", None) == path


@pytest.mark.parametrize("name", ["track-overlay.mp4", "follow.mp4", "rendition.mp4", "audio.m4a"])
def test_videos_are_fetched_from_storage(name: str) -> None:
    request = wire.rendition("s/1", name, None)
    assert request is not None
    assert request.address == f"/sessions/s%2F1/renditions/{name}"


def test_block_ids_of_any_number_have_one_length() -> None:
    assert len({len(block_id(number)) for number in (0, 9, 10, 49_999)}) == 1


def test_the_pace_slows_while_nothing_changes() -> None:
    pace = PollPace()
    for _ in range(20):
        pace = pace.after(changed=False)
    assert pace.pause_sec == 5.0
    assert pace.after(changed=True).pause_sec == 0.5
