"""Results over HTTP: files as the jobs left them."""

from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.api.routes.results import preferred_form
from shared.domain import job as jobs
from shared.domain.errors import NotMedia
from shared.domain.recording import AudioStream, Recording, VideoStream
from shared.domain.stage import Stage, StageProgress, StageState
from shared.domain.task import TASKS
from shared.job_status import JobStatus
from shared.pipeline.jobs.results import media_type
from shared.storage.ports import CHUNK_BYTES, SOURCES
from tests.support.api_harness import ApiHarness

FILES = {
    "transcript.json": b'{"version": "v1"}',
    "transcript.vtt": b"WEBVTT\n",
    "transcript.srt": b"1\n00:00:00,000 --> 00:00:01,000\nHi\n",
    "transcript.txt": "Grüezi\n".encode(),
    "instructor-tracking.json": b'{"version": "v1", "trackPoints": []}',
    "chapters.json": b'{"version": "v1", "chapters": []}',
    "chapters.vtt": b"WEBVTT\n\n",
    "podcast-chapters.json": b'{"version": "1.2.0", "chapters": []}',
    "transcript.html": b"<!DOCTYPE html>\n",
    "words.vtt": b"WEBVTT\n\n\n",
    "instructor-by-segment.json": b'{"version": "v1", "segments": []}',
    "quality.json": b'{"version": "v1", "verdict": "ok"}',
    "slides.json": b'{"version": "v1", "slides": []}',
    "slides/slide-0001.jpg": b"\xff\xd8\xff\xe0",
    "sidecar.json": b'{"version": "v1", "scenes": []}',
    "thumbnails/scene-001.jpg": b"\xff\xd8\xff",
}


