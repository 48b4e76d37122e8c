"""A background job over both storages: its message is what the host finds, and its row is gone in the end."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.domain.errors import NotFound
from shared.domain.task import TASKS, TaskMessage
from shared.pipeline.context import Services
from shared.pipeline.execution.run_step import Delivery
from shared.pipeline.tasks.job_manager import Backoff, JobManager
from shared.pipeline.tasks.run_task import run_task
from shared.settings import Settings
from shared.storage.ports import Storage


def test_a_job_fails_once_and_then_works(empty_queues: Storage) -> None:
    manager, calls = JobManager(), list[str]()

    @manager.job(backoff=Backoff(first=timedelta(0)))
    def greet(name: str) -> None:
        calls.append(name)
        if len(calls) == 1:
            raise OSError("not yet")

    services = Services(
        storage=empty_queues,
        settings=Settings(),
        clock=lambda: datetime.now(UTC),
        new_id=lambda: uuid4().hex,
        work={},
    )
    task = greet.using(services).delay("Ünal")
    for count in range(1, 3):
        (received,) = empty_queues.queues.receive(TASKS, 32, timedelta(minutes=5))
        message = TaskMessage.from_bytes(received.body)
        assert message.task_id == task.task_id
        run_task(services, manager, message, Delivery(received.receipt.message_id, 1))
        assert len(calls) == count
        empty_queues.queues.withdraw(received.receipt)
    with pytest.raises(NotFound):
        empty_queues.tasks.get(task.task_id)
    assert empty_queues.queues.facts(TASKS).waiting == 0
    assert calls == ["Ünal", "Ünal"]
