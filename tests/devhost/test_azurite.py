"""The emulator is the real one, on its own ports, and keeps what it acknowledged when it is stopped."""

import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient

from devhost.azurite import HOME, install_azurite, start_azurite

REPO = Path(__file__).resolve().parents[2]


def test_the_fixture_answers_for_blobs_queues_and_tables(azurite: str) -> None:
    with BlobServiceClient.from_connection_string(azurite) as blobs:
        blobs.create_container("probe").upload_blob("a", b"1")
    with QueueClient.from_connection_string(azurite, "probe") as queue:
        queue.create_queue()
        queue.send_message("hello")
        assert queue.receive_message().content == "hello"
    with TableServiceClient.from_connection_string(azurite) as tables:
        table = tables.create_table("probe")
        table.create_entity({"PartitionKey": "a", "RowKey": "b"})
        assert len(list(table.list_entities())) == 1


def test_a_stop_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    command = install_azurite(print)
    first = start_azurite(command, tmp_path)
    with QueueClient.from_connection_string(first.connection_string, "kept") as queue:
        queue.create_queue()
        queue.send_message("still here")
    with TableServiceClient.from_connection_string(first.connection_string) as tables:
        tables.create_table("kept").create_entity({"PartitionKey": "a", "RowKey": "b"})
    with BlobServiceClient.from_connection_string(first.connection_string) as blobs:
        blobs.create_container("kept").upload_blob("a", b"still here")
    first.stop()
    second = start_azurite(command, tmp_path)
    try:
        with QueueClient.from_connection_string(second.connection_string, "kept") as queue:
            assert queue.receive_message().content == "still here"
        with TableServiceClient.from_connection_string(second.connection_string) as tables:
            assert len(list(tables.get_table_client("kept").list_entities())) == 1
        with BlobServiceClient.from_connection_string(second.connection_string) as blobs:
            assert blobs.get_blob_client("kept", "a").download_blob().readall() == b"still here"
    finally:
        second.stop()


def test_it_stops_when_its_starter_is_killed(tmp_path: Path) -> None:
    starter = textwrap.dedent(
        f"""
        import pathlib, time
        from devhost.azurite import install_azurite, start_azurite
        azurite = start_azurite(install_azurite(lambda text: None), pathlib.Path({str(tmp_path)!r}))
        print(azurite.process.pid, flush=True)
        time.sleep(300)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", starter], cwd=REPO, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        emulator = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        gone, alive = psutil.wait_procs([emulator], timeout=180)
    assert (len(gone), alive) == (1, [])


def test_a_second_install_does_nothing() -> None:
    said: list[str] = []
    install_azurite(said.append)
    said.clear()
    install_azurite(said.append)
    assert said == []
    assert list(HOME.glob("azurite-*"))
