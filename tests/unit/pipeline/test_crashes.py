"""A process that dies before any of its writes, in every use case: nothing accepted is lost, nothing is done twice."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Conflict, NotFound
from shared.domain.message import QUEUES, StepKind
from shared.domain.stage import Stage, StageState
from shared.job_status import JobStatus
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.housekeeping.clean_up import clean_up
from shared.pipeline.housekeeping.delete_session import delete_session
from shared.pipeline.housekeeping.requeue import requeue_dead_letters
from shared.pipeline.jobs.submit import JobRequest, retry_job, submit_url
from shared.storage.ports import RESULTS, SOURCES, WORK
from tests.unit.pipeline.mortal_house import MortalHouse, RandomFate

pytestmark = pytest.mark.usefixtures("no_pauses")

URL = "https://example.com/talk.mp4"
REQUEST = JobRequest(org_id="acme", job_id="j", session_id="s")
PARTS = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1}
MORE_WRITES_THAN_THERE_ARE = 400


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before writing again what somebody else has written meanwhile."""
    monkeypatch.setattr("shared.pipeline.updates.MAX_PAUSE_SEC", 0.0)


def every_death(act: Callable[[int], bool]) -> int:
    """Calls with 1, 2, … until no death comes any more."""
    for death in range(1, MORE_WRITES_THAN_THERE_ARE):
        if not act(death):
            return death - 1
    raise AssertionError("there are too many writes")


def submitted(house: MortalHouse) -> None:
    """Whoever submits and gets no answer asks again with the same key."""
    while not house.alive(lambda: submit_url(house.services, REQUEST, URL)):
        pass


def assert_done_once(house: MortalHouse) -> None:
    history = house.history("acme", "j")
    assert history[-1] is JobStatus.DONE
    assert history.count(JobStatus.DONE) == 1
    rows = [stored.value for stored in house.storage.step_runs.of_job("j")]
    assert {row.state for row in rows} == {StageState.DONE}
    assert len(rows) == 1 + (2 + 1) + (1 + 1 + 1)
    assert list(house.storage.jobs.all_active()) == []


@pytest.mark.parametrize("lost", [False, True], ids=["redelivered", "lost"])
def test_death_before_every_write_of_a_whole_job(lost: bool) -> None:
    def act(death: int) -> bool:
        house = MortalHouse(parts=PARTS, loses=lambda: lost)
        house.fate.left = death
        submitted(house)
        house.live()
        assert_done_once(house)
        assert max(house.ran.values()) <= 2
        return house.fate.left <= 0

    assert every_death(act) > 40


@pytest.mark.parametrize("lost", [False, True], ids=["redelivered", "lost"])
def test_death_before_every_write_of_giving_up_and_trying_again(lost: bool) -> None:
    stage = Stage.TRACKING

    def act(death: int) -> bool:
        house = MortalHouse(parts=PARTS, loses=lambda: lost)

        def fail(context: Any) -> None:
            raise ValueError("again")

        house.instead[stage, StepKind.PART] = fail
        submitted(house)
        house.fate.left = death
        house.live()
        assert house.history("acme", "j")[-1] is JobStatus.ERROR
        assert len(list(house.storage.dead_letters.of_queue("acme", QUEUES[stage]))) >= 1
        house.instead.clear()
        while not house.alive(lambda: requeue_dead_letters(house.services, "acme", QUEUES[stage])):
            pass
        house.live()
        assert_done_once(house)
        return house.fate.left <= 0

    assert every_death(act) > 10


def test_death_before_every_write_of_cancel_and_retry() -> None:
    stage = Stage.TRANSCRIPTION

    def act(death: int) -> bool:
        house = MortalHouse(parts=PARTS)

        def cancel(context: Any) -> None:
            del house.instead[stage, StepKind.PART]
            house.fate.left = death
            cancel_job(house.services, "acme", "j")
            context.confirm()

        house.instead[stage, StepKind.PART] = cancel
        submitted(house)
        house.live()
        job = house.storage.jobs.get("acme", "j").value
        if not job.cancel_requested:  # the caller died before the wish was written, and asks again or leaves it
            assert_done_once(house)
            return True
        assert house.history("acme", "j")[-1] is JobStatus.CANCELED
        died = house.fate.left <= 0

        def again() -> None:
            with suppress(Conflict):  # the first request got that far
                retry_job(house.services, "acme", "j")

        house.fate.left = death
        while not house.alive(again):
            pass
        house.live()
        assert_done_once(house)
        return died or house.fate.left <= 0

    assert every_death(act) > 3


@pytest.mark.parametrize("at_work", [True, False])
def test_death_before_every_write_of_a_deletion(at_work: bool) -> None:
    def act(death: int) -> bool:
        house = MortalHouse(parts=PARTS)

        def delete() -> None:
            house.fate.left = house.fate.left if house.fate.left is not None else death
            try:
                delete_session(house.services, "acme", "s")
            except NotFound:
                return

        if at_work:
            house.instead[Stage.TRACKING, StepKind.MERGE] = lambda context: delete()
        submitted(house)
        house.live()
        while not house.alive(delete):
            pass
        house.alive(lambda: clean_up(house.services))
        house.live()
        assert not house.exists("acme", "j")
        blobs = [blob.name for where in (SOURCES, WORK, RESULTS) for blob in house.storage.blobs.listing(where, "")]
        assert blobs == []
        assert list(house.storage.jobs.all_active()) == []
        return house.fate.left is not None and house.fate.left <= 0

    assert every_death(act) > 10


def test_death_before_every_write_of_the_sweep() -> None:
    def act(death: int) -> bool:
        house = MortalHouse(parts=PARTS)
        submitted(house)
        house.take()
        house.now += timedelta(minutes=5)
        house.fate.left = death
        died = not house.alive(lambda: sweep(house.services))
        house.live()
        assert_done_once(house)
        return died

    assert every_death(act) >= 2


@pytest.mark.parametrize("seed", range(10))
def test_deaths_losses_and_duplicates_by_chance(seed: int) -> None:
    dice = random.Random(seed)
    fate = RandomFate(chance=0.03, dice=dice)
    house = MortalHouse(
        parts=PARTS,
        fate=fate,
        loses=lambda: dice.random() < 0.3,
        doubles=lambda: dice.random() < 0.1,
    )
    submitted(house)
    for _ in range(12):
        house.live(turns=10)
        house.now += timedelta(minutes=10)  # the clock jumps
    fate.cruel = False
    house.live()
    for _ in range(5):
        if house.history("acme", "j")[-1] is JobStatus.ERROR:  # five deaths of one step
            error = house.storage.jobs.get("acme", "j").value.error
            assert error is not None
            assert error.code == "stage_exhausted"
            assert requeue_dead_letters(house.services, "acme", QUEUES[error.stage or Stage.DOWNLOAD]) == 1
            house.live()
    assert_done_once(house)
