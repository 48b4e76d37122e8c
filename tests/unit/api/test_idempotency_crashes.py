"""A process that dies while it serves a request with a key: before each of its writes, one after the other.

Whoever repeats the request gets what the first one would have made, and there is one of it.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count

import httpx
import pytest

from shared.storage.ports import SOURCES
from tests.unit.api.keyed import Killed, Killer, World

Ask = Callable[[], Awaitable[httpx.Response]]
RECORDING = b"a recording"


pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def submission(world: World) -> Ask:
    return world.post


async def announcement(world: World) -> Ask:
    return lambda: world.post("/ingest/init", json={"sourceName": "talk.mp4", "contentLength": len(RECORDING)})


async def commit(world: World) -> Ask:
    announced = (await world.post("/ingest/init", json={"sourceName": "a.mp4", "contentLength": len(RECORDING)})).json()
    blob = world.storage.uploads.get("local", announced["uploadId"]).value.source_blob
    world.storage.blobs.write(SOURCES, blob, RECORDING, "video/mp4")
    return lambda: world.post("/ingest/commit", json={"uploadId": announced["uploadId"]})


async def processing(world: World) -> Ask:
    session = world.storage.sessions.get("local", (await world.post(key=None)).json()["sessionId"])
    world.storage.blobs.write(SOURCES, session.value.source_blob, RECORDING, "video/mp4")
    return lambda: world.post(f"/sessions/{session.value.session_id}/process", content=b"")


async def sending(world: World) -> Ask:
    return lambda: world.send(data=RECORDING, metadata={"course": "Algebra"})


@pytest.mark.parametrize("kills", [1, 2], ids=["one death", "two deaths"])
@pytest.mark.parametrize("prepare", [submission, announcement, commit, processing, sending])
async def test_whenever_the_process_dies_one_thing_is_made(
    prepare: Callable[[World], Awaitable[Ask]], kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = Killer(monkeypatch)
    for writes in count():
        killer.writes_left = None
        world = World()
        ask = await prepare(world)
        before = {job.job_id for job in world.jobs()}, len(world.messages()), len(world.sessions())
        died = 0
        while died < kills:
            killer.writes_left = writes
            try:
                answer = await ask()
            except Killed:
                died += 1
            else:
                break
            finally:
                killer.writes_left = None
            if writes > 0 and died == 1:
                assert (await ask()).json()["code"] == "idempotency_key_in_use"
            world.clock.pass_(seconds=61)
        if died:
            answer = await ask()
        assert answer.is_success, answer.text
        again = await ask()
        assert (again.content, again.headers["idempotency-replayed"]) == (answer.content, "true")
        check(world, answer, *before)
        if not died:
            assert writes > 2  # the claim, something made, and the answer
            return


def check(world: World, answer: httpx.Response, jobs: set[str], messages: int, sessions: int) -> None:
    """Nothing is there but what the answer tells of."""
    told = answer.json()
    if "jobId" not in told:
        assert world.storage.uploads.get("local", told["uploadId"]).value.content_length == len(RECORDING)
        assert not world.jobs()
        return
    made = [job for job in world.jobs() if job.job_id not in jobs]
    assert [job.job_id for job in made] == [told["jobId"]]
    assert len(world.sessions()) - sessions in (0, 1)
    session = world.storage.sessions.get("local", made[0].session_id).value
    assert session.latest_job_id == told["jobId"]
    assert len(world.messages()) - messages <= 1  # the sweep sends the one that got lost
    assert told["jobId"] in {job.job_id for job in world.storage.jobs.all_active()}
    sources = [blob.name for blob in world.storage.blobs.listing(SOURCES, "")]
    assert sources in ([], [session.source_blob])


async def test_a_job_that_went_on_meanwhile_is_answered_and_nothing_newer_is_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await dead_when(lambda world: bool(world.jobs()), World.post, Killer(monkeypatch))
    [job] = world.jobs()
    newer = (await world.post("/jobs", "another", json={"sessionId": job.session_id})).json()["jobId"]
    answer = await world.post()
    assert answer.json()["jobId"] == job.job_id
    assert world.storage.sessions.get("local", job.session_id).value.latest_job_id == newer


async def test_once_a_recording_has_arrived_whole_no_other_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def arrived(world: World) -> bool:
        return bool(list(world.storage.blobs.listing(SOURCES, "")))

    world = await dead_when(arrived, lambda world: world.send(data=RECORDING), Killer(monkeypatch))
    assert (await world.send(data=b"another")).json()["code"] == "idempotency_key_reused"
    assert (await world.send(data=RECORDING)).status_code == 202
    assert source_of(world) == RECORDING


async def test_before_a_recording_has_arrived_whole_another_may_come_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    def claimed(world: World) -> bool:
        return bool(list(world.storage.idempotency.expired(datetime.max.replace(tzinfo=UTC))))

    world = await dead_when(claimed, lambda world: world.send(data=RECORDING), Killer(monkeypatch))
    assert (await world.send(data=b"another")).status_code == 202
    assert source_of(world) == b"another"


async def dead_when(
    happened: Callable[[World], bool], ask: Callable[[World], Awaitable[object]], killer: Killer
) -> World:
    """A world whose process died just after this had happened, longer ago than a claim lasts."""
    for writes in count():
        world = World()
        killer.writes_left = writes
        with pytest.raises(Killed):
            await ask(world)
        killer.writes_left = None
        if happened(world):
            world.clock.pass_(seconds=61)
            return world
    raise AssertionError


def source_of(world: World) -> bytes:
    [job] = world.jobs()
    session = world.storage.sessions.get("local", job.session_id).value
    return world.storage.blobs.read(SOURCES, session.source_blob)
