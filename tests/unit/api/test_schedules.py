"""Schedules over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.pipeline.execution.run_step import Delivery
from shared.pipeline.jobs import scheduled_submission
from shared.pipeline.registry import job_manager
from shared.pipeline.tasks.run_task import run_task
from shared.pipeline.tasks.schedules import run_due_schedules
from tests.unit.api.house import House, pointers

JOB = {"sourceUrl": "https://example.com/talk.mp4"}
BODY = {"cron": "0 2 * * *", "timeZone": "Europe/Zurich", "job": JOB}


def create(house: House, **changes: Any) -> dict[str, Any]:
    answer = house.client.post("/schedules", json={**BODY, **changes})
    assert answer.status_code == 201, answer.text
    schedule: dict[str, Any] = answer.json()
    return schedule


def run(house: House, schedule_id: str) -> None:
    """The schedule's time has come, and a worker runs what that made."""
    stored = house.services.storage.schedules.get("local", schedule_id)
    due = stored.value.evolve(next_run_at=house.services.clock())
    house.services.storage.schedules.update(stored, due)
    assert run_due_schedules(house.services) == 1
    message = house.services.storage.queues.pop("tasks")
    assert message is not None
    run_task(house.services, job_manager, message, Delivery("m", 1))  # type: ignore[arg-type]


def test_a_schedule_is_created_and_shown(house: House) -> None:
    job = {**JOB, "sessionName": "Daily", "metadata": {"a": 1}, "options": {"language": "en"}}
    answer = house.client.post("/schedules", json={"cron": " 0 2  * * * ", "timeZone": "Europe/Zurich", "job": job})
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
    assert house.client.get(answer.headers["Location"]).json() == schedule
    assert house.client.get("/schedules").json() == {"items": [schedule]}


def test_the_time_zone_is_utc_unless_given(house: House) -> None:
    answer = house.client.post("/schedules", json={"cron": "0 0 * * MON", "job": JOB}).json()
    assert (answer["timeZone"], answer["nextRunAt"]) == ("UTC", "2026-01-05T00:00:00Z")


def test_its_last_run_is_told(house: House) -> None:
    schedule = create(house)
    run(house, schedule["scheduleId"])
    after = house.client.get(schedule["links"]["self"]).json()
    (job,) = house.client.get("/jobs").json()["items"]
    assert after["lastJobId"] == job["jobId"]
    assert after["links"]["lastJob"] == job["links"]["self"]
    assert after["lastRunAt"] < after["nextRunAt"]


def test_why_its_last_run_was_refused_is_told(house: House) -> None:
    job = house.submit()
    schedule = create(house, job={"sessionId": job["sessionId"]})
    assert house.client.delete(f"/sessions/{job['sessionId']}").status_code in (202, 204)
    run(house, schedule["scheduleId"])
    after = house.client.get(schedule["links"]["self"]).json()
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
def test_what_is_not_valid_is_refused(house: House, changes: dict[str, Any], pointer: str, detail: str) -> None:
    answer = house.client.post("/schedules", json={**BODY, **changes})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_request")
    assert pointer in pointers(problem)
    assert detail in problem["detail"]
    assert house.client.get("/schedules").json() == {"items": []}


@pytest.mark.parametrize("note", ["x" * 30_000, "x" * 32_700, "x" * 40_000, "\N{GRINNING FACE}" * 15_000])
def test_what_a_row_cannot_hold_is_refused_in_the_callers_words(house: House, note: str) -> None:
    job = {**JOB, "metadata": {"note": note}}
    answer = house.client.post("/schedules", json={**BODY, "job": job})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["detail"].startswith("The job, with its metadata and options, has ")
    assert answer.json()["detail"].endswith(" characters as JSON; a schedule can keep at most 30000.")


def test_a_long_request_that_a_row_can_hold_is_kept(house: House) -> None:
    create(house, job={**JOB, "metadata": {"note": "x" * 29_500}})


def test_an_organisation_may_have_so_many_schedules(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduled_submission, "MAX_SCHEDULES", 2)
    key = {"Idempotency-Key": "second"}
    create(house)
    second = house.client.post("/schedules", json=BODY, headers=key).json()
    refused = house.client.post("/schedules", json=BODY)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert refused.json()["detail"] == "The organisation has 2 schedules, which is the most; delete one first."
    assert house.client.post("/schedules", json=BODY, headers=key).json() == second
    assert house.client.delete(f"/schedules/{second['scheduleId']}").status_code == 204
    create(house)


def test_a_session_has_to_be_there(house: House) -> None:
    assert house.client.post("/schedules", json={**BODY, "job": {"sessionId": "nothing"}}).status_code == 404


def test_pages_stay_as_they_are_while_schedules_are_added(house: House) -> None:
    made = [create(house)["scheduleId"] for _ in range(5)]
    first = house.client.get("/schedules?limit=2").json()
    create(house)
    second = house.client.get(first["nextLink"]).json()
    third = house.client.get(second["nextLink"]).json()
    assert [one["scheduleId"] for page in (first, second, third) for one in page["items"]] == made[::-1]
    assert "nextLink" not in third
    assert house.client.get("/schedules?cursor=nonsense").status_code == 422
    assert house.client.get("/schedules?limit=0").status_code == 422


def test_a_deleted_schedule_is_gone(house: House) -> None:
    schedule = create(house)
    answer = house.client.delete(schedule["links"]["self"])
    assert (answer.status_code, answer.content) == (204, b"")
    assert house.client.delete(schedule["links"]["self"]).status_code == 404
    assert house.client.get(schedule["links"]["self"]).status_code == 404
    assert house.client.get("/schedules").json() == {"items": []}


def test_a_repeated_request_with_a_key_makes_one_schedule(house: House) -> None:
    headers = {"Idempotency-Key": "a"}
    first, again = (house.client.post("/schedules", json=BODY, headers=headers) for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert len(house.client.get("/schedules").json()["items"]) == 1


def test_other_background_jobs_schedules_are_not_shown(house: House) -> None:
    schedule = create(house)
    stored = house.services.storage.schedules.get("local", schedule["scheduleId"])
    house.services.storage.schedules.update(stored, stored.value.evolve(name="clean_up"))
    assert house.client.get("/schedules").json() == {"items": []}
    assert house.client.get(schedule["links"]["self"]).status_code == 404


def test_a_missed_run_is_made_up_for_once(house: House) -> None:
    schedule = create(house, cron="* * * * *")
    stored = house.services.storage.schedules.get("local", schedule["scheduleId"])
    long_ago = datetime(2025, 1, 1, tzinfo=UTC)
    house.services.storage.schedules.update(stored, stored.value.evolve(next_run_at=long_ago))
    assert [run_due_schedules(house.services) for _ in range(3)] == [1, 0, 0]
    after = house.client.get(schedule["links"]["self"]).json()
    assert after["lastRunAt"] == "2025-01-01T00:00:00Z"
    now = house.services.clock()
    assert now < datetime.fromisoformat(after["nextRunAt"]) <= now + timedelta(minutes=1)
