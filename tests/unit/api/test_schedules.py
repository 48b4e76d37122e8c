"""Schedules over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.pipeline.execution.run_step import Delivery
from shared.pipeline.jobs.scheduled_submission import MAX_SCHEDULES
from shared.pipeline.registry import job_manager
from shared.pipeline.tasks.run_task import run_task
from shared.pipeline.tasks.schedules import run_due_schedules
from tests.support.api_harness import ORG, ApiHarness, pointers

JOB = {"sourceUrl": "https://example.com/talk.mp4"}
BODY = {"cron": "0 2 * * *", "timeZone": "Europe/Zurich", "job": JOB}


def create(harness: ApiHarness, **changes: Any) -> dict[str, Any]:
    answer = harness.client.post("/schedules", json={**BODY, **changes})
    assert answer.status_code == 201, answer.text
    schedule: dict[str, Any] = answer.json()
    return schedule


def run(harness: ApiHarness, schedule_id: str) -> None:
    """The schedule's time has come, and a worker runs what that made."""
    stored = harness.services.storage.schedules.get("local", schedule_id)
    due = stored.value.evolve(next_run_at=harness.services.clock())
    harness.services.storage.schedules.update(stored, due)
    assert run_due_schedules(harness.services) == 1
    message = harness.services.storage.queues.pop("tasks")
    assert message is not None
    run_task(harness.services, job_manager, message, Delivery("m", 1))  # type: ignore[arg-type]


def test_a_schedule_is_created_and_shown(harness: ApiHarness) -> None:
    job = {**JOB, "sessionName": "Daily", "metadata": {"a": 1}, "options": {"language": "en"}}
    answer = harness.client.post("/schedules", json={"cron": " 0 2  * * * ", "timeZone": "Europe/Zurich", "job": job})
    schedule = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://api.localhost/schedules/{schedule['scheduleId']}"
    assert schedule == {
        "scheduleId": schedule["scheduleId"],
        "orgId": "local",
        "cron": "0 2 * * *",
        "timeZone": "Europe/Zurich",
        "job": job,
        "nextRunAt": "2026-01-03T01:00:00Z",
        "lastRunAt": None,
        "lastJobId": None,
        "lastError": None,
        "createdAt": schedule["createdAt"],
        "links": {"self": answer.headers["Location"], "lastJob": None},
    }
    assert harness.client.get(answer.headers["Location"]).json() == schedule
    assert harness.client.get("/schedules").json() == {"items": [schedule]}


def test_the_time_zone_is_utc_unless_given(harness: ApiHarness) -> None:
    answer = harness.client.post("/schedules", json={"cron": "0 0 * * MON", "job": JOB}).json()
    assert (answer["timeZone"], answer["nextRunAt"]) == ("UTC", "2026-01-05T00:00:00Z")


def test_its_last_run_is_told(harness: ApiHarness) -> None:
    schedule = create(harness)
    run(harness, schedule["scheduleId"])
    after = harness.client.get(schedule["links"]["self"]).json()
    (job,) = harness.client.get("/jobs").json()["items"]
    assert after["lastJobId"] == job["jobId"]
    assert after["links"]["lastJob"] == job["links"]["self"]
    assert after["lastRunAt"] < after["nextRunAt"]


def test_why_its_last_run_was_refused_is_told(harness: ApiHarness) -> None:
    job = harness.submit()
    schedule = create(harness, job={"sessionId": job["sessionId"]})
    assert harness.client.delete(f"/sessions/{job['sessionId']}").status_code in (202, 204)
    run(harness, schedule["scheduleId"])
    after = harness.client.get(schedule["links"]["self"]).json()
    assert (after["lastJobId"], after["lastError"]) == (None, f"There is no session {job['sessionId']}.")


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        pytest.param({"cron": "0 0 31 2 *"}, "#/cron", "Bad day-of-month", id="a day that does not exist"),
        pytest.param({"cron": "* * */20 * 1L"}, "#/cron", "does not come", id="never"),
        pytest.param({"cron": "0 0 * * * *"}, "#/cron", "has 5 fields", id="seconds"),
        pytest.param({"cron": "61 * * * *"}, "#/cron", "Bad minute", id="minute"),
        pytest.param({"cron": "x" * 500}, "#/cron", "at most 200 characters", id="long"),
        pytest.param({"cron": 5}, "#/cron", "string", id="number"),
        pytest.param({"timeZone": "Mars/Olympus"}, "#/timeZone", "There is no time zone", id="time zone"),
        pytest.param({"job": {}}, "#/job", "exactly one of sourceUrl and sessionId", id="nothing"),
        pytest.param({"job": {**JOB, "sessionId": "x"}}, "#/job", "exactly one", id="both"),
        pytest.param({"job": {"uploadId": "x"}}, "#/job/uploadId", "no such field", id="upload"),
        pytest.param({"job": {**JOB, "startAt": "2030-01-01T00:00:00Z"}}, "#/job/startAt", "no such field", id="start"),
        pytest.param({"job": {**JOB, "delaySeconds": 5}}, "#/job/delaySeconds", "no such field", id="delay"),
        pytest.param({"job": {"sourceUrl": "ftp://example.com/a"}}, "#/job/sourceUrl", "http or https", id="address"),
        pytest.param({"job": {**JOB, "options": {"engine": "x"}}}, "#/job/options/engine", "", id="options"),
        pytest.param({"every": "day"}, "#/every", "no such field", id="unknown"),
    ],
)
def test_what_is_not_valid_is_refused(harness: ApiHarness, changes: dict[str, Any], pointer: str, detail: str) -> None:
    answer = harness.client.post("/schedules", json={**BODY, **changes})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_request")
    assert pointer in pointers(problem)
    assert detail in problem["detail"]
    assert harness.client.get("/schedules").json() == {"items": []}


