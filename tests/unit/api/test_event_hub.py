"""The event hub over the twin, in virtual time: what it asks of storage, which followers it wakes, what it survives."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.api.events.hub import BATCH, MAX_POLL_SEC, POLL_SEC, ROWS_PER_SEC, EventHub, poll_pause_sec
from shared.api.events.stream import LOOK_SEC, PING, PING_SEC, STREAM_SEC, follow
from shared.domain import job as jobs
from shared.domain.errors import NotMedia, StorageUnavailable
from shared.domain.event import Event
from shared.domain.job import Job, new_job
from shared.domain.options import JobOptions
from shared.domain.stage import Stage
from shared.storage.memory import MemoryStorage
from tests.support.virtual_time import inline, run_virtually

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Told = list[tuple[float, int]]


class Store:
    """The twin's jobs: counts what is asked, is away when told to be, and hides what the index was told last."""

    def __init__(self) -> None:
        self._jobs = MemoryStorage().jobs
        self.asked: Counter[str] = Counter()
        self.is_away = False
        self.stale: dict[str, int] = {}

    def active_sequences(self, org_id: str) -> Mapping[str, int]:
        self._ask(f"look at {org_id}")
        return {**self._jobs.active_sequences(org_id), **self.stale}

    def events(self, org_id: str, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        self._ask("events")
        return self._jobs.events(org_id, job_id, after=after, limit=limit)

    def _ask(self, what: str) -> None:
        self.asked[what] += 1
        if self.is_away:
            raise StorageUnavailable("away")

    def add(self, job_id: str = "job", org_id: str = "org") -> None:
        job = new_job(
            job_id=job_id,
            session_id="s",
            org_id=org_id,
            now=NOW,
            options=JobOptions(),
            callback_url=None,
            traceparent=None,
        )
        self._jobs.create(job)

    def change(self, change: Callable[[Job], Job], job_id: str = "job", org_id: str = "org") -> None:
        stored = self._jobs.get(org_id, job_id)
        self._jobs.update(stored, change(stored.value))


def came_on(job: Job) -> Job:
    return jobs.note_progress(job, Stage.DOWNLOAD, 0.5, 0, NOW)


def failed(job: Job) -> Job:
    return jobs.fail(job, Stage.DOWNLOAD, NotMedia("Text."), NOW)


class Scene:
    """A store, a hub, and clients that follow; `at(seconds, …)` has something happen."""

    def __init__(self) -> None:
        self.store = Store()
        self.hub = EventHub(self.store, inline)  # type: ignore[arg-type]
        self.pings: list[float] = []

    async def client(self, job_id: str = "job", org_id: str = "org", after: int = 0) -> Told:
        """Follows to the end; when which event was told."""
        told: Told = []
        with suppress(asyncio.CancelledError):
            follower = self.hub.follower(org_id, job_id, after)
            async for text in follow(follower, await follower.read(after), after):
                self.pings += [now()] * (text == PING)
                told += [(now(), number) for number in numbers(text)]
        return told

    def follow(self, job_id: str = "job", org_id: str = "org", after: int = 0) -> asyncio.Task[Told]:
        return asyncio.create_task(self.client(job_id, org_id, after))

    async def at(self, when: float, happens: Callable[[], object] = lambda: None) -> None:
        await asyncio.sleep(when - now())
        happens()

    async def rest(self) -> None:
        """Wait until the hub has noticed that no client follows."""
        await asyncio.sleep(POLL_SEC)
        assert self.hub.is_idle


def now() -> float:
    return asyncio.get_running_loop().time()


def numbers(text: str) -> Iterator[int]:
    for line in text.splitlines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))["sequence"]


