"""Background jobs over HTTP: listed, retried, removed; and an organisation sees its own."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.api.app import create_app
from shared.domain.errors import NotMedia
from shared.domain.task import TASKS, Task, TaskMessage
from shared.pipeline.context import Delivery
from shared.pipeline.housekeeping.clean_up import schedule_clean_up
from shared.pipeline.tasks.job_manager import BackgroundJob, JobManager
from shared.pipeline.tasks.run_task import run_task
from shared.pipeline.tasks.sweep import sweep_tasks
from tests.support.api_client import ApiClient
from tests.support.api_harness import ORG, ApiHarness, make_services
from tests.support.signing_keys import SECRET, signed

jobs = JobManager()


@jobs.job(max_attempts=1)
def break_down(org_id: str, secret: bool = False) -> None:
    raise RuntimeError("the password is 123") if secret else NotMedia("That is no recording.")


@jobs.job
def tidy(org_id: str = "") -> None:
    """Do nothing."""


@pytest.fixture
def shared_api() -> Iterator[ApiHarness]:
    """An API where callers say who they are."""
    services = make_services(auth="jwt", jwt_secret=SECRET.decode())
    with ApiClient(create_app(services), base_url="http://api.localhost") as client:
        yield ApiHarness(services, client)


def run(harness: ApiHarness) -> None:
    """Run the task that waits first."""
    message = harness.services.storage.queues.pop(TASKS)
    assert isinstance(message, TaskMessage)
    run_task(harness.services, jobs, message, Delivery(f"m-{message.task_id}", 1))


def later(harness: ApiHarness, job: BackgroundJob[Any, Any], org_id: str = ORG, **arguments: Any) -> Task:
    """Enqueue a call for tomorrow."""
    return job.using(harness.services).delay_in(timedelta(days=1), org_id, **arguments)


def failed(harness: ApiHarness, org_id: str = ORG, *, secret: bool = False) -> Task:
    """Return a task that is a dead letter."""
    task = break_down.using(harness.services).delay(org_id, secret)
    run(harness)
    return task


def listed(harness: ApiHarness, query: str = "", **headers: str) -> list[str]:
    answer = harness.client.get(f"/tasks{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [each["taskId"] for each in answer.json()["items"]]


def test_a_background_job_is_seen_from_its_creation_on(harness: ApiHarness) -> None:
    task = later(harness, tidy)
    seen = harness.client.get(f"/tasks/{task.task_id}").json()
    assert {name: seen[name] for name in ("name", "state", "attempts", "lastError", "cron")} == {
        "name": "tidy",
        "state": "waiting",
        "attempts": 0,
        "lastError": None,
        "cron": None,
    }
    assert seen["nextRunAt"] > seen["createdAt"]
    assert seen["links"]["self"].endswith(f"/tasks/{task.task_id}")


def test_the_list_is_filtered_by_state_newest_first_in_pages(harness: ApiHarness) -> None:
    broken = failed(harness)
    waiting = [later(harness, tidy).task_id for _ in range(3)]
    cron = tidy.using(harness.services).schedule_cron("0 3 * * *", ORG)
    assert listed(harness) == [cron.schedule_id, *waiting[::-1], broken.task_id]
    assert listed(harness, "?state=waiting") == waiting[::-1]
    assert listed(harness, "?state=failed") == [broken.task_id]
    assert listed(harness, "?state=scheduled") == [cron.schedule_id]
    assert listed(harness, "?state=running") == listed(harness, "?state=done") == []
    assert harness.client.get("/tasks?state=asleep").status_code == 422
    pages, address = [], "/tasks?limit=2"
    while address:
        page = harness.client.get(address).json()
        pages.append([each["taskId"] for each in page["items"]])
        address = page.get("nextLink", "")
    assert pages == [[cron.schedule_id, waiting[2]], [waiting[1], waiting[0]], [broken.task_id]]


def poison(harness: ApiHarness) -> int:
    queues = harness.client.get("/jobs/queue-info").json()["queues"]
    return next(int(each["poison"]) for each in queues if each["name"] == "tasks")


def test_a_failed_one_is_retried(harness: ApiHarness) -> None:
    task = failed(harness)
    seen = harness.client.get(f"/tasks/{task.task_id}").json()
    assert (seen["state"], seen["attempts"], seen["lastError"]) == ("failed", 1, "That is no recording.")
    assert poison(harness) == 1
    again = harness.client.post(f"/tasks/{task.task_id}/retry")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (202, "waiting", 0)
    assert again.headers["Location"] == again.json()["links"]["self"]
    assert poison(harness) == 0
    run(harness)
    assert harness.client.get(f"/tasks/{task.task_id}").json()["state"] == "failed"


def test_one_that_waits_is_run_now(harness: ApiHarness) -> None:
    task = later(harness, tidy)
    assert harness.client.post(f"/tasks/{task.task_id}/retry").status_code == 202
    run(harness)
    assert harness.client.get(f"/tasks/{task.task_id}").status_code == 404  # one that is done leaves no row


def test_one_that_runs_or_recurs_is_not_retried(harness: ApiHarness) -> None:
    task = later(harness, tidy)
    stored = harness.services.storage.tasks.get(task.task_id)
    harness.services.storage.tasks.update(stored, task.claimed("w", harness.services.clock(), look_at=None))
    cron = tidy.using(harness.services).schedule_cron("0 3 * * *", ORG)
    for task_id in (task.task_id, cron.schedule_id):
        answer = harness.client.post(f"/tasks/{task_id}/retry")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_one_that_is_removed_does_not_run(harness: ApiHarness) -> None:
    broken = failed(harness)
    waiting = tidy.using(harness.services).delay(ORG)
    for task in (waiting, broken):
        assert harness.client.delete(f"/tasks/{task.task_id}").status_code == 204
        assert harness.client.delete(f"/tasks/{task.task_id}").status_code == 404
    assert listed(harness) == []
    assert not list(harness.services.storage.dead_letters.of_queue(ORG, TASKS))
    run(harness)  # the message of the one that waited finds nothing to do
    assert listed(harness) == []


def test_a_cron_is_seen_and_removed(harness: ApiHarness) -> None:
    cron = tidy.using(harness.services).schedule_cron("30 8 * * MON", ORG, time_zone="Europe/Zurich")
    seen = harness.client.get(f"/tasks/{cron.schedule_id}").json()
    assert (seen["state"], seen["cron"], seen["timeZone"]) == ("scheduled", "30 8 * * MON", "Europe/Zurich")
    assert seen["nextRunAt"].endswith("07:30:00Z")
    assert harness.client.delete(f"/tasks/{cron.schedule_id}").status_code == 204
    assert harness.client.get(f"/tasks/{cron.schedule_id}").status_code == 404
    sweep_tasks(harness.services)
    assert listed(harness) == []


def test_without_authentication_the_services_own_are_seen(harness: ApiHarness) -> None:
    schedule_clean_up(harness.services)
    own = tidy.using(harness.services).schedule_cron("0 4 * * *")
    assert listed(harness) == [own.schedule_id, "clean-up"]
    kept = harness.client.delete("/tasks/clean-up")
    assert (kept.status_code, kept.json()["code"]) == (409, "conflict")
    assert harness.client.delete(f"/tasks/{own.schedule_id}").status_code == 204


def test_with_tokens_an_organisation_sees_its_own(shared_api: ApiHarness) -> None:
    harness = shared_api
    token = {
        org: {"Authorization": f"Bearer {signed(org_id=org, scopes=['jobs:read', 'jobs:write'])}"}
        for org in ("acme", "others")
    }
    schedule_clean_up(harness.services)
    mine, theirs = later(harness, tidy, "acme"), later(harness, tidy, "others")
    assert listed(harness, **token["acme"]) == [mine.task_id]
    for method, address in (("GET", ""), ("POST", "/retry"), ("DELETE", "")):
        for task_id in (theirs.task_id, "clean-up"):
            answer = harness.client.request(method, f"/tasks/{task_id}{address}", headers=token["acme"])
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("secret", "shown"), [(True, "RuntimeError"), (False, "That is no recording.")])
def test_with_tokens_an_internal_error_keeps_its_text_to_itself(
    shared_api: ApiHarness, secret: bool, shown: str
) -> None:
    task = failed(shared_api, "acme", secret=secret)
    token = {"Authorization": f"Bearer {signed(org_id='acme', scopes=['jobs:read'])}"}
    assert shared_api.client.get(f"/tasks/{task.task_id}", headers=token).json()["lastError"] == shown
