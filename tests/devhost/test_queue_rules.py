"""The rules of queue triggers, each on a real host process, real worker processes and a real Azurite."""

import base64
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.devhost.conftest import RunningHost, TestQueue, eventually, queues, running_host

WORK = """
@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None:
    order = msg.get_json()
    note(id=order["id"], count=msg.dequeue_count, message=msg.id, next=str(msg.time_next_visible),
         inserted=str(msg.insertion_time), expires=str(msg.expiration_time), receipt=msg.pop_receipt,
         omp=os.environ["OMP_NUM_THREADS"], hint=os.environ.get("ROSTRUM_QUEUE_HINT"))
    if order.get("print"):
        print(order["print"])
    if "wait" in order:
        wait_for(order["wait"])
    if order.get("fail", 0) >= msg.dequeue_count:
        raise ValueError("told to fail")

@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%-poison", connection="AzureWebJobsStorage")
def bury(msg: func.QueueMessage) -> None:
    note(buried=msg.get_body().decode(), count=msg.dequeue_count)
    if b"hard" in msg.get_body():
        raise ValueError("told to fail")
"""
RULES = queues(visibilityTimeout="00:00:01", maxDequeueCount=2)


@pytest.fixture(scope="module")
def shared_queue(azurite: str) -> Iterator[TestQueue]:
    made = TestQueue(azurite, "rules")
    yield made.create()
    made.close()


