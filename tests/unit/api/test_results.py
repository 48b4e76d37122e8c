"""Results over HTTP: files as the jobs left them."""

import pytest

from shared.api.routes.results import preferred_form
from shared.domain import job as jobs
from shared.domain.errors import NotMedia
from shared.domain.stage import Stage
from shared.storage.ports import CHUNK_BYTES, SOURCES
from tests.unit.api.house import House

FILES = {
    "transcript.json": b'{"version": "v1"}',
    "transcript.vtt": b"WEBVTT\n",
    "transcript.srt": b"1\n00:00:00,000 --> 00:00:01,000\nHi\n",
    "transcript.txt": "Grüezi\n".encode(),
    "instructor-tracking.json": b'{"version": "v1", "trackPoints": []}',
    "sidecar.json": b'{"version": "v1", "scenes": []}',
    "thumbnails/scene-001.jpg": b"\xff\xd8\xff",
}


def finished(house: House) -> str:
    job = house.submit()
    house.finish(job, FILES)
    session_id: str = job["sessionId"]
    return session_id


@pytest.mark.parametrize(
    ("path", "accept", "content_type", "name"),
    [
        ("results/transcript", "*/*", "application/json", "transcript.json"),
        ("results/transcript", "application/json", "application/json", "transcript.json"),
        ("results/transcript", "text/vtt", "text/vtt; charset=utf-8", "transcript.vtt"),
        ("results/transcript", "text/plain;q=0.9, text/vtt;q=0.5", "text/plain; charset=utf-8", "transcript.txt"),
        ("results/transcript?format=srt", "*/*", "application/x-subrip", "transcript.srt"),
        ("results/transcript?format=txt", "application/json", "text/plain; charset=utf-8", "transcript.txt"),
        ("results/transcript?format=vtt", "*/*", "text/vtt; charset=utf-8", "transcript.vtt"),
        ("results/transcript?format=json", "text/vtt", "application/json", "transcript.json"),
        ("results/instructor-tracking", "*/*", "application/json", "instructor-tracking.json"),
        ("sidecar", "*/*", "application/json", "sidecar.json"),
        ("thumbnails/scene-001", "*/*", "image/jpeg", "thumbnails/scene-001.jpg"),
        ("thumbnails/scene-001.jpg", "*/*", "image/jpeg", "thumbnails/scene-001.jpg"),
    ],
)
def test_a_result_is_the_stored_file(house: House, path: str, accept: str, content_type: str, name: str) -> None:
    answer = house.client.get(f"/sessions/{finished(house)}/{path}", headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == content_type
    assert answer.content == FILES[name]
    assert int(answer.headers["Content-Length"]) == len(FILES[name])


def test_a_known_result_costs_a_304_until_it_is_made_anew(house: House) -> None:
    job = house.submit()
    house.finish(job, FILES)
    path = f"/sessions/{job['sessionId']}/sidecar"
    known = {"If-None-Match": house.client.get(path).headers["ETag"]}
    assert house.client.get(path, headers=known).status_code == 304
    house.put(job, "sidecar.json", b"{}")
    assert house.client.get(path, headers=known).content == b"{}"


def test_a_result_longer_than_a_chunk_arrives_whole(house: House) -> None:
    job = house.submit()
    long = bytes(range(256)) * (CHUNK_BYTES // 256 * 2 + 7)
    house.finish(job, {"instructor-tracking.json": long})
    assert house.client.get(f"/sessions/{job['sessionId']}/results/instructor-tracking").content == long


@pytest.mark.parametrize(
    "path", ["results/transcript", "results/instructor-tracking", "sidecar", "thumbnails/scene-001", "media"]
)
def test_a_result_that_does_not_exist_yet(house: House, path: str) -> None:
    answer = house.client.get(f"/sessions/{house.submit()['sessionId']}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")


def test_a_file_that_is_gone_is_not_ready_either(house: House) -> None:
    job = house.submit()
    house.finish(job, {})
    answer = house.client.get(f"/sessions/{job['sessionId']}/sidecar")
    assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")


def test_a_result_that_will_never_be_says_why(house: House) -> None:
    job = house.submit()
    why = "The recording has no sound."
    house.change(
        job["jobId"],
        lambda job: jobs.plan_stages(job, {Stage.TRACKING: 1}, {Stage.TRANSCRIPTION: why}, job.created_at),
    )
    answer = house.client.get(f"/sessions/{job['sessionId']}/results/transcript").json()
    assert answer["detail"] == f"There will be none: {why}"
    house.change(job["jobId"], lambda job: jobs.fail(job, Stage.TRACKING, NotMedia("Text."), job.created_at))
    answer = house.client.get(f"/sessions/{job['sessionId']}/results/instructor-tracking").json()
    assert answer["detail"] == "The latest job ended in ERROR: Text."


@pytest.mark.parametrize(
    "name", ["..%2Fsidecar.json", "%2E%2E", "..%5Csidecar.json", "a%00", "scene-001.png", "scene-001.jpg.jpg", "%2Fetc"]
)
def test_a_thumbnails_name_leads_nowhere_else(house: House, name: str) -> None:
    answer = house.client.get(f"/sessions/{finished(house)}/thumbnails/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_unknown_form_of_transcript_is_refused(house: House) -> None:
    session_id = finished(house)
    assert house.client.get(f"/sessions/{session_id}/results/transcript?format=doc").status_code == 422
    answer = house.client.get(f"/sessions/{session_id}/results/transcript", headers={"Accept": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("text/html, */*;q=0.1", "json"),
        ("text/*", "vtt"),
        ("text/*, text/vtt;q=0", "txt"),
        ("APPLICATION/X-SUBRIP", "srt"),
        ("application/json;q=nonsense, text/plain;q=0.1", "txt"),
        ("text/vtt; charset=utf-8", "vtt"),
    ],
)
def test_the_accept_header_chooses_the_form(accept: str, form: str) -> None:
    assert preferred_form(accept) == form


def test_the_recording_is_played_from_storage(house: House) -> None:
    job = house.submit()
    house.services.storage.blobs.write(SOURCES, house.session(job["sessionId"]).source_blob, b"abc", "video/mp4")
    answer = house.client.get(f"/sessions/{job['sessionId']}/media", follow_redirects=False)
    assert answer.status_code == 302
    assert house.session(job["sessionId"]).source_blob in answer.headers["Location"]
    assert answer.headers["Cache-Control"] == "no-store"
