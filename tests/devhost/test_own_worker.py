"""A function with a worker process of its own does not wait behind other functions."""

import os
import signal
from pathlib import Path

from devhost.settings import read_settings
from tests.devhost.conftest import REPO, TestQueue, eventually, queues, running_host

TWO = """
@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None:
    note(id=msg.get_json()["id"], nice=os.nice(0))
    wait_for(msg.get_json()["id"])

@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%-2", connection="AzureWebJobsStorage")
def quick(msg: func.QueueMessage) -> None:
    note(id=msg.get_json()["id"], nice=os.nice(0))
"""
RULES = queues(visibilityTimeout="00:00:01")


def test_a_function_with_its_own_worker_does_not_wait_for_the_others(
    azurite: str, tmp_path: Path, queue: TestQueue
) -> None:
    """The only shared worker is taken until the gate opens, and it is not the one that runs the quick function."""
    second = TestQueue(azurite, f"{queue.name}-2").create()
    settings = {"AzureWebJobsStorage": azurite, "QUEUE": queue.name, "DevHost.quick.OwnWorker": "true"}
    queue.send(id="long")
    with running_host(tmp_path, TWO, "--workers", "1", host_json=RULES, **settings) as host:
        [long] = host.await_notes(1, id="long")
        second.send(id="first")
        [first] = host.await_notes(1, id="first")
        os.kill(first["pid"], signal.SIGKILL)
        second.send(id="again")
        [again] = host.await_notes(1, id="again")
        assert len({long["pid"], first["pid"], again["pid"]}) == 3
        assert long["nice"] - again["nice"] == 5
        host.open_gate("long")
        eventually(lambda: queue.count() == 0, "the deletion")
    second.close()


def test_the_example_of_settings_gives_background_jobs_their_own_worker(tmp_path: Path) -> None:
    """A webhook or a search index does not wait until the recogniser has a core to spare."""
    (tmp_path / "local.settings.json.example").write_bytes((REPO / "local.settings.json.example").read_bytes())
    assert read_settings(tmp_path, {})["DevHost.tasks.OwnWorker"] == "true"
