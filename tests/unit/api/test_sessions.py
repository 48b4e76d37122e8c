"""Sessions over HTTP."""

import pytest

from shared.domain import job as jobs
from shared.domain.errors import NotMedia
from shared.domain.recording import AudioStream, Recording
from shared.domain.stage import Stage
from shared.domain.warning import from_text
from tests.support.api_harness import ApiHarness


def test_a_session_tells_what_is_known_of_it(harness: ApiHarness) -> None:
    job = harness.submit(sessionName="A talk", metadata={"course": "Algebra"})
    address = job["links"]["session"]
    before = harness.client.get(address).json()
    assert before["sessionName"] == "A talk"
    assert before["metadata"] == {"course": "Algebra"}
    assert before["media"] is None
    assert [before[name] for name in ("hasTranscript", "hasInstructorTrackingResult", "hasSidecar")] == [False] * 3
    assert [each["jobId"] for each in before["jobs"]] == [job["jobId"]]
    audio = AudioStream(index=0, codec="flac", sample_rate=48_000, channels=2, start_sec=0.0, duration_sec=9.5)
    recording = Recording("flac", 1234, 0.0, 9.5, None, audio, (from_text("Cut."),))
    stored = harness.services.storage.sessions.get("local", job["sessionId"])
    harness.services.storage.sessions.update(stored, stored.value.evolve(recording=recording, sha256="ab" * 32))
    harness.finish(job, {})
    after = harness.client.get(address).json()
    assert after["media"]["durationSec"] == 9.5
    assert after["media"]["streams"][0]["sampleRate"] == 48_000
    assert after["media"]["sha256"] == "ab" * 32
    assert after["media"]["warnings"] == ["Cut."]
    assert [after[name] for name in ("hasTranscript", "hasInstructorTrackingResult", "hasSidecar")] == [True] * 3


def test_the_recording_s_address_says_whether_it_is_worth_asking_again(harness: ApiHarness) -> None:
    job = harness.submit()
    waiting = harness.client.get(f"/sessions/{job['sessionId']}/media").json()
    assert (waiting["status"], waiting["code"], waiting["retryable"]) == (404, "result_not_ready", True)
    failed = NotMedia("It is a text file.")
    harness.change(job["jobId"], lambda current: jobs.fail(current, Stage.DOWNLOAD, failed, harness.services.clock()))
    ended = harness.client.get(f"/sessions/{job['sessionId']}/media").json()
    assert (ended["code"], ended["retryable"]) == ("result_not_ready", False)
    assert ended["detail"].endswith("It is a text file.")


def test_sessions_are_listed_newest_first_in_pages(harness: ApiHarness) -> None:
    made = [harness.submit()["sessionId"] for _ in range(5)]
    first = harness.client.get("/sessions?limit=3").json()
    second = harness.client.get(first["nextLink"]).json()
    assert [each["sessionId"] for each in first["items"] + second["items"]] == made[::-1]
    assert "nextLink" not in second


@pytest.mark.parametrize("suffix", ["", "/media", "/results/transcript", "/sidecar", "/thumbnails/a"])
def test_an_unknown_session_is_not_found(harness: ApiHarness, suffix: str) -> None:
    for session_id in ("nothing", "a%5Cb", "%23"):
        answer = harness.client.get(f"/sessions/{session_id}{suffix}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_recording_is_processed_again_with_other_options(harness: ApiHarness) -> None:
    first = harness.submit()
    answer = harness.client.post(
        f"/sessions/{first['sessionId']}/process", json={"options": {"language": "en"}, "delaySeconds": 60}
    )
    assert answer.status_code == 202
    job = answer.json()
    assert (job["sessionId"], job["options"]) == (first["sessionId"], {"language": "en"})
    assert job["jobId"] != first["jobId"]
    assert job["startAt"] is not None
    assert answer.headers["Location"] == job["links"]["self"]
    assert harness.client.post(f"/sessions/{first['sessionId']}/process").status_code == 202
    assert harness.client.post("/sessions/none/process").status_code == 404


def test_a_deleted_session_is_not_found_anywhere(harness: ApiHarness) -> None:
    job = harness.submit()
    harness.finish(job, {"transcript.json": b"{}"})
    answer = harness.client.delete(f"/sessions/{job['sessionId']}")
    assert (answer.status_code, answer.content) == (204, b"")
    for path in (f"/sessions/{job['sessionId']}", f"/jobs/{job['jobId']}", f"/jobs/{job['jobId']}/events"):
        assert harness.client.get(path).status_code == 404
    assert harness.client.delete(f"/sessions/{job['sessionId']}").status_code == 404
    assert harness.client.get("/sessions").json()["items"] == harness.client.get("/jobs").json()["items"] == []


def test_results_are_deleted_and_the_recording_stays(harness: ApiHarness) -> None:
    job = harness.submit()
    path = f"/sessions/{job['sessionId']}/results"
    harness.finish(job, {"transcript.json": b'{"segments": []}', "sidecar.json": b"{}"})
    busy = harness.client.delete(path)
    assert (busy.status_code, busy.json()["code"]) == (409, "conflict")
    assert harness.client.get(f"{path}/transcript").status_code == 200
    harness.change(
        job["jobId"], lambda job: jobs.fail(job, Stage.DOWNLOAD, NotMedia("Text."), harness.services.clock())
    )
    for _ in range(2):
        answer = harness.client.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
    for address in (
        f"{path}/transcript",
        f"{path}/transcript?jobId={job['jobId']}",
        path.replace("results", "sidecar"),
    ):
        missing = harness.client.get(address)
        assert (missing.status_code, missing.json()["code"]) == (404, "result_not_ready")
        assert "was deleted" in missing.json()["detail"]
    session = harness.client.get(f"/sessions/{job['sessionId']}").json()
    assert (session["hasTranscript"], session["hasInstructorTrackingResult"], session["hasSidecar"]) == (False,) * 3
