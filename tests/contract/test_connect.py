"""Reaching an account: connection strings, an account that does not answer, and one that does not know us."""

import socket
from collections.abc import Callable

import pytest

from shared.domain.errors import StorageUnavailable
from shared.domain.message import StageMessage
from shared.domain.session import Session
from shared.domain.step_run import StepRun
from shared.storage.connect import connect, parse_connection_string
from shared.storage.ports import WORK, Storage

UNREACHABLE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=a2V5;"
    "BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;QueueEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def use_everything(
    storage: Storage, part: StepRun, session: Session, message: StageMessage
) -> dict[str, Callable[[], object]]:
    return {
        "row": lambda: storage.step_runs.create(part),
        "list of rows": lambda: storage.sessions.page(session.org_id, limit=3),
        "blob": lambda: storage.blobs.facts(WORK, "a"),
        "blob's write": lambda: storage.blobs.write(WORK, "a", b"x", "text/plain"),
        "blob's range": lambda: storage.blobs.read_range(WORK, "a", 0, 1),
        "list of blobs": lambda: list(storage.blobs.listing(WORK, "a")),
        "message": lambda: storage.queues.send(message),
        "queue": lambda: storage.queues.facts(message.queue),
    }


def test_an_account_that_does_not_answer_is_unavailable(
    closed_port: int,
    make_part: Callable[..., StepRun],
    make_session: Callable[..., Session],
    make_message: Callable[..., StageMessage],
) -> None:
    storage = connect(UNREACHABLE.format(port=closed_port), retries=0)
    for use in use_everything(storage, make_part(), make_session(), make_message()).values():
        with pytest.raises(StorageUnavailable, match="did not answer"):
            use()
    storage.close()


def test_a_wrong_key_is_told_apart(
    azurite: str,
    make_part: Callable[..., StepRun],
    make_session: Callable[..., Session],
    make_message: Callable[..., StageMessage],
) -> None:
    key = parse_connection_string(azurite)["accountkey"]
    storage = connect(azurite.replace(key, "d3Jvbmc="))
    for use in use_everything(storage, make_part(), make_session(), make_message()).values():
        with pytest.raises(StorageUnavailable, match="refused"):
            use()
    storage.close()


@pytest.mark.parametrize("text", ["UseDevelopmentStorage=true", "usedevelopmentstorage=True;"])
def test_the_emulator_has_a_short_name(text: str) -> None:
    settings = parse_connection_string(text)
    assert settings["accountname"] == "devstoreaccount1"
    assert settings["tableendpoint"] == "http://127.0.0.1:10002/devstoreaccount1"
    connect(text).close()


@pytest.mark.parametrize("text", ["", "AccountName=a", "BlobEndpoint=https://a.blob.core.windows.net;AccountKey="])
def test_a_connection_string_without_a_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="AccountKey"):
        connect(text)


def test_an_account_in_the_cloud_is_reached_at_its_own_address() -> None:
    storage = connect("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net")
    storage.close()
    assert storage.session.trust_env
