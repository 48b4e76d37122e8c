"""Requests with an idempotency key: served once, told apart, and given up where nothing came of them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.api.limits import Limits
from shared.domain.errors import StorageUnavailable
from shared.domain.idempotency import ClaimState
from shared.domain.job import Job
from shared.pipeline.housekeeping.clean_up import clean_up
from shared.pipeline.jobs.idempotency import Claim, claim_key
from tests.support.keyed_api_harness import TALK, KeyedApiHarness, form_of, token, with_tokens

POSTS = ["/jobs", "/downloader", "/ingest/init", "/sessions/import"]
OTHER = {**TALK, "sessionName": "Another talk"}


pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


@asynccontextmanager
async def stuck(harness: KeyedApiHarness) -> AsyncIterator[tuple[asyncio.Task[Any], Any]]:
    """A request that has claimed its key and stands before the job's row, until `go` is called."""
    entered, go, create = threading.Event(), threading.Event(), harness.storage.jobs.create

    def slow_create(job: Job) -> Any:
        entered.set()
        assert go.wait(60)
        return create(job)

    with harness.instead("jobs", create=slow_create):
        first = asyncio.create_task(harness.post())
        assert await asyncio.to_thread(entered.wait, 60)
    try:
        yield first, go.set
    finally:
        go.set()
        await first


@pytest.mark.parametrize("path", POSTS)
async def test_the_first_answer_is_replayed(path: str) -> None:
    harness = KeyedApiHarness()
    announced = {"sourceName": "talk.mp4", "contentLength": 3}

    async def ask() -> httpx.Response:
        if path == "/sessions/import":
            return await harness.send(metadata={"course": "Algebra"})
        return await harness.post(path, json=announced if path == "/ingest/init" else TALK)

    first = await ask()
    harness.clock.pass_(hours=23)
    again = await ask()
    assert first.is_success, first.text
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (again.headers.pop("idempotency-replayed"), again.headers) == ("true", first.headers)
    assert len(harness.jobs()) == len(harness.messages()) == (path != "/ingest/init")


async def test_without_a_key_every_request_counts() -> None:
    harness = KeyedApiHarness()
    first, second = await harness.post(key=None), await harness.post(key=None)
    assert first.json()["jobId"] != second.json()["jobId"]
    assert "idempotency-replayed" not in second.headers


async def test_the_same_body_spelled_otherwise_is_the_same() -> None:
    harness = KeyedApiHarness()
    first = await harness.post(content=b'{"sourceUrl": "https://e.org/a", "metadata": {"a": 1, "b": "\\u00e4"}}',
                             headers={"Content-Type": "application/json"})  # fmt: skip
    again = await harness.post(content='{"metadata":{"b":"ä","a":1},\n"sourceUrl":"https://e.org/a"}'.encode(),
                             headers={"Content-Type": "application/json"})  # fmt: skip
    assert first.status_code == 202, first.text
    assert again.content == first.content


@pytest.mark.parametrize(
    "other",
    [{"json": OTHER}, {"content": b"no JSON"}, {"content": b"[" * 100_000}, {"content": b""}],
    ids=["another", "no JSON", "too deep", "none"],
)
async def test_a_key_with_another_body_is_refused(other: dict[str, Any]) -> None:
    harness = KeyedApiHarness()
    await harness.post()
    answer = await harness.post(**{"headers": {"Content-Type": "application/json"}, **other})
    assert told(answer) == (422, "idempotency_key_reused")
    assert not answer.json()["retryable"]
    assert len(harness.jobs()) == 1


async def test_a_key_belongs_to_its_path() -> None:
    harness = KeyedApiHarness()
    answers = [await harness.post(path) for path in ("/jobs", "/downloader")]
    session = answers[0].json()["sessionId"]
    answers.append(await harness.post(f"/sessions/{session}/process", content=b""))
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len({answer.json()["jobId"] for answer in answers}) == 3


async def test_a_key_belongs_to_its_organisation() -> None:
    harness = with_tokens()
    ours, theirs = [await harness.post(token=token(org)) for org in ("acme", "bell")]
    assert ours.status_code == theirs.status_code == 202
    assert ours.json()["jobId"] != theirs.json()["jobId"]
    assert [len(harness.jobs(org)) for org in ("acme", "bell")] == [1, 1]


async def test_a_replay_is_for_those_who_might_have_asked() -> None:
    harness = with_tokens()
    await harness.post(token=token("acme"))
    assert told(await harness.post(token=token("acme", "jobs:read"))) == (403, "insufficient_scope")
    assert told(await harness.post()) == (401, "token_missing")
    assert (await harness.post(token=token("acme", "admin"))).headers["idempotency-replayed"] == "true"


