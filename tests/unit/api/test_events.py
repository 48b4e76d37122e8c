"""The event stream: replay, resume, follow, end."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.api.events.hub import BATCH, POLL_SEC, EventHub
from shared.api.events.stream import PING, PING_SEC, RETRY_MS, STREAM_SEC, follow
from shared.domain import job as jobs
from shared.domain.errors import NotFound, NotMedia
from shared.domain.event import EarlyWarning, Event, EventType, NewText
from shared.domain.job_event import event_of
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from tests.support.api_harness import ApiHarness
from tests.support.virtual_time import inline, run_virtually

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


def failed(harness: ApiHarness) -> str:
    job_id: str = harness.submit()["jobId"]
    harness.change(job_id, lambda job: jobs.note_progress(job, Stage.DOWNLOAD, 0.5, 0, job.created_at))
    harness.change(job_id, lambda job: jobs.fail(job, Stage.DOWNLOAD, NotMedia("Text."), job.created_at))
    return job_id


def test_the_history_is_told_whole_and_the_stream_ends_with_the_job(harness: ApiHarness) -> None:
    job_id = failed(harness)
    answer = harness.client.get(f"/jobs/{job_id}/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    events = parsed(answer.text)
    assert [(each["event"], each["id"]) for each in events] == [("status", 1), ("progress", 2), ("error", 3)]
    assert events[2]["data"]["status"] == "ERROR"
    assert events[2]["data"]["error"]["code"] == "not_media"
    assert set(events[0]["data"]) >= {"jobId", "status", "stage", "progress", "error"}


def test_a_client_resumes_after_the_last_event_it_knows(harness: ApiHarness) -> None:
    job_id = failed(harness)
    answer = harness.client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": "2"})
    assert [each["id"] for each in parsed(answer.text)] == [3]


def test_a_client_that_cannot_set_headers_resumes_by_query_and_the_header_goes_before(harness: ApiHarness) -> None:
    path = f"/jobs/{failed(harness)}/events?lastEventId=1"
    assert [each["id"] for each in parsed(harness.client.get(path).text)] == [2, 3]
    reconnected = harness.client.get(path, headers={"Last-Event-ID": "2"})
    assert [each["id"] for each in parsed(reconnected.text)] == [3]


@pytest.mark.parametrize("number", ["4", "99999999999999999999"])
def test_a_client_that_knows_more_than_ever_happened_is_told_all(harness: ApiHarness, number: str) -> None:
    answer = harness.client.get(f"/jobs/{failed(harness)}/events", headers={"Last-Event-ID": number})
    assert [each["id"] for each in parsed(answer.text)] == [1, 2, 3]


def test_a_client_with_all_events_of_an_ended_job_is_told_not_to_reconnect(harness: ApiHarness) -> None:
    answer = harness.client.get(f"/jobs/{failed(harness)}/events", headers={"Last-Event-ID": "3"})
    assert (answer.status_code, answer.content) == (204, b"")


class Life:
    """A log that grows at given times; the hub tells of everything."""

    def __init__(self, *events: tuple[float, Event]) -> None:
        self.events_at = events
        self.gone_after: float | None = None
        self.ended_at: float | None = None

    def active_sequences(self, org_id: str) -> dict[str, int]:
        latest = max((event for _, event in self.known()), key=lambda event: event.sequence)
        return {} if latest.status.is_final or self.is_gone() else {"j": latest.sequence}

    def events(self, org_id: str, job_id: str, *, after: int, limit: int) -> list[Event]:
        if self.is_gone():
            raise NotFound("gone")
        return [event for _, event in self.known() if event.sequence > after][:limit]

    def known(self) -> list[tuple[float, Event]]:
        return [(at, event) for at, event in self.events_at if at <= now()]

    def is_gone(self) -> bool:
        return self.gone_after is not None and now() > self.gone_after

    def told(self) -> list[tuple[float, str]]:
        async def follow_it() -> list[tuple[float, str]]:
            follower = EventHub(self, inline).follower("o", "j", 0)  # type: ignore[arg-type]
            told = [(now(), text) async for text in follow(follower, await follower.read(0), 0)]
            self.ended_at = now()
            await asyncio.sleep(POLL_SEC)
            return told

        return run_virtually(follow_it())


def now() -> float:
    return asyncio.get_running_loop().time()


def later(sequence: int, **changes: Any) -> Event:
    return replace(FIRST, sequence=sequence, type=EventType.PROGRESS, **changes)


def ids(told: list[tuple[float, str]]) -> list[int]:
    return [event["id"] for _, text in told for event in parsed(text)]


def test_what_happens_is_told_within_a_second_until_the_final_status() -> None:
    life = Life((0, FIRST), (2.5, later(2)), (7.2, later(3, status=JobStatus.DONE, progress=1.0)), (9, later(4)))
    told = life.told()
    assert [(at, parsed(text)[0]["id"]) for at, text in told if parsed(text)] == [(0, 1), (3.0, 2), (8.0, 3)]
    assert told[0] == (0, f"retry: {RETRY_MS}\n\n")


def test_silence_is_broken_by_pings_and_the_stream_ends_by_itself() -> None:
    told = Life((0, FIRST)).told()
    pings = [at for at, text in told if text == PING]
    assert pings == pytest.approx([PING_SEC * number for number in range(1, len(pings) + 1)])
    assert STREAM_SEC - PING_SEC <= told[-1][0] <= STREAM_SEC


def test_a_stream_in_which_much_happens_ends_by_itself_too() -> None:
    told = Life(*((float(second), later(second + 1)) for second in range(400))).told()
    assert STREAM_SEC - 2 <= told[-1][0] <= STREAM_SEC
    assert PING not in [text for _, text in told]
    assert ids(told) == list(range(1, len(told)))


def test_a_long_history_is_told_without_waiting() -> None:
    events = [(0.0, later(number)) for number in range(1, 2 * BATCH + 10)]
    told = Life(*events, (0.0, later(2 * BATCH + 10, status=JobStatus.DONE))).told()
    assert ids(told) == list(range(1, 2 * BATCH + 11))
    assert told[-1][0] == 0


def test_a_job_that_ended_and_was_begun_again_is_followed_further() -> None:
    life = Life((0, replace(FIRST, status=JobStatus.ERROR)), (0, later(2)), (3, later(3, status=JobStatus.DONE)))
    assert ids(life.told()) == [1, 2, 3]


def test_the_stream_of_a_deleted_job_ends() -> None:
    life = Life((0, FIRST))
    life.gone_after = 4.0
    life.told()
    assert life.ended_at == 5.0


@pytest.mark.parametrize("value", ["abc", "-1", "²", ""])
def test_a_last_event_id_that_is_none_of_ours_means_from_the_start(harness: ApiHarness, value: str) -> None:
    header = {"Last-Event-ID": value.encode("latin-1")}
    answer = harness.client.get(f"/jobs/{failed(harness)}/events", headers=header)
    assert [each["id"] for each in parsed(answer.text)] == [1, 2, 3]


def test_the_text_of_a_part_is_an_event_of_its_own_in_the_sequence_and_once_for_each_part(harness: ApiHarness) -> None:
    job_id: str = harness.submit()["jobId"]
    second, first = NewText(start_sec=30.5, end_sec=61.2, words=70), NewText(start_sec=0.0, end_sec=30.5, words=0)

    def announce(part: int, text: NewText) -> None:
        harness.change(job_id, lambda job: jobs.announce_text(job, part, text, job.created_at) or job)

    announce(1, second)
    announce(0, first)
    assert (
        jobs.announce_text(harness.services.storage.jobs.get("local", job_id).value, 1, second, FIRST.at) is None
    )  # the step runs again
    harness.change(job_id, lambda job: jobs.fail(job, Stage.TRANSCRIPTION, NotMedia("Text."), job.created_at))
    events = parsed(harness.client.get(f"/jobs/{job_id}/events").text)
    assert [(each["event"], each["id"]) for each in events] == [
        ("status", 1),
        ("transcript", 2),
        ("transcript", 3),
        ("error", 4),
    ]
    spans = [[each["data"].get(name) for name in ("start", "end", "words")] for each in events]
    assert spans == [[None] * 3, [30.5, 61.2, 70], [0.0, 30.5, 0], [None] * 3]
    assert "words" not in events[0]["data"]
    resumed = harness.client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": "1"})
    assert [each["id"] for each in parsed(resumed.text)] == [2, 3, 4]


def test_a_warning_is_an_event_of_its_own_and_stands_with_the_job(harness: ApiHarness) -> None:
    job_id: str = harness.submit()["jobId"]
    warning = EarlyWarning(code="no_sound", start=0.0, end=61.2, text="The recording has no sound.")
    harness.change(job_id, lambda job: jobs.warn(job, warning, job.created_at) or job)
    harness.change(job_id, lambda job: jobs.fail(job, Stage.TRACKING, NotMedia("Text."), job.created_at))
    events = parsed(harness.client.get(f"/jobs/{job_id}/events").text)
    assert [(each["event"], each["id"]) for each in events] == [("status", 1), ("warning", 2), ("error", 3)]
    shown = {"code": "no_sound", "start": 0.0, "end": 61.2, "text": "The recording has no sound."}
    assert [each["data"].get("warning") for each in events] == [None, shown, None]
    assert harness.client.get(f"/jobs/{job_id}").json()["warnings"] == [shown]


def test_the_log_repairs_the_event_of_a_text_whose_writer_crashed(harness: ApiHarness) -> None:
    job_id: str = harness.submit()["jobId"]
    text = NewText(start_sec=0.0, end_sec=30.5, words=70)
    harness.change(job_id, lambda job: jobs.announce_text(job, 0, text, job.created_at) or job)
    stored = harness.services.storage.jobs.get("local", job_id).value
    assert event_of(stored).text == text
    moved = jobs.note_progress(stored, Stage.TRANSCRIPTION, 0.5, 1, stored.created_at)
    assert event_of(moved).text is None
