"""The track's pictures, the peaks of the sound, and the renditions, over HTTP."""

import pytest

from shared.domain import job as jobs
from shared.domain.options import NO_RENDITION
from shared.domain.stage import Stage
from tests.support.api_harness import ApiHarness

FILES = {
    "track-heatmap.png": b"\x89PNG heat",
    "track-x.png": b"\x89PNG x",
    "track-plot.json": b'{"version": "v1"}',
    "peaks.json": b'{"version": 2}',
    "sprites/sprite.vtt": b"WEBVTT",
    "sprites/sprite-0001.jpg": b"\xff\xd8 sheet",
    "follow.mp4": b"a video",
    "audio.m4a": b"sound",
}


def finished(harness: ApiHarness) -> str:
    job = harness.submit(options={"followCam": {"aspect": "9:16", "height": 360}})
    harness.finish(job, FILES)
    session_id: str = job["sessionId"]
    return session_id


@pytest.mark.parametrize(
    ("path", "name", "content_type"),
    [
        ("pictures/track-heatmap.png", "track-heatmap.png", "image/png"),
        ("pictures/track-x.png", "track-x.png", "image/png"),
        ("results/track-plot", "track-plot.json", "application/json"),
        ("results/peaks", "peaks.json", "application/json"),
        ("sprites/sprite.vtt", "sprites/sprite.vtt", "text/vtt; charset=utf-8"),
        ("sprites/sprite-0001.jpg", "sprites/sprite-0001.jpg", "image/jpeg"),
    ],
)
def test_a_picture_is_the_stored_file(harness: ApiHarness, path: str, name: str, content_type: str) -> None:
    answer = harness.client.get(f"/sessions/{finished(harness)}/{path}")
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, FILES[name], content_type)


@pytest.mark.parametrize("path", ["renditions/follow.mp4", "renditions/audio.m4a", "media?rendition=audio"])
def test_a_rendition_is_played_from_storage(harness: ApiHarness, path: str) -> None:
    session_id = finished(harness)
    answer = harness.client.get(f"/sessions/{session_id}/{path}", follow_redirects=False)
    assert answer.status_code == 302
    assert session_id in answer.headers["Location"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["pictures/other.png", "pictures/..%2Fsidecar.json", "renditions/other.mp4", "sprites/other.vtt"]
)
def test_a_name_leads_nowhere_else(harness: ApiHarness, path: str) -> None:
    answer = harness.client.get(f"/sessions/{finished(harness)}/{path}", follow_redirects=False)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "path", ["pictures/track-x.png", "results/peaks", "renditions/follow.mp4", "media?rendition=audio"]
)
def test_what_does_not_exist_yet(harness: ApiHarness, path: str) -> None:
    answer = harness.client.get(f"/sessions/{harness.submit()['sessionId']}/{path}", follow_redirects=False)
    assert (answer.status_code, answer.json()["code"]) == (404, "result_not_ready")


def test_a_video_that_was_not_asked_for_says_so(harness: ApiHarness) -> None:
    job = harness.submit(options={"rendition": "never"})
    harness.change(job["jobId"], lambda job: jobs.start_stage(job, Stage.DOWNLOAD, 1, job.created_at))
    answer = harness.client.get(f"/sessions/{job['sessionId']}/renditions/follow.mp4", follow_redirects=False).json()
    assert answer["detail"] == f"There will be none: {NO_RENDITION}"


@pytest.mark.parametrize(
    "options",
    [
        {"followCam": "yes"},
        {"followCam": {"aspect": "2:1"}},
        {"followCam": {"height": 4320}},
        {"followCam": {"speed": 1}},
        {"overlay": 1},
    ],
)
def test_an_option_that_makes_no_sense_is_refused(harness: ApiHarness, options: dict[str, object]) -> None:
    answer = harness.client.post("/jobs", json={"sourceUrl": "https://example.com/a.mp4", "options": options})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["pointer"].startswith(f"#/options/{next(iter(options))}")
