"""Workers that stand still for longer than anybody waits (SIGSTOP), and go on when others have done their work."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.domain.stage import Stage, StageState
from shared.domain.step_run import StepRun
from shared.storage.connect import AzureStorage, connect
from tests.e2e.conftest import HTTP, MAX_TRIES, RunningStack, SlowServer, eventually, running_stack
from tests.e2e.test_stop_and_go import traces

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="the system has no SIGSTOP")]

STALE_AFTER_SEC = 4
STAGES = [Stage.DOWNLOAD, Stage.TRANSCRIPTION]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that soon takes a silent step for dead; a busy machine may do so, too, so attempts are many."""
    settings = {"ROSTRUM_STALE_AFTER_SEC": str(STALE_AFTER_SEC), "ROSTRUM_MAX_ATTEMPTS": "50"}
    with running_stack(tmp_path_factory.mktemp("stack"), **settings) as running:
        yield running


@pytest.fixture(scope="module")
def storage(stack: RunningStack) -> Iterator[AzureStorage]:
    made = connect(stack.connection)
    yield made
    made.close()


def running(storage: AzureStorage, job_id: str) -> dict[tuple[str, str, int], StepRun]:
    rows = [row.value for row in storage.step_runs.of_job(job_id)]
    return {(row.stage, row.step, row.number): row for row in rows if row.state is StageState.RUNNING}


def lost_a_step(storage: AzureStorage, job_id: str) -> bool:
    """Return whether the worker that has just been stopped was at work: another worker takes over a step that ran.

    Not so if each step's heartbeat is renewed, or the step ends. Other columns change as well: the sweep notes that it
    sent a message before another worker claims the step.
    """
    before = running(storage, job_id)

    def verdict() -> str:
        now = running(storage, job_id)
        if any(key in now and now[key].attempts > row.attempts for key, row in before.items()):
            return "taken over"
        silent = (key in now and now[key].heartbeat_at == row.heartbeat_at for key, row in before.items())
        return "" if any(silent) else "alive"

    return bool(eventually(verdict, "a heartbeat, or another worker", pause_sec=0.1) == "taken over")


@contextmanager
def standing_still(
    stack: RunningStack, storage: AzureStorage, server: SlowServer, stage: Stage
) -> Iterator[dict[str, Any]]:
    """Has a worker stand still for the block that was at work on the job, which others have taken over by then.

    A job that was over before is followed by another.
    """
    for _ in range(MAX_TRIES):
        job = stack.begin(server, stage)
        for worker in stack.stage_workers() * 3:
            worker.suspend()
            try:
                if lost_a_step(storage, job["jobId"]):
                    yield job
                    return
            finally:
                worker.resume()
    raise AssertionError("no worker is at work on the job")


def blobs_of(stack: RunningStack, job: dict[str, Any]) -> dict[str, tuple[int, str | None]]:
    """Every blob of the session, committed or not, with its size and hash."""
    with BlobServiceClient.from_connection_string(stack.connection) as service:
        return {
            f"{container.name}/{blob.name}": (blob.size, (blob.metadata or {}).get("sha256"))
            for container in service.list_containers()
            for blob in service.get_container_client(container.name).list_blobs(
                include=["uncommittedblobs", "metadata"]
            )
            if job["sessionId"] in blob.name
        }


def await_empty_queues(stack: RunningStack) -> None:
    """The message of the worker that stood still is deleted when it has come to its end; it is hidden until then."""
    with QueueServiceClient.from_connection_string(stack.connection) as service:
        queues = [service.get_queue_client(queue.name) for queue in service.list_queues()]
        eventually(
            lambda: all(not queue.get_queue_properties().approximate_message_count for queue in queues),
            "the end of every message",
            pause_sec=0.2,
        )


@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_that_stands_still_loses_its_step_and_leaves_nothing(
    stack: RunningStack, storage: AzureStorage, slow_server: SlowServer, stage: Stage
) -> None:
    with standing_still(stack, storage, slow_server, stage) as job:
        slow_server.gate.set()
        done = stack.ended(job["jobId"])
        assert done["status"] == "DONE", done
        assert "worker_died" in {failure["code"] for failure in done["failures"]}
        made = blobs_of(stack, job)
    await_empty_queues(stack)

    assert blobs_of(stack, job) == made
    assert stack.job(job["jobId"]) == done
    statuses = [event.status for event in storage.jobs.events(job["orgId"], job["jobId"])]
    assert statuses.count(statuses[-1]) == 1
    assert {row.value.state for row in storage.step_runs.of_job(job["jobId"])} == {StageState.DONE}


@pytest.mark.parametrize("stage", STAGES)
def test_a_session_that_is_deleted_while_its_workers_stand_still_is_gone_and_stays_so(
    stack: RunningStack, storage: AzureStorage, slow_server: SlowServer, stage: Stage
) -> None:
    job = stack.begin(slow_server, stage)
    workers = stack.stage_workers()
    for worker in workers:
        worker.suspend()
    try:
        assert HTTP.delete(f"{stack.url}/sessions/{job['sessionId']}").status_code == 204
        eventually(lambda: not rows_of(stack, job), "the removal", pause_sec=0.2)
    finally:
        for worker in workers:
            worker.resume()
    slow_server.gate.set()
    await_empty_queues(stack)
    assert traces(stack, job) == []


def rows_of(stack: RunningStack, job: dict[str, Any]) -> list[str]:
    """What is left but for the messages that the workers hold."""
    return [trace for trace in traces(stack, job) if not trace.startswith("message")]
