"""A process that crashes while it serves a request with a key: before each of its writes, one after the other.

A client that repeats the request gets what the first one would have made, and there is one of it.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count

import httpx
import pytest

from shared.storage.ports import SOURCES
from tests.support.crashing_storage import ProcessKilled
from tests.support.keyed_api_harness import KeyedApiHarness

Ask = Callable[[], Awaitable[httpx.Response]]
RECORDING = b"a recording"


pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def submission(harness: KeyedApiHarness) -> Ask:
    return harness.post


async def announcement(harness: KeyedApiHarness) -> Ask:
    return lambda: harness.post("/ingest/init", json={"sourceName": "talk.mp4", "contentLength": len(RECORDING)})


async def commit(harness: KeyedApiHarness) -> Ask:
    announced = (
        await harness.post("/ingest/init", json={"sourceName": "a.mp4", "contentLength": len(RECORDING)})
    ).json()
    blob = harness.storage.uploads.get("local", announced["uploadId"]).value.source_blob
    harness.storage.blobs.write(SOURCES, blob, RECORDING, "video/mp4")
    return lambda: harness.post("/ingest/commit", json={"uploadId": announced["uploadId"]})


async def processing(harness: KeyedApiHarness) -> Ask:
    session = harness.storage.sessions.get("local", (await harness.post(key=None)).json()["sessionId"])
    harness.storage.blobs.write(SOURCES, session.value.source_blob, RECORDING, "video/mp4")
    return lambda: harness.post(f"/sessions/{session.value.session_id}/process", content=b"")


async def sending(harness: KeyedApiHarness) -> Ask:
    return lambda: harness.send(data=RECORDING, metadata={"course": "Algebra"})


@pytest.mark.parametrize("kills", [1, 2], ids=["one crash", "two crashes"])
@pytest.mark.parametrize("prepare", [submission, announcement, commit, processing, sending])
async def test_a_crash_anywhere_makes_one_thing(
    prepare: Callable[[KeyedApiHarness], Awaitable[Ask]], kills: int
) -> None:
    for writes in count():
        harness = KeyedApiHarness()
        ask = await prepare(harness)
        before = {job.job_id for job in harness.jobs()}, len(harness.messages()), len(harness.sessions())
        crashed = 0
        while crashed < kills:
            harness.crash_point.left = writes + 1
            try:
                answer = await ask()
            except ProcessKilled:
                crashed += 1
            else:
                break
            finally:
                harness.crash_point.left = None
            if writes > 0 and crashed == 1:
                assert (await ask()).json()["code"] == "idempotency_key_in_use"
            harness.clock.pass_(seconds=61)
        if crashed:
            answer = await ask()
        assert answer.is_success, answer.text
        again = await ask()
        assert (again.content, again.headers["idempotency-replayed"]) == (answer.content, "true")
        check(harness, answer, *before)
        if not crashed:
            assert writes > 2  # the claim, something made, and the answer
            return


def check(harness: KeyedApiHarness, answer: httpx.Response, jobs: set[str], messages: int, sessions: int) -> None:
    """Nothing is there but what the answer tells of."""
    told = answer.json()
    if "jobId" not in told:
        assert harness.storage.uploads.get("local", told["uploadId"]).value.content_length == len(RECORDING)
        assert not harness.jobs()
        return
    made = [job for job in harness.jobs() if job.job_id not in jobs]
    assert [job.job_id for job in made] == [told["jobId"]]
    assert len(harness.sessions()) - sessions in (0, 1)
    session = harness.storage.sessions.get("local", made[0].session_id).value
    assert session.latest_job_id == told["jobId"]
    assert len(harness.messages()) - messages <= 1  # the sweep sends the one that got lost
    assert told["jobId"] in {job.job_id for job in harness.storage.jobs.all_active()}
    sources = [blob.name for blob in harness.storage.blobs.listing(SOURCES, "")]
    assert sources in ([], [session.source_blob])


async def test_a_job_that_went_on_meanwhile_is_answered_and_nothing_newer_is_undone() -> None:
    harness = await dead_when(lambda harness: bool(harness.jobs()), KeyedApiHarness.post)
    [job] = harness.jobs()
    newer = (await harness.post("/jobs", "another", json={"sessionId": job.session_id})).json()["jobId"]
    answer = await harness.post()
    assert answer.json()["jobId"] == job.job_id
    assert harness.storage.sessions.get("local", job.session_id).value.latest_job_id == newer


async def test_once_a_recording_has_arrived_whole_no_other_takes_its_place() -> None:
    def arrived(harness: KeyedApiHarness) -> bool:
        return bool(list(harness.storage.blobs.listing(SOURCES, "")))

    harness = await dead_when(arrived, lambda harness: harness.send(data=RECORDING))
    assert (await harness.send(data=b"another")).json()["code"] == "idempotency_key_reused"
    assert (await harness.send(data=RECORDING)).status_code == 202
    assert source_of(harness) == RECORDING


async def test_before_a_recording_has_arrived_whole_another_may_come_instead() -> None:
    def claimed(harness: KeyedApiHarness) -> bool:
        return bool(list(harness.storage.idempotency.expired(datetime.max.replace(tzinfo=UTC))))

    harness = await dead_when(claimed, lambda harness: harness.send(data=RECORDING))
    assert (await harness.send(data=b"another")).status_code == 202
    assert source_of(harness) == b"another"


async def dead_when(
    happened: Callable[[KeyedApiHarness], bool],
    ask: Callable[[KeyedApiHarness], Awaitable[object]],
) -> KeyedApiHarness:
    """A harness whose process crashed just after this had happened, longer ago than a claim lasts."""
    for writes in count():
        harness = KeyedApiHarness()
        harness.crash_point.left = writes + 1
        with pytest.raises(ProcessKilled):
            await ask(harness)
        harness.crash_point.left = None
        if happened(harness):
            harness.clock.pass_(seconds=61)
            return harness
    raise AssertionError


def source_of(harness: KeyedApiHarness) -> bytes:
    [job] = harness.jobs()
    session = harness.storage.sessions.get("local", job.session_id).value
    return harness.storage.blobs.read(SOURCES, session.source_blob)
