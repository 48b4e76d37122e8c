"""Starting and stopping: no process is left behind, whichever process ends first and however."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.devhost.conftest import PATIENCE_SEC, REPO, RunningHost, TestQueue, eventually, queues, running_host

WORK = """
@app.queue_trigger(arg_name="msg", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> None:
    note(id=msg.get_json()["id"], count=msg.dequeue_count)
    wait_for(msg.get_json()["id"])
    note(ended=True)
"""
RULES = queues(visibilityTimeout="00:05:00", maxDequeueCount=1)


def _family(host: RunningHost) -> list[psutil.Process]:
    parent = psutil.Process(host.process.pid)
    return [parent, *parent.children(recursive=True)]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_stop_ends_every_process_and_gives_running_messages_back(
    how: signal.Signals, azurite: str, tmp_path: Path, queue: TestQueue
) -> None:
    settings = {"AzureWebJobsStorage": azurite, "QUEUE": queue.name}
    queue.send(id="endless")
    with running_host(tmp_path, WORK, "--grace", "0.2", host_json=RULES, **settings) as host:
        host.await_notes(1)
        family = _family(host)
        assert host.stop(how) == 0
        assert psutil.wait_procs(family, timeout=PATIENCE_SEC)[1] == []
        assert not (tmp_path / "data" / "devhost.json").exists()
    assert len(queue.client.peek_messages()) == 1  # visible at once, and no failure: not in the poison queue


def test_a_stop_lets_a_function_end_within_the_grace(azurite: str, tmp_path: Path, queue: TestQueue) -> None:
    settings = {"AzureWebJobsStorage": azurite, "QUEUE": queue.name}
    queue.send(id="soon")
    with running_host(tmp_path, WORK, "--grace", "180", host_json=RULES, **settings) as host:
        host.await_notes(1)
        host.process.terminate()
        host.open_gate("soon")
        assert host.process.wait(PATIENCE_SEC) == 0
        assert len(host.notes(ended=True)) == 1
    assert queue.count() == 0


def test_workers_end_when_the_supervisor_is_killed(azurite: str, tmp_path: Path, queue: TestQueue) -> None:
    settings = {"AzureWebJobsStorage": azurite, "QUEUE": queue.name}
    queue.send(id="endless")
    with running_host(tmp_path, WORK, host_json=RULES, **settings) as host:
        host.await_notes(1)
        family = _family(host)
        host.process.kill()
        assert psutil.wait_procs(family, timeout=PATIENCE_SEC)[1] == []


def test_the_host_stops_when_its_standard_input_ends(azurite: str, tmp_path: Path) -> None:
    _write_app(tmp_path, "app = func.FunctionApp()")
    process = _start(tmp_path, "--stop-with-stdin", AzureWebJobsStorage=azurite)
    eventually(lambda: (tmp_path / "data" / "devhost.json").exists(), "the start")
    output, _ = process.communicate()  # closes its standard input
    assert (process.returncode, b"the host is up" in output, b"Fatal" in output) == (0, True, False)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise RuntimeError('broken on purpose')", "broken on purpose"),
        ("one = func.FunctionApp(); two = func.FunctionApp()", "exactly one module-level FunctionApp"),
        (
            "app = func.FunctionApp()\n"
            "@app.blob_trigger(arg_name='b', path='c/{n}', connection='S')\n"
            "def f(b: func.InputStream): ...",
            "does not run blobTrigger",
        ),
        (
            "app = func.FunctionApp()\n"
            "@app.queue_trigger(arg_name='m', queue_name='%NOWHERE%', connection='AzureWebJobsStorage')\n"
            "def f(m: func.QueueMessage): ...",
            "setting 'NOWHERE', which is not set",
        ),
    ],
    ids=["broken", "two apps", "unknown trigger", "missing setting"],
)
def test_an_app_that_cannot_run_is_explained(code: str, message: str, azurite: str, tmp_path: Path) -> None:
    """%NAME%: https://learn.microsoft.com/azure/azure-functions/functions-bindings-expressions-patterns#app-settings"""
    _write_app(tmp_path, code)
    process = _start(tmp_path, AzureWebJobsStorage=azurite)
    output, _ = process.communicate(timeout=PATIENCE_SEC)
    assert (process.returncode, message in output.decode(), b"Fatal" in output) == (1, True, False), output.decode()


def test_a_second_host_on_the_same_data_and_one_on_a_taken_port_are_refused(azurite: str, tmp_path: Path) -> None:
    """Timers are singletons: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#sharing-storage"""
    with running_host(tmp_path, WORK, host_json=RULES, AzureWebJobsStorage=azurite, QUEUE="unused") as host:
        process = _start(tmp_path, AzureWebJobsStorage=azurite)
        assert b"Another host runs on" in process.communicate(timeout=PATIENCE_SEC)[0]
        port = str(host.state["port"])
        process = _start(tmp_path, "--port", port, "--data", str(tmp_path / "other"), AzureWebJobsStorage=azurite)
        assert f"Port {port} on 127.0.0.1 cannot be used".encode() in process.communicate(timeout=PATIENCE_SEC)[0]


def _write_app(directory: Path, code: str) -> None:
    (directory / "function_app.py").write_text(f"import azure.functions as func\n{code}\n")


def _start(directory: Path, *flags: str, **environ: str) -> "subprocess.Popen[bytes]":
    options = ["--app", str(directory), "--data", str(directory / "data"), "--port", "0", "--log-level", "Information"]
    return subprocess.Popen(
        [sys.executable, "-m", "devhost", *options, *flags],
        cwd=REPO,
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
