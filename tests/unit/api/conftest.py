"""The API over the in-memory storage."""

from collections.abc import Iterator

import pytest

from shared.api.app import create_app
from tests.support.api_client import ApiClient
from tests.support.api_harness import ApiHarness, make_services


@pytest.fixture
def harness() -> Iterator[ApiHarness]:
    """An API with its storage and a clock that goes on by itself."""
    services = make_services()
    with ApiClient(create_app(services), base_url="http://api.localhost") as client:
        yield ApiHarness(services, client)