def play(play: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    """Runs a scene to its end, and sees that nothing is left of it."""

    async def whole() -> None:
        scene = Scene()
        await play(scene)
        await scene.rest()

    run_virtually(whole())


STREAMS = 250


def test_many_idle_streams_cost_one_query_a_second_and_a_slow_look_each() -> None:
    async def idle(scene: Scene) -> None:
        for number in range(STREAMS):
            scene.store.add(f"job{number:04}")
        told = await asyncio.gather(*(scene.client(f"job{number:04}") for number in range(STREAMS)))
        assert [[number for _, number in each] for each in told] == [[1]] * STREAMS
        assert now() == pytest.approx(STREAM_SEC)
        assert STREAM_SEC - 2 <= scene.store.asked["look at org"] <= STREAM_SEC / POLL_SEC
        looks_each = STREAM_SEC / LOOK_SEC - 1
        assert scene.store.asked["events"] == STREAMS * (1 + looks_each)
        assert scene.store.asked.total() / STREAM_SEC < 6
        assert len(scene.pings) >= STREAMS * (STREAM_SEC / PING_SEC - 1)

    play(idle)


def test_an_organisation_with_many_active_jobs_is_looked_at_less_often() -> None:
    active, looks = 1000, 20

    async def busy(scene: Scene) -> None:
        for number in range(active):
            scene.store.add(f"job{number:04}")
        pause = poll_pause_sec(active)
        assert POLL_SEC < pause <= MAX_POLL_SEC
        one = scene.follow("job0007")
        await scene.at(looks * pause, lambda: scene.store.change(came_on, "job0007"))
        assert looks * pause * ROWS_PER_SEC >= active * (scene.store.asked["look at org"] - 1) >= (looks - 2) * active
        await scene.at((looks + 2) * pause)
        one.cancel()
        assert [number for _, number in await one] == [1, 2]
        await scene.at((looks + 4) * pause)

    play(busy)


def test_nothing_is_read_without_followers_and_nothing_of_other_organisations() -> None:
    async def quiet(scene: Scene) -> None:
        scene.store.add()
        scene.store.add(org_id="other")
        await scene.at(100)
        assert not scene.store.asked
        one = scene.follow()
        await scene.at(110.5)
        one.cancel()
        await scene.at(200)
        assert scene.store.asked == {"events": 1, "look at org": 10}

    play(quiet)


def test_only_followers_of_a_changed_job_wake_and_share_one_read() -> None:
    async def one_comes_on(scene: Scene) -> None:
        for name in ("job", "idle"):
            scene.store.add(name)
        busy = [scene.follow() for _ in range(50)]
        idle = [scene.follow("idle") for _ in range(50)]
        await scene.at(0.1)
        assert scene.store.asked["events"] == 2
        await scene.at(3.5, lambda: scene.store.change(came_on))
        await scene.at(4.1)
        assert scene.store.asked["events"] == 3
        await scene.at(5.5, lambda: scene.store.change(failed))
        assert [await each for each in busy] == [[(0, 1), (4, 2), (6, 3)]] * 50
        assert scene.store.asked["events"] == 4
        for each in idle:
            each.cancel()

    play(one_comes_on)


def test_who_joins_later_is_told_the_same() -> None:
    async def two(scene: Scene) -> None:
        scene.store.add()
        early = scene.follow()
        await scene.at(2.5, lambda: scene.store.change(came_on))
        await scene.at(10.2)
        late, resumed = scene.follow(), scene.follow(after=1)
        await scene.at(12.5, lambda: scene.store.change(failed))
        assert [number for _, number in await early] == [1, 2, 3]
        assert [number for _, number in await late] == [1, 2, 3]
        assert [number for _, number in await resumed] == [2, 3]

    play(two)


def test_who_is_woken_does_not_make_do_with_a_read_that_began_before() -> None:
    async def change_meanwhile(scene: Scene) -> None:
        scene.store.add()
        slow_now, release = False, asyncio.Event()

        async def slow(call: Callable[[], Any]) -> Any:
            result = call()
            if slow_now and isinstance(result, Sequence):
                await release.wait()
            return result

        scene.hub = EventHub(scene.store, slow)  # type: ignore[arg-type]
        waiting = scene.follow()
        await scene.at(1.2)
        slow_now, reading = True, scene.follow(after=1)
        await scene.at(1.4)
        slow_now = False
        scene.store.change(came_on)
        await scene.at(3.5, release.set)
        await scene.at(9.5, lambda: scene.store.change(failed))
        assert await waiting == [(0, 1), (2, 2), (10, 3)]
        assert [number for _, number in await reading] == [2, 3]
        assert now() == 10

    play(change_meanwhile)


def test_a_writer_that_crashed_before_the_index_is_found_by_a_read() -> None:
    async def stale(scene: Scene) -> None:
        scene.store.add()
        client = scene.follow()
        await scene.at(3, lambda: scene.store.stale.update(job=1))
        await scene.at(4, lambda: scene.store.change(came_on))
        await scene.at(70, lambda: scene.store.change(failed))
        assert await client == [(0, 1), (LOOK_SEC, 2), (2 * LOOK_SEC, 3)]

    play(stale)


def test_a_storage_that_is_away_for_a_while_ends_no_stream_and_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def away(scene: Scene) -> None:
        scene.store.add()
        clients = [scene.follow() for _ in range(20)]
        await scene.at(2.5, lambda: setattr(scene.store, "is_away", True))
        scene.store.change(came_on)
        await scene.at(100.5, lambda: setattr(scene.store, "is_away", False))
        await scene.at(103.5, lambda: scene.store.change(failed))
        assert [await each for each in clients] == [[(0, 1), (101, 2), (104, 3)]] * 20

    with caplog.at_level(logging.INFO):
        play(away)
    assert [record.message for record in caplog.records] == ["event log not read"]


def test_a_read_that_fails_after_the_waking_is_tried_again() -> None:
    async def away_for_the_read(scene: Scene) -> None:
        scene.store.add()
        failures = 3

        async def shaky(call: Callable[[], Any]) -> Any:
            nonlocal failures
            result = call()
            if now() > 1 and isinstance(result, Sequence) and failures:
                failures -= 1
                raise StorageUnavailable("away")
            return result

        scene.hub = EventHub(scene.store, shaky)  # type: ignore[arg-type]
        client = scene.follow()
        await scene.at(2.5, lambda: scene.store.change(failed))
        assert [number for _, number in await client] == [1, 2]
        assert now() == pytest.approx(3 + 3 * POLL_SEC)

    play(away_for_the_read)


def test_a_job_that_ended_and_began_again_is_followed_on() -> None:
    async def again(scene: Scene) -> None:
        scene.store.add()
        client = scene.follow()
        await scene.at(2.5, lambda: scene.store.change(failed))
        scene.store.change(lambda job: jobs.restart(job, NOW))
        await scene.at(5.5, lambda: scene.store.change(failed))
        assert await client == [(0, 1), (3, 2), (3, 3), (6, 4)]

    play(again)


def test_a_long_log_whose_last_event_fills_a_batch_ends_the_stream() -> None:
    async def long(scene: Scene) -> None:
        scene.store.add()
        for _ in range(2 * BATCH - 2):
            scene.store.change(came_on)
        scene.store.change(failed)
        assert [number for _, number in await scene.client()] == list(range(1, 2 * BATCH + 1))
        assert now() == 0

    play(long)


@contextmanager
def slow_reads(scene: Scene) -> Iterator[asyncio.Event]:
    released = asyncio.Event()

    async def slow(call: Callable[[], Any]) -> Any:
        await released.wait()
        return call()

    scene.hub = EventHub(scene.store, slow)  # type: ignore[arg-type]
    yield released


def test_a_follower_that_goes_away_while_waiting_leaves_no_trace() -> None:
    async def gone(scene: Scene) -> None:
        scene.store.add()
        clients = [scene.follow() for _ in range(10)]
        await scene.at(5.5)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients)
        await scene.at(5.5 + POLL_SEC)
        assert scene.hub.is_idle

    play(gone)


def test_a_follower_that_goes_away_while_reading_does_not_take_the_read_from_others() -> None:
    async def gone(scene: Scene) -> None:
        scene.store.add()
        scene.store.change(failed)
        with slow_reads(scene) as released:
            leaving, staying = scene.follow(), scene.follow()
            await scene.at(1)
            leaving.cancel()
            await scene.at(2, released.set)
            assert await leaving == []
            assert [number for _, number in await staying] == [1, 2]
            assert scene.store.asked["events"] == 1

    play(gone)


def test_a_failing_read_without_a_waiter_is_not_logged() -> None:
    async def gone(scene: Scene) -> None:
        scene.store.add()
        scene.store.is_away = True
        complaints: list[Mapping[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        with slow_reads(scene) as released:
            leaving = scene.follow()
            await scene.at(1)
            leaving.cancel()
            await scene.at(2, released.set)
            await leaving
        await asyncio.sleep(1)
        assert complaints == []

    play(gone)
