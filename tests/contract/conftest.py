"""One suite over two storages: the in-memory twin and a real Azurite. Every test has an organisation of its own."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from shared.domain.job import Job, new_job
from shared.domain.message import QUEUES, StageMessage, StepKind
from shared.domain.options import JobOptions
from shared.domain.session import Session
from shared.domain.stage import Stage
from shared.domain.step_run import StepRun
from shared.domain.task import TASK_QUEUES
from shared.storage.azure_table import AzureTable
from shared.storage.connect import AzureStorage, connect
from shared.storage.memory import MemoryStorage
from shared.storage.memory_table import MemoryTable
from shared.storage.ports import Storage, poison_queue
from shared.storage.table import Table

NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, UTC)

BACK_ENDS = ["memory", "azurite"]


@pytest.fixture(scope="session")
def azure(azurite: str) -> Iterator[AzureStorage]:
    """The storage account of the emulator."""
    storage = connect(azurite)
    yield storage
    storage.close()


@pytest.fixture(params=BACK_ENDS)
def storage(request: pytest.FixtureRequest) -> Storage:
    """The twin, then the emulator."""
    if request.param == "memory":
        return MemoryStorage()
    found: Storage = request.getfixturevalue("azure")
    return found


@pytest.fixture(params=BACK_ENDS)
def new_table(request: pytest.FixtureRequest) -> Iterator[Callable[[], Table]]:
    """Makes empty tables of either kind."""
    if request.param == "memory":
        yield lambda: MemoryTable(lambda: datetime.now(UTC))
        return
    with TableServiceClient.from_connection_string(request.getfixturevalue("azurite")) as service:
        yield lambda: AzureTable(service.get_table_client(f"t{uuid.uuid4().hex}"))


@pytest.fixture
def empty_queues(request: pytest.FixtureRequest, storage: Storage) -> Storage:
    """The storage with nothing in its queues, which all tests share."""
    if isinstance(storage, AzureStorage):
        request.getfixturevalue("empty_azure_queues")
    return storage


@pytest.fixture
def empty_azure_queues(azurite: str) -> None:
    """Clear every queue of the emulator."""
    with QueueServiceClient.from_connection_string(azurite) as service:
        there = {queue.name for queue in service.list_queues()}
        for name in (*QUEUES.values(), *TASK_QUEUES):
            for queue in {name, poison_queue(name)} & there:
                service.get_queue_client(queue).clear_messages()


@pytest.fixture
def org() -> str:
    return f"org-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def make_job(org: str) -> Callable[..., Job]:
    """`make_job(3)` is a job with an id that sorts behind `make_job(2)`'s, so it is the older one."""

    def make(number: int = 0, session_id: str = "session", options: dict[str, Any] | None = None) -> Job:
        return new_job(
            job_id=f"{org}-{number:04d}",
            session_id=session_id,
            org_id=org,
            now=NOW - timedelta(seconds=number),
            options=JobOptions.from_json(options or {}),
            callback_url=None,
            traceparent=None,
        )

    return make


@pytest.fixture
def make_part(org: str) -> Callable[..., StepRun]:
    def make(number: int = 0, stage: Stage = Stage.TRACKING, step: StepKind = StepKind.PART) -> StepRun:
        return StepRun(job_id=f"{org}-job", stage=stage, step=step, number=number)

    return make


@pytest.fixture
def make_session(org: str) -> Callable[..., Session]:
    def make(number: int = 0) -> Session:
        return Session(
            session_id=f"{org}-{number:04d}",
            org_id=org,
            name="A talk",
            source_blob=f"{org}/a/talk.mp4",
            created_at=NOW,
            updated_at=NOW,
        )

    return make


@pytest.fixture
def make_message(org: str) -> Callable[..., StageMessage]:
    def make(stage: Stage = Stage.TRACKING, part: int = 0) -> StageMessage:
        return StageMessage(
            job_id=f"{org}-job", org_id=org, session_id=f"{org}-session", stage=stage, step=StepKind.PART, part=part
        )

    return make
