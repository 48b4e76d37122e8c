"""Headers that keep browsers from guessing, running and keeping what is not theirs."""

import pytest

from tests.support.api_harness import ApiHarness


@pytest.mark.parametrize("path", ["/jobs", "/sessions", "/health", "/openapi.json", "/docs", "/no-such-thing"])
def test_browsers_do_not_guess_types(harness: ApiHarness, path: str) -> None:
    assert harness.client.get(path).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/jobs", "/sessions", "/schedules", "/jobs/queue-info"])
def test_what_is_private_is_not_kept_by_others(harness: ApiHarness, path: str) -> None:
    caching = harness.client.get(path).headers["cache-control"]
    assert "no-store" in caching or "private" in caching


def test_pages_run_no_foreign_scripts(harness: ApiHarness) -> None:
    policy = harness.client.get("/docs").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