@pytest.mark.parametrize("note", ["x" * 30_000, "x" * 32_700, "x" * 40_000, "\N{GRINNING FACE}" * 15_000])
def test_what_a_row_cannot_hold_is_refused_in_the_callers_words(harness: ApiHarness, note: str) -> None:
    job = {**JOB, "metadata": {"note": note}}
    answer = harness.client.post("/schedules", json={**BODY, "job": job})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["detail"].startswith("The job, with its metadata and options, has ")
    assert answer.json()["detail"].endswith(" characters as JSON; a schedule can keep at most 30000.")


def test_a_long_request_that_a_row_can_hold_is_kept(harness: ApiHarness) -> None:
    create(harness, job={**JOB, "metadata": {"note": "x" * 29_500}})


def test_an_organisation_may_have_so_many_schedules(harness: ApiHarness) -> None:
    key = {"Idempotency-Key": "second"}
    schedules = harness.services.storage.schedules
    first = schedules.get(ORG, create(harness)["scheduleId"]).value
    for number in range(MAX_SCHEDULES - 2):
        schedules.create(first.evolve(schedule_id=f"{number:03}"))
    second = harness.client.post("/schedules", json=BODY, headers=key).json()
    refused = harness.client.post("/schedules", json=BODY)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert refused.json()["detail"] == "The organisation has 100 schedules, which is the most; delete one first."
    assert harness.client.post("/schedules", json=BODY, headers=key).json() == second
    assert harness.client.delete(f"/schedules/{second['scheduleId']}").status_code == 204
    create(harness)


def test_a_session_has_to_be_there(harness: ApiHarness) -> None:
    assert harness.client.post("/schedules", json={**BODY, "job": {"sessionId": "nothing"}}).status_code == 404


def test_pages_stay_as_they_are_while_schedules_are_added(harness: ApiHarness) -> None:
    made = [create(harness)["scheduleId"] for _ in range(5)]
    first = harness.client.get("/schedules?limit=2").json()
    create(harness)
    second = harness.client.get(first["nextLink"]).json()
    third = harness.client.get(second["nextLink"]).json()
    assert [one["scheduleId"] for page in (first, second, third) for one in page["items"]] == made[::-1]
    assert "nextLink" not in third
    assert harness.client.get("/schedules?cursor=nonsense").status_code == 422
    assert harness.client.get("/schedules?limit=0").status_code == 422


def test_a_deleted_schedule_is_gone(harness: ApiHarness) -> None:
    schedule = create(harness)
    answer = harness.client.delete(schedule["links"]["self"])
    assert (answer.status_code, answer.content) == (204, b"")
    assert harness.client.delete(schedule["links"]["self"]).status_code == 404
    assert harness.client.get(schedule["links"]["self"]).status_code == 404
    assert harness.client.get("/schedules").json() == {"items": []}


def test_a_repeated_request_with_a_key_makes_one_schedule(harness: ApiHarness) -> None:
    headers = {"Idempotency-Key": "a"}
    first, again = (harness.client.post("/schedules", json=BODY, headers=headers) for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert len(harness.client.get("/schedules").json()["items"]) == 1


def test_other_background_jobs_schedules_are_not_shown(harness: ApiHarness) -> None:
    schedule = create(harness)
    stored = harness.services.storage.schedules.get("local", schedule["scheduleId"])
    harness.services.storage.schedules.update(stored, stored.value.evolve(name="clean_up"))
    assert harness.client.get("/schedules").json() == {"items": []}
    assert harness.client.get(schedule["links"]["self"]).status_code == 404


def test_a_missed_run_is_made_up_for_once(harness: ApiHarness) -> None:
    schedule = create(harness, cron="* * * * *")
    stored = harness.services.storage.schedules.get("local", schedule["scheduleId"])
    long_ago = datetime(2025, 1, 1, tzinfo=UTC)
    harness.services.storage.schedules.update(stored, stored.value.evolve(next_run_at=long_ago))
    assert [run_due_schedules(harness.services) for _ in range(3)] == [1, 0, 0]
    after = harness.client.get(schedule["links"]["self"]).json()
    assert after["lastRunAt"] == "2025-01-01T00:00:00Z"
    now = harness.services.clock()
    assert now < datetime.fromisoformat(after["nextRunAt"]) <= now + timedelta(minutes=1)
