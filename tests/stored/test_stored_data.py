"""Data that commit e4b8643 wrote are taken up by the code of today: jobs in flight go on, schedules fire, tasks run,
and results are found.

An upgrade meets rows, messages and blobs of the release before it. That commit's names of modules and classes are gone,
so its own code wrote the copy that is read here (`README.md` tells how). The tests of this module build on each other:
the copy is looked at as it is, then the application runs until it is at rest, then a person tries again what had
failed, then days go by.
"""

import json
from itertools import pairwise
from typing import Any

import pytest

from shared.domain.errors import NotFound
from shared.domain.stage import Stage
from shared.domain.task import TASKS, TaskState
from shared.job_status import NEXT, JobStatus
from shared.storage.ports import RESULTS, SOURCES, WORK
from tests.stored.new_host import ORG, NewHost

TOMORROW_SEC, TEN_DAYS_SEC = 24 * 3600, 10 * 24 * 3600

ENDS_DONE = (
    "waiting",
    "fetching",
    "download crashed",
    "planned",
    "unsent",
    "half transcribed",
    "transcribing",
    "transcript waits",
    "transcript written",
    "audio lost",
    "tracking",
    "track written",
    "rendering",
    "no sidecar",
    "end announced",
    "overdue",
    "second attempt",
    "key answered",
    "key cut off",
)
ENDS_CANCELED = ("to be canceled", "to be canceled later")
OUT_OF_ATTEMPTS = ("spent", "poisoned")
LATER = ("tomorrow", "in ten days")
REMOVED = ("removal waiting", "removal crashed", "removal given up", "past its time")
WITH_WORDS = ("half transcribed", "transcribing", "transcript waits", "transcript written", "tracking")
NEW_SESSIONS = ("Scheduled, waiting", "Scheduled, crashed", "Scheduled, due")
GIVEN_UP = {"index_transcript", "rebuild_sidecar", "deliver_webhook", "remove_session", "submit_scheduled", "clean_up"}
WORDS = "water moves around our world"

RESULT_PATHS = {
    "transcript.json": "results/transcript?format=json",
    "transcript.vtt": "results/transcript?format=vtt",
    "transcript.srt": "results/transcript?format=srt",
    "transcript.txt": "results/transcript?format=txt",
    "instructor-tracking.json": "results/instructor-tracking",
    "chapters.json": "results/chapters",
    "chapters.vtt": "results/chapters?format=vtt",
    "instructor-by-segment.json": "results/instructor-by-segment",
    "sidecar.json": "sidecar",
    "track-plot.json": "results/track-plot",
    "track-heatmap.png": "pictures/track-heatmap.png",
    "track-x.png": "pictures/track-x.png",
}


@pytest.fixture(scope="module")
def settled(host: NewHost) -> NewHost:
    """The application after it ran until nothing was left to do."""
    host.settle()
    return host


@pytest.fixture(scope="module")
def retried(settled: NewHost) -> NewHost:
    """The application after a person tried again what had failed, and it ran once more."""
    for name in ("failed", "canceled"):
        settled.call("POST", f"/jobs/{settled.id_of(name)}/retry")
    settled.call("POST", f"/jobs/poison/{TASKS}/requeue")
    settled.call("POST", "/ingest/commit", json={"uploadId": settled.id_of("arrived", "uploadId")})
    settled.settle()
    return settled


@pytest.fixture(scope="module")
def days_later(retried: NewHost) -> NewHost:
    """The application after ten days, on the first of which it ran as well. Schedules that had fired are deleted."""
    for name in ("waiting", "crashed", "given up", "due"):
        retried.call("DELETE", f"/schedules/{retried.id_of(f'schedule {name}', 'scheduleId')}")
    for seconds in (TOMORROW_SEC, TEN_DAYS_SEC - TOMORROW_SEC):
        retried.clock.advance(seconds)
        retried.settle()
    return retried


def says_all(answer: Any, stored: Any) -> bool:
    """Whether the answer has everything that was stored; it may have more, as ids of words."""
    if isinstance(stored, dict):
        return all(name in answer and says_all(answer[name], value) for name, value in stored.items())
    if isinstance(stored, list):
        return len(answer) == len(stored) and all(map(says_all, answer, stored))
    return bool(answer == stored)


