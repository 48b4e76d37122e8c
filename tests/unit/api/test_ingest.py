"""Uploads that go straight to storage."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.session import Upload
from shared.storage.ports import SOURCES, Stored
from tests.support.api_harness import ApiHarness, pointers

TALK = {"sourceName": "../My talk.mp4", "contentLength": 3, "contentType": "video/mp4"}


def uploaded(harness: ApiHarness, data: bytes = b"abc") -> str:
    upload_id: str = harness.client.post("/ingest/init", json=TALK).json()["uploadId"]
    blob = harness.services.storage.uploads.get("local", upload_id).value.source_blob
    harness.services.storage.blobs.stage_block(SOURCES, blob, 0, data)
    harness.services.storage.blobs.commit_blocks(SOURCES, blob, 1, "video/mp4")
    return upload_id


def test_an_upload_is_announced(harness: ApiHarness) -> None:
    answer = harness.client.post("/ingest/init", json=TALK)
    upload = answer.json()
    assert answer.status_code == 201
    assert set(upload) == {"uploadId", "uploadUrl", "blockSizeBytes", "expiresAt"}
    assert "My_talk.mp4" in upload["uploadUrl"]
    assert ".." not in upload["uploadUrl"]
    assert datetime.fromisoformat(upload["expiresAt"]) > harness.services.clock()


def test_a_complete_upload_becomes_a_job_once(harness: ApiHarness) -> None:
    body = {
        "uploadId": uploaded(harness),
        "sha256": "AB" * 32,
        "metadata": {"sessionName": "A talk", "course": "Algebra"},
        "options": {"engine": "pocketsphinx"},
    }
    first = harness.client.post("/ingest/commit", json=body)
    again = harness.client.post("/ingest/commit", json=body)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert first.headers["Location"].endswith(first.json()["jobId"])
    session = harness.session(first.json()["sessionId"])
    assert (session.name, session.metadata, session.expected_sha256) == ("A talk", {"course": "Algebra"}, "ab" * 32)


def test_two_commits_at_once_give_one_job(harness: ApiHarness) -> None:
    body = {"uploadId": uploaded(harness)}
    update = harness.services.storage.uploads.update
    quicker: list[Any] = []

    def update_after_another(stored: Stored[Upload], upload: Upload) -> Stored[Upload]:
        harness.instead("uploads", update=update)
        quicker.append(harness.client.post("/ingest/commit", json=body).json())
        return update(stored, upload)

    harness.instead("uploads", update=update_after_another)
    answer = harness.client.post("/ingest/commit", json=body)
    assert answer.status_code == 202, answer.text
    assert [answer.json()["jobId"]] == [each["jobId"] for each in quicker]


@pytest.mark.parametrize("data", [None, b"ab", b"abcd"], ids=["nothing", "too little", "too much"])
def test_an_upload_that_is_not_what_was_announced(harness: ApiHarness, data: bytes | None) -> None:
    if data is None:
        upload_id = harness.client.post("/ingest/init", json=TALK).json()["uploadId"]
    else:
        upload_id = uploaded(harness, data)
    answer = harness.client.post("/ingest/commit", json={"uploadId": upload_id})
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_incomplete")


def test_an_unknown_upload(harness: ApiHarness) -> None:
    assert harness.client.post("/ingest/commit", json={"uploadId": "nothing"}).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/ingest/init", {**TALK, "contentLength": 0}, "#/contentLength"),
        ("/ingest/init", {**TALK, "contentLength": "3"}, "#/contentLength"),
        ("/ingest/init", {**TALK, "contentLength": True}, "#/contentLength"),
        ("/ingest/init", {**TALK, "contentType": "video"}, "#/contentType"),
        ("/ingest/init", {**TALK, "contentType": "a/b\r\nx: y"}, "#/contentType"),
        ("/ingest/init", {"contentLength": 3}, "#/sourceName"),
        ("/ingest/commit", {"uploadId": "x", "sha256": "abc"}, "#/sha256"),
        ("/ingest/commit", {"uploadId": "x", "metadata": {"sessionName": 5}}, "#"),
        ("/ingest/commit", {}, "#/uploadId"),
    ],
)
def test_a_request_that_is_not_valid_says_where(harness: ApiHarness, path: str, body: object, pointer: str) -> None:
    answer = harness.client.post(path, json=body)
    assert answer.status_code == 422
    assert pointers(answer.json()) == [pointer]


def test_a_file_above_the_limit_is_refused_before_it_is_sent(harness: ApiHarness) -> None:
    answer = harness.client.post("/ingest/init", json={**TALK, "contentLength": 10**15})
    assert answer.status_code in (413, 422)
    assert "bytes" in answer.json()["detail"]


@pytest.fixture
def no_models_here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))


@pytest.mark.usefixtures("no_models_here")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"engine": "faster-whisper"}, "'base' is not on this machine"),
        ({"engine": "pocketsphinx", "language": "de"}, "knows English only, not 'de'"),
        ({"language": "fr"}, "'fr' needs a faster-whisper model"),
    ],
)
def test_what_a_job_could_only_end_with_is_said_before_anything_is_sent(
    harness: ApiHarness, options: dict[str, str], sentence: str
) -> None:
    session_id = harness.submit()["sessionId"]
    upload_id = uploaded(harness)
    for path, body in (
        ("/ingest/init", TALK),
        ("/ingest/commit", {"uploadId": upload_id}),
        ("/jobs", {"sourceUrl": "https://example.com/talk.mp4"}),
        ("/jobs", {"uploadId": upload_id}),
        ("/jobs", {"sessionId": session_id}),
    ):
        answer = harness.client.post(path, json={**body, "options": options})
        assert (answer.status_code, answer.json()["code"]) == (422, "engine_unavailable"), path
        assert sentence in answer.json()["detail"]
    assert harness.client.post("/ingest/commit", json={"uploadId": upload_id}).status_code == 202


def test_an_unknown_engine_is_refused_at_the_announcement(harness: ApiHarness) -> None:
    answer = harness.client.post("/ingest/init", json={**TALK, "options": {"engine": "sphinx"}})
    assert (answer.status_code, pointers(answer.json())) == (422, ["#/options/engine"])


def test_an_upload_that_expired(harness: ApiHarness) -> None:
    upload_id = uploaded(harness)
    stored = harness.services.storage.uploads.get("local", upload_id)
    harness.services.storage.uploads.update(
        stored, stored.value.evolve(expires_at=datetime(2026, 1, 1, 8, 30, tzinfo=UTC))
    )
    answer = harness.client.post("/ingest/commit", json={"uploadId": upload_id})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert answer.json()["detail"] == "The upload expired at 2026-01-01 08:30 UTC; begin a new one."


def test_a_commit_that_crashed_half_way_is_finished_by_the_next(harness: ApiHarness) -> None:
    upload_id = uploaded(harness)
    stored = harness.services.storage.uploads.get("local", upload_id)
    harness.services.storage.uploads.update(stored, stored.value.evolve(job_id="reserved"))
    answer = harness.client.post("/ingest/commit", json={"uploadId": upload_id})
    assert (answer.status_code, answer.json()["jobId"]) == (202, "reserved")
