"""The event stream: replay, resume, follow, end."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from shared.api.events import BATCH, PING, PING_SEC, POLL_SEC, STREAM_SEC, follow
from shared.domain import job as jobs
from shared.domain.errors import NotFound, NotMedia, StorageUnavailable
from shared.domain.event import Event, EventType
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from tests.unit.api.house import House

FIRST = Event(
    job_id="j",
    sequence=1,
    type=EventType.STATUS,
    at=datetime(2026, 1, 1, tzinfo=UTC),
    status=JobStatus.CREATED,
    stage=Stage.DOWNLOAD,
    progress=0.0,
)


def parsed(text: str) -> list[dict[str, Any]]:
    """The events of a stream, by the standard's rules."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            events.append({"event": fields["event"], "id": int(fields["id"]), "data": json.loads(fields["data"])})
    return events


def failed(house: House) -> str:
    job_id: str = house.submit()["jobId"]
    house.change(job_id, lambda job: jobs.note_progress(job, Stage.DOWNLOAD, 0.5, 0, job.created_at))
    house.change(job_id, lambda job: jobs.fail(job, Stage.DOWNLOAD, NotMedia("Text."), job.created_at))
    return job_id


def test_the_history_is_told_whole_and_the_stream_ends_with_the_job(house: House) -> None:
    job_id = failed(house)
    answer = house.client.get(f"/jobs/{job_id}/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    events = parsed(answer.text)
    assert [(each["event"], each["id"]) for each in events] == [("status", 1), ("progress", 2), ("error", 3)]
    assert events[2]["data"]["status"] == "ERROR"
    assert events[2]["data"]["error"]["code"] == "not_media"
    assert set(events[0]["data"]) >= {"jobId", "status", "stage", "progress", "error"}


def test_a_client_resumes_after_the_last_event_it_knows(house: House) -> None:
    job_id = failed(house)
    answer = house.client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": "2"})
    assert [each["id"] for each in parsed(answer.text)] == [3]


def test_a_client_that_knows_all_of_an_ended_job_is_told_not_to_come_again(house: House) -> None:
    answer = house.client.get(f"/jobs/{failed(house)}/events", headers={"Last-Event-ID": "3"})
    assert (answer.status_code, answer.content) == (204, b"")


class Life:
    """A store whose event log grows at given times, and a clock that only `sleep` moves."""

    def __init__(self, *events: tuple[float, Event], failing: Sequence[float] = ()) -> None:
        self.now = 0.0
        self.events = events
        self.failing = failing
        self.gone_after: float | None = None

    async def read(self, after: int) -> list[Event]:
        if self.gone_after is not None and self.now > self.gone_after:
            raise NotFound("gone")
        if self.now in self.failing:
            raise StorageUnavailable("down")
        return [event for at, event in self.events if at <= self.now and event.sequence > after][:BATCH]

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def told(self) -> list[tuple[float, str]]:
        stream: AsyncIterator[str] = follow(self.read, await self.read(0), 0, now=lambda: self.now, sleep=self.sleep)
        return [(self.now, text) async for text in stream]


def later(sequence: int, **changes: Any) -> Event:
    return replace(FIRST, sequence=sequence, type=EventType.PROGRESS, **changes)


def test_what_happens_is_told_within_a_second_until_the_final_status() -> None:
    life = Life((0, FIRST), (2.5, later(2)), (7.2, later(3, status=JobStatus.DONE, progress=1.0)), (9, later(4)))
    told = asyncio.run(life.told())
    assert [(at, parsed(text)[0]["id"]) for at, text in told if parsed(text)] == [(0, 1), (3.0, 2), (8.0, 3)]


def test_silence_is_broken_by_pings_and_the_stream_ends_by_itself() -> None:
    told = asyncio.run(Life((0, FIRST)).told())
    pings = [at for at, text in told if text == PING]
    assert len(pings) >= 10
    assert all(later - earlier <= PING_SEC + POLL_SEC for earlier, later in pairwise([0.0, *pings]))
    assert STREAM_SEC - PING_SEC <= told[-1][0] <= STREAM_SEC


def test_a_long_history_is_told_without_waiting() -> None:
    events = [(0.0, later(number)) for number in range(1, 2 * BATCH + 10)]
    life = Life(*events, (0.0, later(2 * BATCH + 10, status=JobStatus.DONE)))
    told = asyncio.run(life.told())
    ids = [event["id"] for _, text in told for event in parsed(text)]
    assert ids == list(range(1, 2 * BATCH + 11))
    assert life.now == 0


def test_a_job_that_ended_and_was_begun_again_is_followed_further() -> None:
    life = Life((0, replace(FIRST, status=JobStatus.ERROR)), (0, later(2)), (3, later(3, status=JobStatus.DONE)))
    told = asyncio.run(life.told())
    assert [event["id"] for _, text in told for event in parsed(text)] == [1, 2, 3]


def test_a_storage_that_fails_for_a_moment_does_not_end_the_stream() -> None:
    life = Life((0, FIRST), (1, later(2, status=JobStatus.DONE)), failing=[1.0, 2.0])
    told = asyncio.run(life.told())
    assert [event["id"] for _, text in told for event in parsed(text)] == [1, 2]


def test_the_stream_of_a_deleted_job_ends() -> None:
    life = Life((0, FIRST))
    life.gone_after = 4.0
    assert asyncio.run(life.told())[-1][0] <= 5.0


@pytest.mark.parametrize("value", ["abc", "-1", "²", ""])
def test_a_last_event_id_that_is_none_of_ours_means_from_the_start(house: House, value: str) -> None:
    header = {"Last-Event-ID": value.encode("latin-1")}
    answer = house.client.get(f"/jobs/{failed(house)}/events", headers=header)
    assert [each["id"] for each in parsed(answer.text)] == [1, 2, 3]