def test_what_is_done_is_found_as_it_is(host: NewHost) -> None:
    session_id, job_id = host.id_of("done", "sessionId"), host.id_of("done")
    stored = host.copy.blobs(RESULTS, f"{ORG}/{session_id}/{job_id}/")
    thumbnails = {name: name for name in stored if name.startswith("thumbnails/")}
    assert thumbnails
    videos = {"follow.mp4", "track-overlay.mp4"}
    assert stored.keys() == RESULT_PATHS.keys() | thumbnails.keys() | videos
    for name, path in (RESULT_PATHS | thumbnails).items():
        answer = host.api.get(f"/sessions/{session_id}/{path}")
        assert answer.status_code == 200, name
        if name == "transcript.json":
            words = [word["id"] for segment in answer.json()["segments"] for word in segment["words"]]
            assert words == [f"w{number}" for number in range(len(words))]
            assert says_all(answer.json(), json.loads(stored[name]))
        else:
            assert answer.content == stored[name], name
    for name in videos:
        leads_to = host.api.get(f"/sessions/{session_id}/renditions/{name}", follow_redirects=False)
        assert f"{RESULTS}/{ORG}/{session_id}/{job_id}/{name}" in leads_to.headers["Location"]
        assert host.services.storage.blobs.read(RESULTS, f"{ORG}/{session_id}/{job_id}/{name}") == stored[name]


def test_a_session_and_its_job_are_shown_as_they_were(host: NewHost) -> None:
    session = host.get(f"/sessions/{host.id_of('done', 'sessionId')}")
    assert session["sessionName"] == "How water moves"
    assert session["metadata"] == {"course": "Earth", "größe": ["ü", 1.5, None, True]}
    job = host.get(f"/jobs/{host.id_of('done')}")
    assert (job["status"], job["progress"], job["attempt"]) == ("DONE", 1.0, 1)
    assert job["options"] == {"followCam": {"height": 144}, "overlay": True}
    (delivery,) = host.get(f"/jobs/{host.id_of('done')}/deliveries")["items"]
    assert (delivery["state"], delivery["statusCode"]) == ("delivered", 204)


def test_every_event_of_a_job_is_told(host: NewHost) -> None:
    stored = [row for row in host.copy.rows("events") if row["jobId"] == host.id_of("done")]
    told = host.api.get(f"/jobs/{host.id_of('done')}/events").text
    ids = [int(line.removeprefix("id:")) for line in told.splitlines() if line.startswith("id:")]
    assert ids == sorted(int(str(row["sequence"])) for row in stored)
    assert len(ids) > 10


def test_jobs_are_listed_by_status(host: NewHost) -> None:
    stored = {(str(row["jobId"]), str(row["status"])) for row in host.copy.rows("jobs")}
    for status in JobStatus:
        found = host.get("/jobs", status=status, limit=100)["items"]
        assert {(job["jobId"], job["status"]) for job in found} == {each for each in stored if each[1] == status}
    ended = {status for status in JobStatus if status.is_final}
    active = {job_id for job_id, status in stored if status not in ended}
    assert {job["jobId"] for job in host.get("/jobs", active="true", limit=100)["items"]} == active


def test_a_failed_job_tells_why(host: NewHost) -> None:
    job = host.get(f"/jobs/{host.id_of('failed')}")
    assert (job["status"], job["error"]["code"], job["error"]["stage"]) == ("ERROR", "stage_exhausted", "transcription")
    assert len(host.job("failed").failures) == 5
    broken = host.get(f"/jobs/{host.id_of('broken')}")
    assert (broken["status"], broken["error"]["code"]) == ("ERROR", "not_media")


def test_what_was_said_is_found(host: NewHost) -> None:
    found = host.get("/search", q=WORDS)["items"]
    assert [place["sessionId"] for place in found] == [host.id_of("done", "sessionId")]