async def test_while_the_first_request_is_served_the_second_is_told_to_wait() -> None:
    harness = KeyedApiHarness()
    async with stuck(harness) as (first, go):
        second = await harness.post()
        assert told(second) == (409, "idempotency_key_in_use")
        assert second.headers["retry-after"] == "1"
        assert second.json()["retryable"]
        assert told(await harness.post(json=OTHER)) == (422, "idempotency_key_reused")
        go()
        answer = await first
    assert answer.status_code == 202
    assert (await harness.post()).content == answer.content


async def test_who_is_slow_but_alive_keeps_the_claim() -> None:
    harness = KeyedApiHarness(Limits(renew_claim_every_sec=0.01))
    async with stuck(harness):
        harness.clock.pass_(minutes=10)
        async with asyncio.timeout(60):
            while harness.record().claimed_at < harness.clock():
                await asyncio.sleep(0.01)
        assert told(await harness.post()) == (409, "idempotency_key_in_use")


async def test_two_who_both_believe_to_have_the_claim_make_one_job() -> None:
    harness = KeyedApiHarness()
    async with stuck(harness) as (first, go):
        harness.clock.pass_(seconds=61)
        second = await harness.post()
        go()
        slow = await first
    assert slow.status_code == second.status_code == 202
    assert slow.json()["jobId"] == second.json()["jobId"]
    assert len(harness.jobs()) == len(harness.sessions()) == len(harness.messages()) == 1
    assert (await harness.post()).content == second.content


async def test_a_request_that_was_refused_gives_its_key_up() -> None:
    harness = KeyedApiHarness()
    refused = [
        await harness.post(json={"sessionId": "nothing"}),
        await harness.post(json={"sourceUrl": 5}),
        await harness.post(content=b"{", headers={"Content-Type": "application/json"}),
    ]
    assert [answer.status_code for answer in refused] == [404, 422, 400]
    corrected = await harness.post()
    assert corrected.status_code == 202
    assert "idempotency-replayed" not in corrected.headers


async def test_who_took_a_claim_over_keeps_its_identifiers_though_refused() -> None:
    harness = KeyedApiHarness()

    def claim() -> Claim:
        claimed = claim_key(harness.services, "local", "/jobs", "key", "abc")
        assert isinstance(claimed, Claim)
        return claimed

    first = claim()
    harness.clock.pass_(seconds=61)
    claim().release(nothing_made=True)  # but what did the first one make?
    assert claim().reserved == first.reserved


@pytest.mark.parametrize("store", ["sessions", "jobs", "step_runs", "queues"])
async def test_after_a_failure_the_same_request_may_be_retried_at_once(store: str) -> None:
    harness = KeyedApiHarness()

    def fail(*_: Any) -> None:
        raise StorageUnavailable("The storage account did not answer.")

    with harness.instead(store, **{"send" if store == "queues" else "create": fail}):
        assert (await harness.post()).status_code == 503
    assert harness.record().state is ClaimState.RELEASED
    assert told(await harness.post(json=OTHER)) == (422, "idempotency_key_reused")
    answer = await harness.post()
    assert answer.status_code == 202, answer.text
    assert [job.job_id for job in harness.jobs()] == [answer.json()["jobId"]]
    assert len(harness.sessions()) == 1


async def test_an_answer_that_cannot_be_kept_is_given_all_the_same() -> None:
    harness = KeyedApiHarness()

    def fail(*_: Any) -> None:
        raise StorageUnavailable("The storage account did not answer.")

    with harness.instead("idempotency", update=fail):
        first = await harness.post()
    assert first.status_code == 202
    assert told(await harness.post()) == (409, "idempotency_key_in_use")
    harness.clock.pass_(seconds=61)
    assert (await harness.post()).json()["jobId"] == first.json()["jobId"]
    assert len(harness.jobs()) == 1


async def test_after_24_hours_a_key_is_as_good_as_new() -> None:
    harness = KeyedApiHarness()
    first = await harness.post()
    harness.clock.pass_(hours=23, minutes=59)
    assert (await harness.post()).headers["idempotency-replayed"] == "true"
    assert not list(harness.storage.idempotency.expired(harness.clock()))
    harness.clock.pass_(minutes=1)
    assert len(list(harness.storage.idempotency.expired(harness.clock()))) == 1
    other = await harness.post(json=OTHER)
    assert other.status_code == 202
    assert other.json()["jobId"] != first.json()["jobId"]
    assert (await harness.post(json=OTHER)).content == other.content


