"""Queues: what the host will find in them, and what we tell of them."""

import base64
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.queue import QueueClient, QueueMessage

from shared.domain.message import QUEUES, StageMessage
from shared.domain.stage import Stage
from shared.storage.connect import AzureStorage, connect
from shared.storage.memory import MemoryStorage
from shared.storage.ports import QueueFacts, Storage, poison_queue

MakeMessage = Callable[..., StageMessage]


def receive(azurite: str, queue: str) -> list[QueueMessage]:
    with QueueClient.from_connection_string(azurite, queue) as client:
        return list(client.receive_messages())


def test_queues_are_counted_apart(empty_queues: Storage, make_message: MakeMessage) -> None:
    queues = empty_queues.queues
    for number in range(3):
        queues.send(make_message(Stage.TRANSCRIPTION, number))
    queues.send(make_message(Stage.TRACKING))
    facts = queues.facts(QUEUES[Stage.TRANSCRIPTION])
    assert facts == QueueFacts("transcriptions", 3, 0, facts.oldest_sec)
    assert facts.oldest_sec is not None
    assert 0 <= facts.oldest_sec < 60
    assert queues.facts(QUEUES[Stage.TRACKING]).waiting == 1
    assert queues.facts(QUEUES[Stage.DOWNLOAD]) == QueueFacts("downloads", 0, 0, None)


def test_a_delayed_message_is_there_and_not_visible(empty_queues: Storage, make_message: MakeMessage) -> None:
    empty_queues.queues.send(make_message(), delay=timedelta(hours=1))
    assert empty_queues.queues.facts(QUEUES[Stage.TRACKING]) == QueueFacts("trackings", 1, 0, None)


@pytest.mark.parametrize("storage", ["azurite"], indirect=True)
def test_the_oldest_message_s_age(azurite: str, empty_queues: Storage, make_message: MakeMessage) -> None:
    empty_queues.queues.send(make_message())
    later = connect(azurite, clock=lambda: datetime.now(UTC) + timedelta(minutes=5))
    oldest_sec = later.queues.facts(QUEUES[Stage.TRACKING]).oldest_sec
    later.close()
    assert oldest_sec is not None
    assert 299 <= oldest_sec < 330


def test_the_twin_shows_delayed_messages_when_their_time_has_come(make_message: MakeMessage) -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    storage = MemoryStorage(clock=lambda: now)
    storage.queues.send(make_message(part=1), delay=timedelta(seconds=10))
    storage.queues.send(make_message(part=2))
    assert [message.part for message in storage.queues.waiting()] == [1, 2]
    assert storage.queues.pop() == make_message(part=2)
    assert storage.queues.pop() is None
    now += timedelta(seconds=10)
    assert storage.queues.facts(QUEUES[Stage.TRACKING]).oldest_sec == 10
    assert storage.queues.pop(QUEUES[Stage.DOWNLOAD]) is None
    assert storage.queues.pop(QUEUES[Stage.TRACKING]) == make_message(part=1)
    storage.queues.bury(make_message())
    assert storage.queues.facts(QUEUES[Stage.TRACKING]) == QueueFacts("trackings", 0, 1, None)


@pytest.mark.parametrize("stage", Stage)
def test_the_host_finds_readable_json_in_base64(
    azurite: str, azure: AzureStorage, make_message: MakeMessage, stage: Stage
) -> None:
    message = make_message(stage, 7)
    azure.queues.send(message)
    text = base64.b64decode(receive(azurite, QUEUES[stage])[-1].content, validate=True)
    assert json.loads(text)["sessionId"] == message.session_id
    assert StageMessage.from_bytes(text) == message


def test_a_lost_queue_is_made_again_with_its_poison_queue(
    azurite: str, azure: AzureStorage, make_message: MakeMessage
) -> None:
    azure.queues.send(make_message())
    names = (QUEUES[Stage.TRACKING], poison_queue(QUEUES[Stage.TRACKING]))
    clients = [QueueClient.from_connection_string(azurite, name) for name in names]
    for client in clients:
        client.delete_queue()
    assert azure.queues.facts(QUEUES[Stage.TRACKING]) == QueueFacts("trackings", 0, 0, None)
    azure.queues.send(make_message())
    clients[1].send_message("a dead letter")
    assert azure.queues.facts(QUEUES[Stage.TRACKING]).waiting == 1
    assert azure.queues.facts(QUEUES[Stage.TRACKING]).poison == 1
    for client in clients:
        client.clear_messages()
        client.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(5)
        yield listening


