"""Deleted sessions over HTTP: the record that stays, and what goes with them."""

from typing import Any

import pytest

from shared.storage.ports import SOURCES
from tests.support.api_harness import ORG, ApiHarness, pointers


def keyed(harness: ApiHarness, key: str, path: str, **body: Any) -> dict[str, Any]:
    answer = harness.client.post(path, json=body, headers={"Idempotency-Key": key})
    assert answer.status_code in (200, 201, 202), answer.text
    shown: dict[str, Any] = answer.json()
    return shown | {"replayed": answer.headers.get("Idempotency-Replayed") == "true"}


def test_the_record_of_a_deletion_is_listed_newest_first(harness: ApiHarness) -> None:
    sessions = [harness.submit(sessionName=f"Talk {number}")["sessionId"] for number in range(3)]
    assert harness.client.get("/removals").json() == {"items": []}
    for session_id in sessions:
        assert harness.client.delete(f"/sessions/{session_id}").status_code == 204
    first = harness.client.get("/removals?limit=2").json()
    rest = harness.client.get(first["nextLink"]).json()
    assert "nextLink" not in rest
    items = [*first["items"], *rest["items"]]
    assert [each["sessionId"] for each in items] == sessions[::-1]
    newest = items[0]
    assert newest.keys() == {
        "removalId", "sessionId", "orgId", "reason", "at", "finishedAt",
        "jobs", "blobs", "sizeBytes", "rows", "messages",
    }  # fmt: skip
    assert (newest["reason"], newest["jobs"], newest["messages"], newest["orgId"]) == ("request", 1, 1, ORG)
    assert newest["finishedAt"] > newest["at"]
    assert "Talk" not in harness.client.get("/removals").text


@pytest.mark.parametrize("days", [0, 3651, 1.5, "7", True])
def test_days_that_are_none_are_refused(harness: ApiHarness, days: Any) -> None:
    body = {"sourceUrl": "https://example.com/a.mp4", "options": {"retentionDays": days}}
    answer = harness.client.post("/jobs", json=body)
    assert (answer.status_code, pointers(answer.json())) == (422, ["#/options/retentionDays"])


def test_the_days_are_kept_with_the_session(harness: ApiHarness) -> None:
    job = harness.submit(options={"retentionDays": 30.0})
    assert job["options"] == {"retentionDays": 30}
    assert harness.session(job["sessionId"]).retention_days == 30


def test_answers_that_were_kept_go_with_the_session(harness: ApiHarness) -> None:
    """Whatever made the request one about the session: what it made, its path, its body or its answer."""
    source = {"sourceUrl": "https://example.com/a.mp4"}
    job, other = keyed(harness, "one", "/jobs", **source), keyed(harness, "two", "/jobs", **source)
    session, of_other = job["sessionId"], other["sessionId"]
    for each in (session, of_other):
        harness.services.storage.blobs.write(SOURCES, harness.session(each).source_blob, b"x", "video/mp4")
        keyed(harness, f"again-{each}", "/jobs", sessionId=each)
        keyed(harness, f"process-{each}", f"/sessions/{each}/process")
        keyed(harness, f"daily-{each}", "/schedules", cron="0 2 * * *", job={"sessionId": each})
    upload = keyed(harness, "upload", "/ingest/init", sourceName="a.mp4", contentLength=1)
    kept = {stored.value.key for stored in records(harness)}
    assert len(kept) == 9
    assert keyed(harness, "one", "/jobs", **source)["replayed"]

    assert harness.client.delete(f"/sessions/{session}").status_code == 204
    left = {stored.value.key for stored in records(harness)}
    assert left == {"two", f"again-{of_other}", f"process-{of_other}", f"daily-{of_other}", "upload"}
    assert not any(session in repr(stored.value) for stored in records(harness))
    fresh = keyed(harness, "one", "/jobs", **source)
    assert not fresh["replayed"]
    assert fresh["sessionId"] != session
    assert keyed(harness, "two", "/jobs", **source)["replayed"]
    assert upload["uploadId"]


def records(harness: ApiHarness) -> list[Any]:
    """Every record that is kept, whenever it expires."""
    return list(harness.services.storage.idempotency._records.scan_partitions(""))  # type: ignore[attr-defined]
