"""Parts: one row per step, claimed by exactly one of many."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from shared.domain.errors import NotFound, WriteConflict
from shared.domain.message import StepKind
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import StepRun
from shared.storage.ports import Storage

NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, UTC)
MakePart = Callable[..., StepRun]


def test_every_field_comes_back_as_it_was(storage: Storage, make_part: MakePart) -> None:
    full = make_part(12).evolve(
        state=StageState.RUNNING,
        owner="message:2",
        progress=2 / 3,
        attempts=2,
        sends=3,
        sent_at=NOW,
        heartbeat_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        last_error="The source's server did not answer.\nTwice.",
    )
    stored = storage.step_runs.create(full)
    assert storage.step_runs.get(make_part(12)) == stored
    assert stored.value == full


def test_creating_again_gives_what_is_there(storage: Storage, make_part: MakePart) -> None:
    created = storage.step_runs.create(make_part())
    claimed = storage.step_runs.update(created, created.value.evolve(owner="someone"))
    assert storage.step_runs.create(make_part()) == claimed


def test_a_part_that_is_not_there_is_not_found(storage: Storage, make_part: MakePart) -> None:
    with pytest.raises(NotFound):
        storage.step_runs.get(make_part())


def test_who_read_too_early_does_not_write(storage: Storage, make_part: MakePart) -> None:
    read = storage.step_runs.create(make_part())
    quicker = storage.step_runs.update(read, read.value.evolve(owner="quicker"))
    with pytest.raises(WriteConflict):
        storage.step_runs.update(read, read.value.evolve(owner="slower"))
    assert storage.step_runs.get(make_part()) == quicker


def test_a_field_that_becomes_none_is_cleared(storage: Storage, make_part: MakePart) -> None:
    stored = storage.step_runs.create(make_part().evolve(owner="someone", last_error="x"))
    storage.step_runs.update(stored, make_part())
    assert storage.step_runs.get(make_part()).value == make_part()


def test_parts_come_in_the_order_in_which_they_happen(storage: Storage, make_part: MakePart) -> None:
    expected = [
        make_part(0, Stage.DOWNLOAD),
        *(make_part(number, Stage.TRANSCRIPTION) for number in (0, 1, 9, 10)),
        make_part(0, Stage.TRANSCRIPTION, StepKind.MERGE),
        make_part(0, Stage.TRACKING, StepKind.PREPARE),
        *(make_part(number, Stage.TRACKING) for number in (0, 100)),
        make_part(0, Stage.TRACKING, StepKind.MERGE),
    ]
    for part in reversed(expected):
        storage.step_runs.create(part)
    job_id = make_part().job_id
    assert [stored.value for stored in storage.step_runs.of_job(job_id)] == expected
    assert [stored.value for stored in storage.step_runs.of_job(job_id, Stage.TRANSCRIPTION)] == expected[1:6]
    assert storage.step_runs.of_job(job_id, Stage.DOWNLOAD)[0] == storage.step_runs.get(expected[0])
    assert list(storage.step_runs.of_job("another")) == []


def test_of_many_finishers_one_asks_for_the_merge(storage: Storage, make_part: MakePart) -> None:
    count, deliveries = 12, 2  # each message twice
    claims: list[int] = []
    together = threading.Barrier(count * deliveries)
    for number in range(count):
        storage.step_runs.create(make_part(number))

    def finish(delivery: int) -> None:
        together.wait()
        number = delivery % count
        stored = storage.step_runs.create(make_part(number))
        while stored.value.state is not StageState.DONE:
            try:
                stored = storage.step_runs.update(stored, stored.value.evolve(state=StageState.DONE))
            except WriteConflict:
                stored = storage.step_runs.get(stored.value)
        rows = storage.step_runs.of_job(stored.value.job_id, Stage.TRACKING)
        if sum(row.value.state is StageState.DONE for row in rows if row.value.step is StepKind.PART) < count:
            return
        merge = storage.step_runs.create(make_part(0, Stage.TRACKING, StepKind.MERGE))
        if merge.value.sends == 0:
            try:
                storage.step_runs.update(merge, merge.value.evolve(sends=1))
            except WriteConflict:
                return
            claims.append(delivery)

    with ThreadPoolExecutor(count * deliveries) as pool:
        list(pool.map(finish, range(count * deliveries)))
    assert len(claims) == 1


def test_a_stage_has_an_open_part_until_all_its_parts_are_done(storage: Storage, make_part: MakePart) -> None:
    def is_open() -> bool:
        return storage.step_runs.has_open_part(make_part().job_id, Stage.TRANSCRIPTION)

    storage.step_runs.create(make_part(0, Stage.TRACKING))
    storage.step_runs.create(make_part(0, Stage.TRANSCRIPTION, StepKind.MERGE))
    assert not is_open()

    for state in StageState:
        if state is not StageState.DONE:
            for number in range(2):
                part = storage.step_runs.create(make_part(number, Stage.TRANSCRIPTION))
                storage.step_runs.update(part, part.value.evolve(state=StageState.DONE if number else state))
            assert is_open()
            part = storage.step_runs.get(make_part(0, Stage.TRANSCRIPTION))
            storage.step_runs.update(part, part.value.evolve(state=StageState.DONE))
            assert not is_open()
