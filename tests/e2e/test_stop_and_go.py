"""Cancel, retry and delete while real workers are at work on each stage: nothing is left behind, nothing is lost."""

from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.domain.stage import Stage
from tests.e2e.conftest import HTTP, MAX_TRIES, RunningStack, SlowServer, eventually

pytestmark = pytest.mark.e2e


def traces(stack: RunningStack, job: dict[str, Any]) -> list[str]:
    """Everything in storage that names the job or its session: rows, blobs and messages; but for the record of the
    removal, which is to stay."""
    ids, found = (job["jobId"], job["sessionId"]), []
    with TableServiceClient.from_connection_string(stack.connection) as tables:
        for table in tables.list_tables():
            for row in tables.get_table_client(table.name).list_entities() if table.name != "removals" else ():
                if any(each in str(dict(row)) for each in ids):
                    found.append(f"row {table.name}/{row['PartitionKey']}/{row['RowKey']}")
    with BlobServiceClient.from_connection_string(stack.connection) as blobs:
        for container in blobs.list_containers():
            client = blobs.get_container_client(container.name)
            for blob in client.list_blobs(include=["uncommittedblobs"]):
                if any(each in blob.name for each in ids):
                    found.append(f"blob {container.name}/{blob.name}")
    with QueueServiceClient.from_connection_string(stack.connection) as queues:
        for queue in queues.list_queues():
            for message in queues.get_queue_client(queue.name).peek_messages(max_messages=32):
                if any(each in str(message.content) for each in ids):
                    found.append(f"message in {queue.name}")
    return found


def canceled_at_work(stack: RunningStack, server: SlowServer, stage: Stage) -> dict[str, Any]:
    """Return a job that was canceled while it was at the stage; one whose last stage was over before ends in DONE."""
    for _ in range(MAX_TRIES):
        server.gate.clear()
        job = stack.begin(server, stage)
        asked = HTTP.delete(f"{stack.url}/jobs/{job['jobId']}")
        if asked.status_code == 202:
            assert asked.json()["cancelRequested"] is True
        else:
            assert asked.json()["code"] == "conflict", asked.text
        ended = stack.ended(job["jobId"])
        if ended["status"] == "CANCELED":
            return ended
        assert ended["status"] == "DONE", ended
    raise AssertionError(f"no job was canceled in the {stage} stage")


@pytest.mark.parametrize("stage", list(Stage))
def test_a_stage_at_work_is_canceled_and_goes_on_when_the_job_is_tried_again(
    stack: RunningStack, slow_server: SlowServer, stage: Stage
) -> None:
    job = canceled_at_work(stack, slow_server, stage)
    url = f"{stack.url}/jobs/{job['jobId']}"
    assert HTTP.delete(url).json()["code"] == "conflict"
    sidecar = HTTP.get(f"{stack.url}/sessions/{job['sessionId']}/sidecar")
    assert sidecar.json()["code"] == "result_not_ready"

    slow_server.gate.set()
    again = HTTP.post(f"{url}/retry")
    assert (again.status_code, again.json()["attempt"]) == (202, 2)
    done = stack.ended(job["jobId"])
    assert done["status"] == "DONE", done
    assert done["cancelRequested"] is False


@pytest.mark.parametrize("stage", list(Stage))
def test_a_session_that_is_deleted_while_a_stage_is_at_work_leaves_nothing(
    stack: RunningStack, slow_server: SlowServer, stage: Stage
) -> None:
    job = stack.begin(slow_server, stage)
    deleted = HTTP.delete(f"{stack.url}/sessions/{job['sessionId']}")
    assert deleted.status_code == 204, deleted.text
    assert HTTP.get(f"{stack.url}/sessions/{job['sessionId']}").status_code == 404
    eventually(lambda: not traces(stack, job), f"the removal of {traces(stack, job)}", pause_sec=0.5)
    assert HTTP.get(f"{stack.url}/jobs/{job['jobId']}").status_code == 404


def test_a_session_whose_job_is_done_is_deleted_at_once(stack: RunningStack, slow_server: SlowServer) -> None:
    slow_server.gate.set()
    job = HTTP.post(f"{stack.url}/jobs", json={"sourceUrl": slow_server.url}).json()
    assert stack.ended(job["jobId"])["status"] == "DONE"
    heard = HTTP.get(f"{stack.url}/sessions/{job['sessionId']}/results/transcript", params={"format": "txt"}).text
    word = max(heard.split(), key=len).strip(".,?!")
    found = eventually(
        lambda: HTTP.get(f"{stack.url}/search", params={"q": word}).json()["items"], "the transcript in the index"
    )
    assert {item["sessionId"] for item in found} >= {job["sessionId"]}
    assert HTTP.delete(f"{stack.url}/sessions/{job['sessionId']}").status_code == 204
    assert traces(stack, job) == []