def test_an_idempotency_key_gives_the_answer_that_was_kept(host: NewHost) -> None:
    path = f"/sessions/{host.id_of('done', 'sessionId')}/process"
    answer = host.api.post(path, headers={"Idempotency-Key": "answered"})
    assert answer.status_code == 202, answer.text
    assert (answer.headers["Idempotency-Replayed"], answer.json()["jobId"]) == ("true", host.id_of("key answered"))
    other = host.api.post(path, headers={"Idempotency-Key": "answered"}, json={"callbackUrl": "http://example.com"})
    assert other.json()["code"] == "idempotency_key_reused"


def test_an_idempotency_key_whose_request_was_cut_off_gives_the_same_job(host: NewHost) -> None:
    path = f"/sessions/{host.id_of('done', 'sessionId')}/process"
    answer = host.api.post(path, headers={"Idempotency-Key": "cut-off"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["jobId"] == host.id_of("key cut off")
    assert "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize("name", ENDS_DONE)
def test_a_job_in_flight_is_done(settled: NewHost, name: str) -> None:
    assert settled.job(name).status is JobStatus.DONE, settled.job(name)
    sidecar = settled.get(f"/sessions/{settled.id_of(name, 'sessionId')}/sidecar", jobId=settled.id_of(name))
    there = {
        blob.name.rpartition(f"{settled.id_of(name)}/")[2]
        for blob in settled.services.storage.blobs.listing(RESULTS, _place(settled, name))
    }
    assert {artefact["name"] for artefact in sidecar["artefacts"]} == there - {"sidecar.json"}
    assert {f"transcript.{kind}" for kind in ("json", "vtt", "srt", "txt")} <= there


@pytest.mark.parametrize("name", ENDS_CANCELED)
def test_a_job_that_was_to_be_canceled_is_canceled(settled: NewHost, name: str) -> None:
    assert settled.job(name).status is JobStatus.CANCELED
    assert not list(settled.services.storage.blobs.listing(RESULTS, _place(settled, name)))


@pytest.mark.parametrize("name", OUT_OF_ATTEMPTS)
def test_a_job_whose_last_attempt_crashed_ends_in_error(settled: NewHost, name: str) -> None:
    job = settled.job(name)
    assert job.status is JobStatus.ERROR
    assert job.error is not None
    assert job.error.code == "stage_exhausted"
    letters = settled.services.storage.dead_letters.of_queue(ORG, "downloads")
    assert job.job_id in {stored.value.job_id for stored in letters}


@pytest.mark.parametrize("name", [*ENDS_DONE, *ENDS_CANCELED, *OUT_OF_ATTEMPTS])
def test_the_history_of_a_job_goes_on_without_a_gap(settled: NewHost, name: str) -> None:
    events = settled.services.storage.jobs.events(ORG, settled.id_of(name))
    stored = [row for row in settled.copy.rows("events") if row["jobId"] == settled.id_of(name)]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert len(events) > len(stored)
    for one, other in pairwise(event.status for event in events):
        begins_again = one.may_begin_again and other is JobStatus.CREATED
        assert one is other or other in NEXT[one] or begins_again, f"{one} became {other}"


@pytest.mark.parametrize("name", [name for name in ENDS_DONE if name != "audio lost"])
def test_finished_steps_are_not_done_again(settled: NewHost, name: str) -> None:
    stored = {
        (row["stage"], row["step"], row["number"]): (row["attempts"], row["finishedAt"])
        for row in settled.copy.rows("parts")
        if row["jobId"] == settled.id_of(name) and row["state"] == "done"
    }
    now = {
        (str(row.value.stage), str(row.value.step), row.value.number): (row.value.attempts, row.value.finished_at)
        for row in settled.services.storage.step_runs.of_job(settled.id_of(name))
    }
    assert {key: now[key] for key in stored} == stored


def test_what_was_lost_is_made_again(settled: NewHost) -> None:
    rows = settled.services.storage.step_runs.of_job(settled.id_of("audio lost"), Stage.DOWNLOAD)
    assert [row.value.attempts for row in rows] == [2]


def test_a_part_that_was_transcribed_before_is_part_of_the_transcript(settled: NewHost) -> None:
    stored = settled.copy.blobs(WORK, f"{_place(settled, 'half transcribed')}transcription/")
    assert list(stored) == ["00000.json"]
    before = _words(stored["00000.json"])
    name = f"{_place(settled, 'half transcribed')}transcript.json"
    after = _words(settled.services.storage.blobs.read(RESULTS, name))
    assert before
    assert after[: len(before)] == before
    assert len(after) > len(before)


def test_a_download_goes_on_from_what_was_fetched(settled: NewHost) -> None:
    source = settled.copy.blobs(SOURCES, f"{ORG}/{settled.id_of('fetching', 'sessionId')}/")["silence.wav"]
    name = f"{ORG}/{settled.id_of('fetching', 'sessionId')}/silence.wav"
    assert settled.services.storage.blobs.read(SOURCES, name) == source
    assert settled.server.ranges == [("silence.wav", len(source))]


def test_jobs_of_a_later_time_have_not_begun(settled: NewHost) -> None:
    active = {job.job_id for job in settled.services.storage.jobs.all_active()}
    assert active == {settled.id_of(name) for name in LATER}
    assert all(settled.job(name).status is JobStatus.CREATED for name in LATER)


def test_no_task_is_left_but_those_that_were_given_up(settled: NewHost) -> None:
    left = set()
    for row in settled.copy.rows("tasks"):
        task = _task(settled, str(row["taskId"]))
        if task is not None and task.state is not TaskState.DONE:
            assert (task.state, row["state"]) == (TaskState.FAILED, "failed")
            left.add(task.name)
    assert left == GIVEN_UP


def test_schedules_that_came_due_have_fired_once(settled: NewHost) -> None:
    sessions = settled.get("/sessions", limit=100)["items"]
    for name in NEW_SESSIONS:
        (session,) = [each for each in sessions if each["sessionName"] == name]
        (job,) = settled.get("/jobs", sessionId=session["sessionId"])["items"]
        assert job["status"] == "DONE"
    assert "Scheduled, given up" not in {each["sessionName"] for each in sessions}
    for state in ("waiting", "crashed", "due"):
        schedule = settled.get(f"/schedules/{settled.id_of(f'schedule {state}', 'scheduleId')}")
        assert schedule["lastJobId"] in {job["jobId"] for job in settled.get("/jobs", limit=100)["items"]}


@pytest.mark.parametrize("name", REMOVED)
def test_deletions_come_to_their_end(settled: NewHost, name: str) -> None:
    session_id = settled.id_of(name, "sessionId")
    assert settled.api.get(f"/sessions/{session_id}").status_code == 404
    assert settled.api.get(f"/jobs/{settled.id_of(name)}").status_code == 404
    removals = {each["sessionId"]: each for each in settled.get("/removals", limit=100)["items"]}
    assert removals[session_id]["finishedAt"] is not None
    blobs = settled.services.storage.blobs
    assert not [blob for place in (SOURCES, WORK, RESULTS) for blob in blobs.listing(place, f"{ORG}/{session_id}/")]


def test_the_clean_up_deletes_an_upload_that_expired(settled: NewHost) -> None:
    commit = {"uploadId": settled.id_of("expired", "uploadId")}
    assert settled.api.post("/ingest/commit", json=commit).status_code == 404
    kept = {"uploadId": settled.id_of("announced", "uploadId")}
    assert settled.api.post("/ingest/commit", json=kept).json()["code"] == "upload_incomplete"


def test_ends_are_told_once(settled: NewHost) -> None:
    assert sorted(_told(settled)) == sorted(settled.id_of(name) for name in ("webhook waiting", "end announced"))
    for name in ("webhook waiting", "webhook crashed", "end announced"):
        assert settled.get(f"/jobs/{settled.id_of(name)}/deliveries")["items"][0]["state"] == "delivered"


@pytest.mark.parametrize("name", WITH_WORDS)
def test_transcripts_of_jobs_in_flight_are_found(settled: NewHost, name: str) -> None:
    session_id = settled.id_of(name, "sessionId")
    assert [place["jobId"] for place in settled.get("/search", q=WORDS, sessionId=session_id)["items"]] == [
        settled.id_of(name)
    ]


@pytest.mark.parametrize("name", ["sidecar waiting", "sidecar crashed"])
def test_sidecars_are_built_again(settled: NewHost, name: str) -> None:
    assert settled.get(f"/sessions/{settled.id_of(name, 'sessionId')}/sidecar")["jobId"] == settled.id_of(name)


@pytest.mark.parametrize("name", ["failed", "canceled"])
def test_a_job_that_ended_can_be_tried_again(retried: NewHost, name: str) -> None:
    job = retried.job(name)
    assert (job.status, job.attempt) == (JobStatus.DONE, 2), job.error
    assert job.stages[Stage.TRANSCRIPTION].state.is_over


def test_a_job_that_is_tried_again_keeps_its_finished_parts(retried: NewHost) -> None:
    stored = {
        (row["stage"], row["step"], row["number"]): row["finishedAt"]
        for row in retried.copy.rows("parts")
        if row["jobId"] == retried.id_of("failed") and row["state"] == "done"
    }
    now = {
        (str(row.value.stage), str(row.value.step), row.value.number): row.value.finished_at
        for row in retried.services.storage.step_runs.of_job(retried.id_of("failed"))
    }
    assert len(stored) > 4
    assert {key: now[key] for key in stored} == stored


def test_tasks_that_were_given_up_can_be_put_back(retried: NewHost) -> None:
    letters = [stored.value for stored in retried.services.storage.dead_letters.of_queue(ORG, TASKS)]
    assert not letters
    for row in retried.copy.rows("tasks"):
        task = _task(retried, str(row["taskId"]))
        assert task is None or task.state is TaskState.DONE or task.name == "clean_up", task
    rendering = retried.id_of("rendering", "sessionId")
    assert retried.get("/search", q=WORDS, sessionId=rendering)["items"]
    given_up = retried.id_of("sidecar given up", "sessionId")
    assert retried.get(f"/sessions/{given_up}/sidecar")["jobId"] == retried.id_of("sidecar given up")
    assert "Scheduled, given up" in {each["sessionName"] for each in retried.get("/sessions", limit=100)["items"]}
    assert retried.id_of("webhook given up") in _told(retried)


def test_an_upload_that_had_arrived_can_be_committed(retried: NewHost) -> None:
    job = retried.call("POST", "/ingest/commit", json={"uploadId": retried.id_of("arrived", "uploadId")})
    assert retried.get(f"/jobs/{job['jobId']}")["status"] == "DONE"


@pytest.mark.parametrize("name", LATER)
def test_a_job_of_a_later_time_runs_at_its_time(days_later: NewHost, name: str) -> None:
    job = days_later.job(name)
    assert job.status is JobStatus.DONE
    assert job.start_at is not None
    assert job.started_at is not None
    assert job.started_at >= job.start_at


def test_a_schedule_that_was_not_due_fires_at_its_time(days_later: NewHost) -> None:
    schedule = days_later.get(f"/schedules/{days_later.id_of('schedule of tomorrow', 'scheduleId')}")
    job = days_later.get(f"/jobs/{schedule['lastJobId']}")
    assert (job["status"], job["sessionId"]) == ("DONE", days_later.id_of("done", "sessionId"))


def test_in_the_end_nothing_is_left_to_do(days_later: NewHost) -> None:
    assert not list(days_later.services.storage.jobs.all_active())
    jobs = days_later.get("/jobs/queue-info")["jobs"]
    assert {status for status, count in jobs.items() if count} == {"DONE", "ERROR", "CANCELED"}


def _place(host: NewHost, name: str) -> str:
    """Return how the names of the job's blobs begin."""
    return f"{ORG}/{host.id_of(name, 'sessionId')}/{host.id_of(name)}/"


def _told(host: NewHost) -> list[str]:
    """Return the jobs whose end was told to the server, by their ids."""
    return [json.loads(body)["data"]["jobId"] for body in host.server.posted]


def _task(host: NewHost, task_id: str) -> Any:
    try:
        return host.services.storage.tasks.get(task_id).value
    except NotFound:
        return None


def _words(transcript: bytes) -> list[tuple[str, float]]:
    segments = json.loads(transcript)["segments"]
    return [(word["word"].casefold(), word["start"]) for segment in segments for word in segment["words"]]
