"""Tasks, schedules, deletions, uploads and idempotency keys in every state, made after the jobs that they are about.

For each registered name there is a task that waits, one whose worker crashed, and one that was given up.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from job_states import DOWNLOAD, SILENCE
from old_host import ORG, Killed, OldHost, die

from shared.domain.errors import StorageUnavailable
from shared.domain.task import TaskState
from shared.pipeline.background.sweep_tasks import sweep_tasks
from shared.pipeline.clean_up import clean_up, schedule_clean_up
from shared.pipeline.dead_letters import keep_unreadable
from shared.storage.ports import RESULTS

A_DAY, AN_HOUR = timedelta(days=1), timedelta(hours=1)
STATES = ("waiting", "crashed", "given up")


def make_old(host: OldHost) -> None:
    """Make what is some days old when the copy is taken."""
    host.upload("expired", SILENCE)
    past = host.submit("past its time", SILENCE, options={"retentionDays": 1})
    host.run(past)
    deleted = host.submit("deleted", SILENCE)
    host.run(deleted)
    host.call("DELETE", f"/sessions/{host.names['deleted']['sessionId']}")
    _give_up_webhook(host)
    host.wait_until(host.now.replace(hour=8) + A_DAY)


def make_tasks(host: OldHost) -> None:
    """Make all others."""
    _index(host)
    _rebuild(host)
    _webhooks(host)
    _uploads_and_keys(host)
    _removals(host)
    _schedules(host)
    _clean_ups(host)
    keep_unreadable(host.services, "trackings", b"{", "a-message", host.clock())


def _give_up_webhook(host: OldHost) -> None:
    """The server answers 500 for a day."""
    job_id = _with_webhook(host, "webhook given up")
    host.server.status = 500
    while host.queues.sent and (sent := host.find_task("deliver_webhook", job_id=job_id)):
        host.deliver(sent)
        if host.services.storage.tasks.get(sent.message.task_id).value.state is TaskState.FAILED:
            break
    host.server.status = 204


def _with_webhook(host: OldHost, name: str) -> str:
    job_id = host.submit(name, SILENCE, callbackUrl=f"http://{host.server.netloc}/{name.replace(' ', '-')}")
    host.run(job_id)
    return job_id


def _webhooks(host: OldHost) -> None:
    host.server.status = 503
    waiting = _with_webhook(host, "webhook waiting")
    host.deliver(host.find_task("deliver_webhook", job_id=waiting))
    host.server.status = 204
    crashed = _with_webhook(host, "webhook crashed")
    with host.tasks.fails("delete", die), host.tasks.fails("update", _die_when(TaskState.DONE)):
        _require_crash(host.deliver(host.find_task("deliver_webhook", job_id=crashed), lose=True))
    for job_id in (waiting, crashed):
        _forget_index_task(host, job_id)


def _index(host: OldHost) -> None:
    """One task waits since the job's transcript was written."""
    crashed = host.find_task("index_transcript", job_id=host.names["tracking"]["jobId"])
    with host.search.fails("put", die):
        _require_crash(host.deliver(crashed, lose=True))
    _give_up(host, "index_transcript", "put", host.search, job_id=host.names["rendering"]["jobId"])


def _rebuild(host: OldHost) -> None:
    """Each is about a job whose sidecar is missing."""
    for state in STATES:
        name = f"sidecar {state}"
        job_id = host.submit(name, SILENCE)
        host.run(job_id)
        _forget_index_task(host, job_id)
        session_id = host.names[name]["sessionId"]
        host.call("POST", f"/sessions/{session_id}/sidecar")
        host.services.storage.blobs.delete(RESULTS, f"{ORG}/{session_id}/{job_id}/sidecar.json")
        if state == "crashed":
            with host.blobs.fails("write", die):
                _require_crash(host.deliver(host.find_task("rebuild_sidecar", job_id=job_id)))
        elif state == "given up":
            _give_up(host, "rebuild_sidecar", "write", host.blobs, job_id=job_id)