def finished(harness: ApiHarness) -> str:
    job = harness.submit()
    harness.finish(job, FILES)
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
        ("results/chapters", "*/*", "application/json", "chapters.json"),
        ("results/chapters?format=vtt", "*/*", "text/vtt; charset=utf-8", "chapters.vtt"),
        ("results/chapters?format=podcast", "*/*", "application/json+chapters", "podcast-chapters.json"),
        ("results/transcript?format=html", "*/*", "text/html; charset=utf-8", "transcript.html"),
        ("results/transcript?format=words", "*/*", "text/vtt; charset=utf-8", "words.vtt"),
        ("results/transcript", "text/html, */*;q=0.8", "text/html; charset=utf-8", "transcript.html"),
        ("results/instructor-by-segment", "*/*", "application/json", "instructor-by-segment.json"),
        ("results/quality", "*/*", "application/json", "quality.json"),
        ("results/slides", "*/*", "application/json", "slides.json"),
        ("slides/slide-0001.jpg", "*/*", "image/jpeg", "slides/slide-0001.jpg"),
        ("sidecar", "*/*", "application/json", "sidecar.json"),
        ("thumbnails/scene-001", "*/*", "image/jpeg", "thumbnails/scene-001.jpg"),
        ("thumbnails/scene-001.jpg", "*/*", "image/jpeg", "thumbnails/scene-001.jpg"),
    ],
)
def test_a_result_is_the_stored_file(harness: ApiHarness, path: str, accept: str, content_type: str, name: str) -> None:
    answer = harness.client.get(f"/sessions/{finished(harness)}/{path}", headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == content_type
    assert answer.content == FILES[name]
    assert int(answer.headers["Content-Length"]) == len(FILES[name])


def test_the_page_may_do_nothing_but_apply_its_style(harness: ApiHarness) -> None:
    answer = harness.client.get(f"/sessions/{finished(harness)}/results/transcript?format=html")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")


def test_a_known_result_costs_a_304_until_it_is_made_anew(harness: ApiHarness) -> None:
    job = harness.submit()
    harness.finish(job, FILES)
    path = f"/sessions/{job['sessionId']}/sidecar"
    known = {"If-None-Match": harness.client.get(path).headers["ETag"]}
    assert harness.client.get(path, headers=known).status_code == 304
    harness.put(job, "sidecar.json", b"{}")
    assert harness.client.get(path, headers=known).content == b"{}"


def test_a_result_longer_than_a_chunk_arrives_whole(harness: ApiHarness) -> None:
    job = harness.submit()
    long = bytes(range(256)) * (CHUNK_BYTES // 256 * 2 + 7)
    harness.finish(job, {"instructor-tracking.json": long})
    assert harness.client.get(f"/sessions/{job['sessionId']}/results/instructor-tracking").content == long


@pytest.mark.parametrize(
    "path",
    [
        "results/transcript",
        "results/instructor-tracking",
        "results/chapters",
        "results/instructor-by-segment",
        "sidecar",
        "thumbnails/scene-001",
        "media",
    ],
)
def test_a_result_that_does_not_exist_yet(harness: ApiHarness, path: str) -> None:
    answer = harness.client.get(f"/sessions/{harness.submit()['sessionId']}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")


def test_a_file_that_is_gone_is_not_ready_either(harness: ApiHarness) -> None:
    job = harness.submit()
    harness.finish(job, {})
    answer = harness.client.get(f"/sessions/{job['sessionId']}/sidecar")
    assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")


def test_a_result_that_will_never_be_says_why(harness: ApiHarness) -> None:
    job = harness.submit()
    why = "The recording has no sound."
    harness.change(
        job["jobId"],
        lambda job: jobs.plan_stages(job, {Stage.TRACKING: 1}, {Stage.TRANSCRIPTION: why}, job.created_at),
    )
    answer = harness.client.get(f"/sessions/{job['sessionId']}/results/transcript").json()
    assert answer["detail"] == f"There will be none: {why}"
    harness.change(job["jobId"], lambda job: jobs.fail(job, Stage.TRACKING, NotMedia("Text."), job.created_at))
    answer = harness.client.get(f"/sessions/{job['sessionId']}/results/instructor-tracking").json()
    assert answer["detail"] == f"Job {job['jobId']} ended in ERROR: Text."


@pytest.mark.parametrize(
    "name", ["..%2Fsidecar.json", "%2E%2E", "..%5Csidecar.json", "a%00", "scene-001.png", "scene-001.jpg.jpg", "%2Fetc"]
)
def test_a_thumbnails_name_leads_nowhere_else(harness: ApiHarness, name: str) -> None:
    answer = harness.client.get(f"/sessions/{finished(harness)}/thumbnails/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_unknown_form_of_transcript_is_refused(harness: ApiHarness) -> None:
    session_id = finished(harness)
    assert harness.client.get(f"/sessions/{session_id}/results/transcript?format=doc").status_code == 422
    answer = harness.client.get(f"/sessions/{session_id}/results/transcript", headers={"Accept": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("text/html, */*;q=0.1", "html"),
        ("text/html;q=0.5, application/json", "json"),
        ("text/html;q=0, */*", "json"),
        ("text/*", "vtt"),
        ("text/*, text/vtt;q=0", "txt"),
        ("APPLICATION/X-SUBRIP", "srt"),
        ("application/json;q=nonsense, text/plain;q=0.1", "txt"),
        ("text/vtt; charset=utf-8", "vtt"),
    ],
)
def test_the_accept_header_chooses_the_form(accept: str, form: str) -> None:
    assert preferred_form(accept) == form


def test_an_older_version_has_no_page() -> None:
    assert preferred_form("text/html, application/json;q=0.5", has_page=False) == "json"


def test_the_recording_is_played_from_storage(harness: ApiHarness) -> None:
    job = harness.submit()
    harness.services.storage.blobs.write(SOURCES, harness.session(job["sessionId"]).source_blob, b"abc", "video/mp4")
    answer = harness.client.get(f"/sessions/{job['sessionId']}/media", follow_redirects=False)
    assert answer.status_code == 302
    assert harness.session(job["sessionId"]).source_blob in answer.headers["Location"]
    assert answer.headers["Cache-Control"] == "no-store"
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (query["sp"], query["rsct"], query["rscd"]) == (["r"], ["video/mp4"], ['inline; filename="talk.mp4"'])
    start, end = (datetime.fromisoformat(query[name][0]) for name in ("st", "se"))
    assert start < harness.services.clock() < end
    assert end - start <= timedelta(minutes=harness.services.settings.media_url_minutes + 6)


@pytest.mark.parametrize(
    ("recording", "declared", "name", "wanted"),
    [
        pytest.param("mov,mp4,m4a,3gp,3g2,mj2", "application/octet-stream", "a", "video/mp4", id="found out"),
        pytest.param("matroska,webm", "text/html", "a", "video/webm", id="not what the uploader says"),
        pytest.param(None, "audio/x-m4a", "a", "audio/x-m4a", id="as declared"),
        pytest.param(None, "text/html", "a.webm", "video/webm", id="by its name"),
        pytest.param(None, "text/html", "a.html", "application/octet-stream", id="never a page"),
        pytest.param("asf", "image/svg+xml", "a.svg", "application/octet-stream", id="never a drawing"),
    ],
)
def test_a_recording_is_handed_out_as_nothing_but_media(
    recording: str | None, declared: str, name: str, wanted: str
) -> None:
    video = VideoStream(0, "vp9", 64, 48, 0, 10.0, 0.0, 1.0)
    known = Recording(recording, 1, 0.0, 1.0, video, None) if recording else None
    assert media_type(known, declared, name) == wanted


def test_a_recording_with_sound_alone_is_audio() -> None:
    sound = AudioStream(0, "aac", 48_000, 2, 0.0, 1.0)
    known = Recording("mov,mp4,m4a,3gp,3g2,mj2", 1, 0.0, 1.0, None, sound)
    assert media_type(known, "video/mp4", "a.mp4") == "audio/mp4"


OLDER = {name: b"older " + data for name, data in FILES.items()}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("results/transcript", "transcript.json"),
        ("results/transcript?format=vtt", "transcript.vtt"),
        ("results/instructor-tracking", "instructor-tracking.json"),
        ("sidecar", "sidecar.json"),
        ("thumbnails/scene-001", "thumbnails/scene-001.jpg"),
    ],
)
def test_an_older_job_s_results_stay_reachable(harness: ApiHarness, path: str, name: str) -> None:
    first = harness.submit()
    harness.finish(first, OLDER)
    session_id = first["sessionId"]
    again = harness.client.post("/jobs", json={"sessionId": session_id}).json()
    harness.finish(again, FILES)
    url = f"/sessions/{session_id}/{path}"
    joined = "&" if "?" in url else "?"
    assert harness.client.get(url).content == FILES[name]
    assert harness.client.get(f"{url}{joined}jobId={again['jobId']}").content == FILES[name]
    assert harness.client.get(f"{url}{joined}jobId={first['jobId']}").content == OLDER[name]
    elsewhere = harness.submit()
    for job_id in (elsewhere["jobId"], "nobody"):
        answer = harness.client.get(f"{url}{joined}jobId={job_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert harness.client.get(f"{url}{joined}jobId=..%2F").status_code == 422


def test_a_job_that_has_no_result_of_its_own_says_why(harness: ApiHarness) -> None:
    first = harness.submit()
    harness.finish(first, FILES)
    url = f"/sessions/{first['sessionId']}/sidecar"
    again = harness.client.post("/jobs", json={"sessionId": first["sessionId"]}).json()["jobId"]

    def why() -> str:
        answer = harness.client.get(f"{url}?jobId={again}")
        assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")
        return str(answer.json()["detail"])

    assert why() == f"Job {again} is at work on it."
    harness.change(again, lambda job: jobs.fail(job, Stage.DOWNLOAD, NotMedia("Text."), job.created_at))
    assert why() == f"Job {again} ended in ERROR: Text."


def test_a_sidecar_is_built_again(harness: ApiHarness) -> None:
    job = harness.submit()
    path = f"/sessions/{job['sessionId']}/sidecar"
    early = harness.client.post(path)
    assert (early.status_code, early.json()["code"]) == (404, "result_not_ready")

    harness.finish(job, {"sidecar.json": b"{}"})
    stages = dict.fromkeys(Stage, StageProgress(state=StageState.DONE))
    harness.change(job["jobId"], lambda current: replace(current, status=JobStatus.DONE, stages=stages))
    answer = harness.client.post(path)
    assert (answer.status_code, answer.json()) == (202, {"jobId": job["jobId"], "sessionId": job["sessionId"]})
    assert answer.headers["Location"].endswith(path)
    assert [message.name for message in harness.services.storage.queues.waiting(TASKS)] == ["rebuild_sidecar"]
    for _ in range(50):  # a caller that goes on asking holds up no other background job
        assert harness.client.post(path).status_code == 202
    assert len(harness.services.storage.queues.waiting(TASKS)) == 1
    assert harness.client.post(path, params={"jobId": "none"}).status_code == 404


def test_a_job_at_work_tells_why_rather_than_one_that_is_yet_to_begin(harness: ApiHarness) -> None:
    first = harness.submit()
    url = f"/sessions/{first['sessionId']}/results/transcript"
    later = {"sessionId": first["sessionId"], "startAt": "2026-01-31T02:00:00Z"}
    second = harness.client.post("/jobs", json=later).json()["jobId"]

    def why() -> tuple[str, bool]:
        answer = harness.client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")
        return answer.json()["detail"], answer.json()["retryable"]

    assert why() == (f"Job {first['jobId']} is at work on it.", True)
    harness.change(first["jobId"], lambda job: jobs.fail(job, Stage.DOWNLOAD, NotMedia("Text."), job.created_at))
    assert why() == (f"Job {second}, which begins at 2026-01-31 02:00 UTC, will make it.", True)
    harness.change(second, lambda job: jobs.fail(job, Stage.DOWNLOAD, NotMedia("Text."), job.created_at))
    assert why() == (f"Job {second} ended in ERROR: Text.", False)