@pytest.fixture(scope="module")
def host(azurite: str, shared_queue: TestQueue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    settings = {"AzureWebJobsStorage": azurite, "QUEUE": shared_queue.name}
    with running_host(tmp_path_factory.mktemp("rules"), WORK, host_json=RULES, **settings) as running:
        yield running


def test_a_success_deletes_the_message_and_code_sees_what_it_sees_in_azure(
    host: RunningHost, shared_queue: TestQueue
) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#message-metadata"""
    shared_queue.send(id="plain")
    [seen] = host.await_notes(1, id="plain")
    assert (seen["count"], len(seen["message"]), bool(seen["receipt"])) == (1, 36, True)
    inserted, expires = (datetime.fromisoformat(seen[name]) for name in ("inserted", "expires"))
    assert (expires - inserted).days == 7
    eventually(lambda: shared_queue.count() == 0, "the deletion")


def test_a_message_is_received_with_ten_minutes_of_invisibility(host: RunningHost, shared_queue: TestQueue) -> None:
    """https://github.com/Azure/azure-webjobs-sdk/blob/14b6a9362a20d2aa091bc993f7666c360742b9d7/src/Microsoft.Azure.WebJobs.Extensions.Storage/Queues/Listeners/QueueListener.cs"""
    shared_queue.send(id="hidden", wait="hidden.gate")
    [seen] = host.await_notes(1, id="hidden")
    hidden_for = datetime.fromisoformat(seen["next"]) - datetime.fromtimestamp(seen["at"], UTC)
    assert 300 < hidden_for.total_seconds() <= 601  # less by what a busy machine takes to call the function
    assert shared_queue.client.peek_messages() == []
    host.open_gate("hidden.gate")
    eventually(lambda: shared_queue.count() == 0, "the deletion")


def test_a_failure_is_tried_again_after_the_visibility_timeout(host: RunningHost, shared_queue: TestQueue) -> None:
    """`visibilityTimeout`: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#host-json"""
    shared_queue.send(id="once", fail=1)
    first, second = host.await_notes(2, id="once")
    assert (first["count"], second["count"]) == (1, 2)
    assert second["at"] - first["at"] >= 0.9
    eventually(lambda: shared_queue.count() == 0, "the deletion")


def test_the_last_failure_copies_the_message_to_the_poison_queue(host: RunningHost, shared_queue: TestQueue) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages"""
    shared_queue.send(id="doomed", fail=9)
    [buried] = eventually(lambda: [n for n in host.notes() if "doomed" in n.get("buried", "")], "the burial")
    assert len(host.notes(id="doomed")) == 2
    assert buried["count"] == 1
    eventually(lambda: shared_queue.count() == 0, "the deletion")


def test_a_failure_in_a_poison_queue_stays_hidden(host: RunningHost, shared_queue: TestQueue) -> None:
    """A poison queue has none of its own, so the message is not released, "to prevent a fast infinite loop".

    https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Queues/src/QueueProcessor.cs
    """
    shared_queue.send(id="hard", fail=9)
    eventually(lambda: [n for n in host.notes() if "hard" in n.get("buried", "")], "the burial")
    eventually(lambda: "function=bury" in host.log and "invocation failed" in host.log, "the failure")
    assert shared_queue.poison.peek_messages() == []
    assert shared_queue.poison.get_queue_properties().approximate_message_count == 1


def test_a_message_that_is_not_base64_goes_to_the_poison_queue_uncalled(
    azurite: str, tmp_path: Path, queue: TestQueue
) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#host-json: messageEncoding

    https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Queues/src/QueueServiceClientProvider.cs
    """
    code = WORK.partition('@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%-poison"')[0]
    queue.client.send_message("{not base64}")
    with running_host(tmp_path, code, host_json=RULES, AzureWebJobsStorage=azurite, QUEUE=queue.name) as host:
        eventually(lambda: queue.count() == 0, "the deletion")
        assert queue.poison.receive_message().content == "{not base64}"
        assert host.notes() == []


def test_a_killed_worker_fails_its_message_at_once_and_is_replaced(host: RunningHost, shared_queue: TestQueue) -> None:
    """The host restarts a worker process that exits, and its invocations fail.

    https://learn.microsoft.com/azure/azure-functions/functions-reliable-event-processing: the message becomes visible
    again as after any failure; nothing waits for the ten minutes of invisibility.
    """
    shared_queue.send(id="killed", wait="killed.gate")
    [first] = host.await_notes(1, id="killed")
    os.kill(first["pid"], signal.SIGKILL)
    host.open_gate("killed.gate")
    second = host.await_notes(2, id="killed")[1]
    assert (second["count"], second["pid"] != first["pid"]) == (2, True)
    eventually(lambda: shared_queue.count() == 0, "the deletion")


def test_what_a_function_prints_is_in_the_log(host: RunningHost, shared_queue: TestQueue) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-reference-python#logging"""
    shared_queue.send(id="chatty", print="a line on standard output")
    eventually(lambda: "a line on standard output worker=" in host.log, "the line")


def test_workers_get_one_share_of_the_threads_and_the_hint_address(host: RunningHost, shared_queue: TestQueue) -> None:
    shared_queue.send(id="env")
    [seen] = host.await_notes(1, id="env")
    assert seen["omp"] == str(max(1, (os.cpu_count() or 1) // 2))
    assert seen["hint"].startswith("127.0.0.1:")


def test_a_missing_queue_is_polled_quietly_and_never_created(azurite: str, tmp_path: Path) -> None:
    """The listener backs off on "queue not found"; only output bindings and poison copies create queues.

    https://github.com/Azure/azure-webjobs-sdk/blob/14b6a9362a20d2aa091bc993f7666c360742b9d7/src/Microsoft.Azure.WebJobs.Extensions.Storage/Queues/Listeners/QueueListener.cs
    """
    missing = TestQueue(azurite, "not-there-yet")
    settings = {"AzureWebJobsStorage": azurite, "QUEUE": missing.name, "OMP_NUM_THREADS": "7"}
    with running_host(tmp_path, WORK, "--no-hint", host_json=RULES, **settings) as host:
        eventually(lambda: "the host is up" in host.log, "the start")
        missing.create()  # would raise if the host had made it
        missing.send(id="late")
        [seen] = host.await_notes(1, id="late")
        assert (seen["hint"], seen["omp"]) == (None, "7")
        assert "WARNING devhost" not in host.log
    missing.close()


def test_a_function_that_passes_function_timeout_is_killed_and_fails(
    azurite: str, tmp_path: Path, queue: TestQueue
) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-host-json#functiontimeout"""
    rules = {**queues(maxDequeueCount=1), "functionTimeout": "00:00:01"}
    queue.send(id="slow", wait="never")
    with running_host(tmp_path, WORK, host_json=rules, AzureWebJobsStorage=azurite, QUEUE=queue.name) as host:
        [slow] = host.await_notes(1, id="slow")
        eventually(lambda: [n for n in host.notes() if "slow" in n.get("buried", "")], "the burial")
        with pytest.raises(ProcessLookupError):
            os.kill(slow["pid"], 0)
        queue.send(id="next")
        assert host.await_notes(1, id="next")[0]["pid"] != slow["pid"]


def test_a_new_batch_is_fetched_when_the_threshold_is_reached(azurite: str, tmp_path: Path, queue: TestQueue) -> None:
    """At most batchSize + newBatchThreshold at once, fetched by batches.

    https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#concurrency
    """
    for number in range(7):
        queue.send(id=f"m{number}", wait=f"gate{number}")
    rules = queues(batchSize=3, newBatchThreshold=1)
    settings = {"AzureWebJobsStorage": azurite, "QUEUE": queue.name}
    with running_host(tmp_path, WORK, "--workers", "4", host_json=rules, **settings) as host:
        assert {note["id"] for note in host.await_notes(3)} == {"m0", "m1", "m2"}
        host.open_gate("gate0")
        eventually(lambda: queue.count() == 6, "the first end")
        assert len(host.notes()) == 3  # two run: above the threshold
        host.open_gate("gate1")
        assert {note["id"] for note in host.await_notes(6)[3:]} == {"m3", "m4", "m5"}
        for number in range(7):
            host.open_gate(f"gate{number}")
        eventually(lambda: queue.count() == 0, "the end")


def test_a_disabled_function_does_not_run(azurite: str, tmp_path: Path, queue: TestQueue) -> None:
    """https://learn.microsoft.com/azure/azure-functions/disable-function: AzureWebJobs.<name>.Disabled"""
    queue.send(id="ignored", fail=9)
    settings = {"AzureWebJobsStorage": azurite, "QUEUE": queue.name, "AzureWebJobs.work.Disabled": "true"}
    with running_host(tmp_path, WORK, host_json=RULES, **settings):
        TestQueue(azurite, f"{queue.name}-poison").create().send(note="seen by the other function")
        host_notes = RunningHost(tmp_path, None)  # type: ignore[arg-type]
        eventually(lambda: [n for n in host_notes.notes() if "buried" in n], "the other function's run")
        assert base64.b64decode(queue.client.peek_messages()[0].content).startswith(b'{"id": "ignored"')