@pytest.mark.parametrize("key", ["a", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a/b?c#d\\e"])
async def test_keys_that_are_taken(key: str) -> None:
    harness = KeyedApiHarness()
    first = await harness.post(key=key)
    assert (await harness.post(key=key)).content == first.content


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "ä".encode(), b"a\x7f"])
async def test_keys_that_are_none(key: str | bytes) -> None:
    harness = KeyedApiHarness()
    for path in POSTS:
        assert told(await harness.post(path, key)) == (422, "invalid_request")
    twice = await harness.post(headers={"idempotency-key": "another"})
    assert told(twice) == (422, "invalid_request")
    assert not harness.jobs()


async def test_reading_knows_no_keys() -> None:
    harness = KeyedApiHarness()
    await harness.post()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=harness.app), base_url="http://api.localhost"
    ) as client:
        for _ in range(2):
            answer = await client.get("/jobs", headers={"Idempotency-Key": "key"})
            assert answer.status_code == 200
            assert "idempotency-replayed" not in answer.headers


async def test_a_recording_that_differs_is_another_request() -> None:
    harness = KeyedApiHarness()
    first = await harness.send(metadata={"course": "Algebra"})
    assert first.status_code == 202, first.text
    for other in ({"data": b"other"}, {"name": "other.mp4"}, {"metadata": {"course": "Biology"}}, {"metadata": None}):
        answer = await harness.send(**{"metadata": {"course": "Algebra"}, **other})
        assert told(answer) == (422, "idempotency_key_reused")
    assert told(await harness.send(metadata={"course": "Algebra"}, end=False)) == (400, "malformed_request")
    assert (await harness.send(metadata={"course": "Algebra"})).content == first.content
    assert len(harness.jobs()) == 1


async def test_a_recording_longer_than_could_be_taken_is_not_read_to_its_end() -> None:
    harness = KeyedApiHarness(max_source_bytes=1000)
    assert (await harness.send()).status_code == 202
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        yield form_of(end=False)
        while True:
            read += 1
            yield bytes(64 * 1024)

    head = {"Content-Type": "multipart/form-data; boundary=xYzZY"}
    answer = await harness.post("/sessions/import", content=endless(), headers=head)
    assert told(answer) == (422, "idempotency_key_reused")
    assert read < 100


async def test_a_recording_that_was_cut_off_may_be_sent_again() -> None:
    harness = KeyedApiHarness()
    assert (await harness.send(end=False)).status_code == 400
    assert (await harness.send(data=b"more")).status_code == 202


async def test_while_a_recording_arrives_no_other_is_read() -> None:
    harness = KeyedApiHarness()
    claim_key(harness.services, "local", "/sessions/import", "key", None)

    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    head = {"Content-Type": "multipart/form-data; boundary=xYzZY"}
    answer = await harness.post("/sessions/import", content=never(), headers=head)
    assert told(answer) == (409, "idempotency_key_in_use")


def test_every_post_is_described_with_its_key() -> None:
    paths = KeyedApiHarness().app.openapi()["paths"]
    operations = {path: methods["post"] for path, methods in paths.items() if "post" in methods}
    assert set(operations) >= {*POSTS, "/jobs/{jobId}/retry", "/ingest/commit", "/sessions/{sessionId}/process"}
    for path, operation in operations.items():
        keys = [each for each in operation["parameters"] if each["name"] == "Idempotency-Key"]
        assert [each["in"] for each in keys] == ["header"], path
        assert {"409", "422"} <= set(operation["responses"]), path
        success = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        assert "Idempotency-Replayed" in success["headers"], path
    for path, methods in paths.items():
        for method in set(methods) - {"post"}:
            names = [each["name"] for each in methods[method].get("parameters", ())]
            assert "Idempotency-Key" not in names, (method, path)


async def test_a_record_that_cannot_be_read_is_told_and_forgotten_after_a_day() -> None:
    harness = KeyedApiHarness()
    assert (await harness.post()).status_code == 202
    records = harness.storage.idempotency
    table = records._records._table
    (row,) = table.scan_partitions("")
    table.upsert(replace(row, columns={**row.columns, "expiresAt": "soon"}))
    problem = await harness.post()
    assert told(problem) == (500, "unreadable_row")
    assert "use a new key" in problem.json()["detail"]
    clean_up(harness.services)
    assert list(table.scan_partitions(""))
    later = harness.services.clock() + timedelta(hours=25)
    clean_up(replace(harness.services, clock=lambda: later))
    assert list(table.scan_partitions("")) == []
    assert (await harness.post()).status_code == 202