def test_a_visible_message_is_announced_to_the_local_host(
    azurite: str, listener: socket.socket, make_message: MakeMessage
) -> None:
    storage = connect(azurite, hint=listener.getsockname())
    storage.queues.send(make_message(Stage.TRACKING), delay=timedelta(seconds=30))
    storage.queues.send(make_message(Stage.DOWNLOAD))
    storage.close()
    assert listener.recv(100) == b"downloads"


def test_a_hint_needs_no_listener(azurite: str, listener: socket.socket, make_message: MakeMessage) -> None:
    address = listener.getsockname()
    listener.close()
    for hint in (address, ("no-such-host.invalid", 1)):
        storage = connect(azurite, hint=hint)
        storage.queues.send(make_message(Stage.DOWNLOAD))
        storage.queues.send(make_message(Stage.DOWNLOAD))
        storage.close()


def test_a_message_is_withdrawn_and_the_others_stay(empty_queues: Storage, make_message: MakeMessage) -> None:
    queues = empty_queues.queues
    first, _ = queues.send(make_message(part=1)), queues.send(make_message(part=2))
    assert queues.withdraw(first)
    assert queues.facts(first.queue).waiting == 1
    assert not queues.withdraw(first)
    assert queues.facts(first.queue).waiting == 1


def test_a_delayed_message_is_withdrawn(empty_queues: Storage, make_message: MakeMessage) -> None:
    receipt = empty_queues.queues.send(make_message(), delay=timedelta(days=6))
    empty_queues.queues.withdraw(receipt)
    assert empty_queues.queues.facts(receipt.queue).waiting == 0


@pytest.mark.usefixtures("empty_azure_queues")
def test_a_message_that_a_worker_received_is_not_withdrawn(
    azurite: str, azure: AzureStorage, make_message: MakeMessage
) -> None:
    receipt = azure.queues.send(make_message())
    assert receive(azurite, receipt.queue)
    assert not azure.queues.withdraw(receipt)
    assert azure.queues.facts(receipt.queue).waiting == 1


def test_dead_letters_are_received_and_deleted_or_released(
    request: pytest.FixtureRequest, empty_queues: Storage, make_message: MakeMessage
) -> None:
    queues, poison = empty_queues.queues, poison_queue(QUEUES[Stage.TRACKING])
    queues.send(make_message())  # makes the queues
    for part in range(3):
        if isinstance(empty_queues, MemoryStorage):
            empty_queues.queues.bury(make_message(part=part))
        else:
            with QueueClient.from_connection_string(request.getfixturevalue("azurite"), poison) as client:
                client.send_message(base64.b64encode(make_message(part=part).to_text().encode()).decode())
    first = queues.receive(poison, 2, timedelta(minutes=1))
    rest = queues.receive(poison, 32, timedelta(minutes=1))
    assert [len(first), len(rest)] == [2, 1]
    assert queues.receive(poison, 32, timedelta(minutes=1)) == []
    assert {StageMessage.from_bytes(each.body).part for each in (*first, *rest)} == {0, 1, 2}
    queues.withdraw(first[0].receipt)
    queues.release(first[1].receipt)
    (again,) = queues.receive(poison, 32, timedelta(minutes=1))
    assert again.body == first[1].body
    for outdated in (first[1].receipt, first[0].receipt):
        queues.withdraw(outdated)
        queues.release(outdated)
    assert queues.receive(poison, 32, timedelta(minutes=1)) == []
    facts = queues.facts(QUEUES[Stage.TRACKING])
    assert (facts.waiting, facts.poison) == (1, 2)


def test_nothing_is_received_from_a_queue_that_is_not_there(storage: Storage) -> None:
    assert not storage.queues.receive("no-such-queue", 32, timedelta(minutes=1))
