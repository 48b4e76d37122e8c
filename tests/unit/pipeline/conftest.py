"""Pipelines over the in-memory storage."""

import pytest

from tests.support.pipeline_harness import PipelineHarness


@pytest.fixture
def harness() -> PipelineHarness:
    return PipelineHarness()


@pytest.fixture(scope="session")
def new_harness() -> type[PipelineHarness]:
    """For a pipeline with other parts."""
    return PipelineHarness