def _removals(host: OldHost) -> None:
    """Each session was deleted while a worker had a step of its job; that worker crashed."""
    for state in STATES:
        name = f"removal {state}"
        job_id = host.submit(name, SILENCE)
        session_id = host.names[name]["sessionId"]
        _require_crash(host.deliver(host.find(job_id, *DOWNLOAD), _delete_and_die(host, session_id), lose=True))
        sent = host.find_task("remove_session", session_id=session_id)
        if state == "waiting":
            host.deliver(sent)
            continue
        host.wait_until(host.now + timedelta(seconds=host.settings.stale_after_sec))
        if state == "crashed":
            with host.blobs.fails("delete", die):
                _require_crash(host.deliver(sent, lose=True))
        else:
            _give_up(host, "remove_session", "listing", host.blobs, session_id=session_id)


def _schedules(host: OldHost) -> None:
    """All but the last came due, and the tick made a task of each but the one before the last."""
    job, tick = {"sourceUrl": f"http://{host.server.netloc}/{SILENCE}"}, host.now.replace(minute=18) + AN_HOUR
    for state in STATES:
        _schedule(host, f"schedule {state}", f"5 {tick.hour} * * *", {**job, "sessionName": f"Scheduled, {state}"})
    _schedule(host, "schedule due", f"19 {tick.hour} * * *", {**job, "sessionName": "Scheduled, due"})
    session_id = host.names["done"]["sessionId"]
    _schedule(host, "schedule of tomorrow", f"0 {tick.hour - 2} * * *", {"sessionId": session_id})
    schedule_clean_up(host.services)
    host.wait_until(tick)
    sweep_tasks(host.services)
    crashed, given_up = (host.names[f"schedule {state}"]["scheduleId"] for state in STATES[1:])
    with host.queues.fails("send", die):
        _require_crash(host.deliver(host.find_task("submit_scheduled", schedule_id=crashed), lose=True))
    _give_up(host, "submit_scheduled", "create", host.sessions, schedule_id=given_up)


def _schedule(host: OldHost, name: str, cron: str, job: dict[str, Any]) -> None:
    host.named(name, host.call("POST", "/schedules", json={"cron": cron, "job": job}))


def _clean_ups(host: OldHost) -> None:
    """The schedule's run waits; of two others the worker crashed once, and until the task was given up."""
    for name in ("clean-up crashed", "clean-up given up"):
        task = clean_up.using(host.services).delay()
        host.named(name, {"taskId": task.task_id})
        sent = next(each for each in host.queues.sent if getattr(each.message, "task_id", None) == task.task_id)
        for _ in range(1 if name.endswith("crashed") else clean_up.max_attempts):
            with host.sessions.fails("all", die):
                _require_crash(host.deliver(sent))
        if name.endswith("given up"):
            assert host.deliver(sent)


def _uploads_and_keys(host: OldHost) -> None:
    host.upload("arrived", SILENCE)
    host.announce("announced", SILENCE)
    session_id = host.names["done"]["sessionId"]
    answered = host.call("POST", f"/sessions/{session_id}/process", headers={"Idempotency-Key": "answered"})
    host.named("key answered", answered)
    with host.idempotency.fails("update", _fail):
        cut_off = host.call("POST", f"/sessions/{session_id}/process", headers={"Idempotency-Key": "cut-off"})
    host.named("key cut off", cut_off)


def _give_up(host: OldHost, name: str, method: str, port: Any, **about: str) -> None:
    """Fail at every attempt, until the task is a dead letter."""
    with port.fails(method, _fail):
        while True:
            try:
                sent = host.find_task(name, **about)
            except LookupError:
                return
            host.deliver(sent)


def _forget_index_task(host: OldHost, job_id: str) -> None:
    host.deliver(host.find_task("index_transcript", job_id=job_id))


def _delete_and_die(host: OldHost, session_id: str) -> Callable[..., None]:
    def delete(*_: object) -> None:
        host.call("DELETE", f"/sessions/{session_id}")
        raise Killed

    return delete


def _die_when(state: TaskState) -> Callable[..., None]:
    def check(stored: object, task: Any) -> None:
        if task.state is state:
            raise Killed

    return check


def _fail(*_: object, **__: object) -> None:
    raise StorageUnavailable("The storage did not answer.")


def _require_crash(came_to_its_end: bool) -> None:
    assert not came_to_its_end, "the worker was to crash"
