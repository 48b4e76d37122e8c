"""The API over the in-memory storage."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from shared.api.app import create_app
from shared.pipeline.services import Services
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from tests.unit.api.house import House


@pytest.fixture
def house() -> Iterator[House]:
    """An API with its storage and a clock that goes on by itself."""
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    numbers = iter(range(1_000_000, 0, -1))

    def clock() -> datetime:
        nonlocal now
        now += timedelta(milliseconds=1)
        return now

    settings = Settings.model_validate({"AzureWebJobsStorage": "UseDevelopmentStorage=true"})
    services = Services(
        storage=MemoryStorage(clock), settings=settings, clock=clock, new_id=lambda: f"id{next(numbers):07}", work={}
    )
    with TestClient(create_app(services), base_url="http://api.test") as client:
        yield House(services, client)
