"""The pipeline over the in-memory storage: every stage's work is a small function, the road is the real one."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import job as jobs
from shared.domain.errors import InvalidRequest, NotMedia, SourceUnavailable
from shared.domain.message import StepKind
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import StepRun
from shared.job_status import JobStatus
from shared.pipeline.context import ContinueLater, StepContext
from shared.pipeline.execution.advance import NOTED_ENDS
from shared.pipeline.execution.failure import handle_poison_message
from shared.pipeline.execution.heartbeat import PARTS_SHARE
from shared.pipeline.execution.run_step import Delivery, run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.jobs.submit import JobRequest, retry_job, submit_url
from shared.pipeline.updates import change_job
from shared.storage.ports import Stored
from tests.support.pipeline_harness import SETTINGS
from tests.support.scripted_store import instead


def test_a_short_recording_goes_the_whole_way(harness: Any) -> None:
    job = harness.submit()
    harness.drain()

    done = harness.job(job)
    assert done.status is JobStatus.DONE
    assert done.progress == 1.0
    assert done.stage is None
    assert {stage: progress.state for stage, progress in done.stages.items()} == dict.fromkeys(Stage, StageState.DONE)
    assert harness.statuses(job) == [
        JobStatus.CREATED,
        JobStatus.DOWNLOADED,
        JobStatus.TRANSCRIBED,
        JobStatus.DONE,
    ]
    assert set(harness.ran.values()) == {1}
    assert list(harness.storage.jobs.all_active()) == []


@pytest.mark.parametrize(
    ("parts", "skipped"),
    [
        pytest.param({Stage.TRACKING: 2}, {Stage.TRANSCRIPTION: "no sound"}, id="silent film"),
        pytest.param({Stage.TRANSCRIPTION: 2}, {Stage.TRACKING: "no picture"}, id="sound only"),
    ],
)
def test_a_stage_that_does_not_apply_is_skipped_and_says_why(
    new_harness: Any, parts: dict[Stage, int], skipped: dict[Stage, str]
) -> None:
    harness = new_harness(parts=parts, skipped=skipped)
    job = harness.submit()
    harness.drain()

    done = harness.job(job)
    (stage, reason), *_ = skipped.items()
    assert done.status is JobStatus.DONE
    assert (done.stages[stage].state, done.stages[stage].reason) == (StageState.SKIPPED, reason)
    assert not any(ran_stage == stage for ran_stage, _, _ in harness.ran)


def test_messages_that_arrive_twice_change_nothing(harness: Any) -> None:
    job = harness.submit()
    harness.drain(deliveries=3)

    assert harness.job(job).status is JobStatus.DONE
    assert set(harness.ran.values()) == {1}
    sequence = [event.sequence for event in harness.storage.jobs.events(job.org_id, job.job_id)]
    assert sequence == list(range(1, len(sequence) + 1))


@given(st.integers(1, 5), st.integers(1, 5), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_parts_in_any_order_are_merged_once(
    new_harness: Any, transcriptions: int, trackings: int, shuffler: random.Random
) -> None:
    harness = new_harness(parts={Stage.TRANSCRIPTION: transcriptions, Stage.TRACKING: trackings})
    job = harness.submit()
    waiting = harness.take()
    while waiting:
        shuffler.shuffle(waiting)
        message = waiting.pop()
        run_step(harness.services, message, Delivery(f"{message.stage}{message.step}{message.part}", 1))
        if shuffler.random() < 0.3:
            run_step(harness.services, message, Delivery("again", 1))
        waiting += harness.take()

    assert harness.job(job).status is JobStatus.DONE
    assert set(harness.ran.values()) == {1}
    assert harness.job(job).stages[Stage.TRACKING].parts_done == trackings


@pytest.mark.parametrize("lost", range(7))
def test_a_lost_message_is_sent_again_by_the_sweep(harness: Any, lost: int) -> None:
    job = harness.submit()
    numbers = count()
    for _ in range(20):
        for message in harness.take():
            if next(numbers) != lost:
                run_step(harness.services, message, Delivery(f"m{next(numbers)}", 1))
        if not harness.job(job).is_final:
            harness.now += timedelta(minutes=5)
            sweep(harness.services)

    assert harness.job(job).status is JobStatus.DONE


def test_a_sweep_that_knows_the_job_from_before_its_plan_merges_nothing_early(harness: Any) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 3, Stage.TRACKING: 1}
    before_plan = harness.submit()
    (download,) = harness.take()
    run_step(harness.services, download, Delivery("download", 1))
    first, *_ = (message for message in harness.take() if message.stage is Stage.TRANSCRIPTION)
    run_step(harness.services, first, Delivery("first", 1))

    sweep(instead(harness.services, "jobs", all_active=lambda choose: iter([before_plan])))

    assert [message for message in harness.take() if message.step is StepKind.MERGE] == []


def test_a_job_that_cannot_be_swept_does_not_keep_the_others_from_it(
    harness: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broken, waiting = harness.submit(), harness.submit()
    harness.take()
    of_job = harness.storage.step_runs.of_job

    def fail_for_the_broken(job_id: str, stage: Stage | None = None) -> Sequence[Stored[StepRun]]:
        if job_id == broken.job_id:
            raise ValueError("an unreadable row")
        return of_job(job_id, stage)

    services = instead(harness.services, "step_runs", of_job=fail_for_the_broken)
    services = instead(services, "jobs", all_active=lambda choose: iter([broken, waiting]))
    harness.now += timedelta(minutes=5)

    assert sweep(services) == 1
    assert [message.job_id for message in harness.take()] == [waiting.job_id]
    assert "an unreadable row" in caplog.text


def test_a_message_that_waits_its_turn_is_sent_again_ever_more_rarely(harness: Any) -> None:
    harness.submit()
    harness.take()
    resent = []
    for _ in range(12 * 60):
        harness.now += timedelta(minutes=1)
        resent.append(sweep(harness.services))

    assert 5 <= sum(resent) <= 18
    assert sum(resent[:60]) > sum(resent[-60:])


def crash(context: StepContext) -> None:
    """Ends as a killed process does: nothing after it runs, not even what writes the outcome."""
    raise SystemExit


@pytest.mark.parametrize(("stage", "step"), [(stage, step) for stage in Stage for step in StepKind])
def test_a_step_whose_process_was_killed_is_taken_over_by_its_next_delivery(
    harness: Any, stage: Stage, step: StepKind
) -> None:
    job = harness.submit()
    killed = 0
    while messages := harness.take():
        for message in messages:
            dequeue_count = 1
            if (message.stage, message.step) == (stage, step):
                harness.instead[stage, step] = crash
                with pytest.raises(SystemExit):
                    run_step(harness.services, message, Delivery("m", 1))
                del harness.instead[stage, step]
                run_step(harness.services, message, Delivery("another", 1))  # a duplicate leaves the claim alone
                killed, dequeue_count = killed + 1, 2
            run_step(harness.services, message, Delivery("m", dequeue_count))

    assert harness.job(job).status is JobStatus.DONE
    assert killed == sum(1 for ran_stage, ran_step, _ in harness.ran if (ran_stage, ran_step) == (stage, step))


def test_a_step_whose_host_was_killed_is_taken_over_when_its_lease_ends(harness: Any) -> None:
    job = harness.submit()
    (message,) = harness.take()
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = crash
    with pytest.raises(SystemExit):
        run_step(harness.services, message, Delivery("hidden for ten minutes", 1))
    harness.instead.clear()

    harness.now += timedelta(minutes=3)
    assert sweep(harness.services) == 1
    harness.drain()

    assert harness.job(job).status is JobStatus.DONE


def test_a_final_failure_ends_the_job_at_once(harness: Any) -> None:
    def refuse(context: StepContext) -> None:
        raise NotMedia("talk.mp4 is a text file.")

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = refuse
    job = harness.submit()
    harness.drain()

    failed = harness.job(job)
    assert failed.status is JobStatus.ERROR
    assert failed.error is not None
    assert (failed.error.code, failed.error.detail) == ("not_media", "talk.mp4 is a text file.")
    assert failed.stages[Stage.DOWNLOAD].state is StageState.FAILED
    (row,) = harness.storage.step_runs.of_job(job.job_id)
    assert (row.value.state, row.value.last_error) == (StageState.FAILED, "talk.mp4 is a text file.")
    assert harness.statuses(job) == [JobStatus.CREATED]
    assert harness.take() == []


def stumble(context: StepContext) -> None:
    raise SourceUnavailable("The server answered 503.")


def test_a_passing_failure_rests_and_the_next_attempt_mends_it(harness: Any) -> None:
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = stumble
    job = harness.submit()
    (message,) = harness.take()
    run_step(harness.services, message, Delivery("m", 1))
    assert harness.job(job).status is JobStatus.CREATED
    assert harness.take() == []  # it rests
    (row,) = harness.storage.step_runs.of_job(job.job_id)
    assert (row.value.state, row.value.last_error) == (StageState.WAITING, "The server answered 503.")

    harness.instead.clear()
    harness.now += timedelta(seconds=10)
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE
    assert harness.job(job).stages[Stage.DOWNLOAD].attempts == 2


def test_rests_grow_and_are_no_two_alike(harness: Any) -> None:
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = stumble
    rests: dict[float, list[float]] = {}
    for chance in (0.0, 1.0):
        job = harness.submit()
        (message,) = harness.take()
        for attempt in range(4):
            run_step(harness.services, message, Delivery(f"m{attempt}", 1), random=partial(float, chance))
            (row,) = harness.storage.step_runs.of_job(job.job_id)
            rests.setdefault(chance, []).append(round((row.value.sent_at - harness.now).total_seconds()))
            harness.now += timedelta(minutes=2)
            (message,) = harness.take()
        run_step(harness.services, message, Delivery("last", 1))
        assert harness.job(job).status is JobStatus.ERROR
    assert rests == {0.0: [5, 10, 20, 40], 1.0: [10, 20, 40, 80]}


def test_a_source_that_is_away_for_a_minute_is_waited_for(harness: Any) -> None:
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = stumble
    job = harness.submit()
    away_until = harness.now + timedelta(minutes=1)
    while not harness.job(job).is_final:
        if harness.now >= away_until:
            harness.instead.clear()
        harness.now += timedelta(seconds=1)
        harness.drain()
    assert harness.job(job).status is JobStatus.DONE


def test_a_step_that_fails_again_and_again_ends_the_job_and_names_the_last_failure(harness: Any) -> None:
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = stumble
    job = harness.submit()
    while not harness.job(job).is_final:
        harness.now += timedelta(minutes=2)
        harness.drain()

    error = harness.job(job).error
    assert error is not None
    assert (error.code, error.retryable) == ("stage_exhausted", True)
    assert "5 times" in error.detail
    assert harness.ran[Stage.DOWNLOAD, StepKind.PART, 0] == 5
    (row,) = harness.storage.step_runs.of_job(job.job_id)
    assert row.value.state is StageState.FAILED
    assert "The server answered 503." in error.detail
    assert harness.take() == []


def test_a_step_that_takes_its_host_with_it_is_not_tried_for_ever(harness: Any) -> None:
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = crash
    job = harness.submit()
    for number in range(20):
        for message in harness.take():
            try:
                run_step(harness.services, message, Delivery(f"m{number}", 1))
            except SystemExit:
                continue  # the message is hidden from all for ten minutes
        harness.now += timedelta(minutes=2)
        sweep(harness.services)

    error = harness.job(job).error
    assert error is not None
    assert (error.code, harness.ran[Stage.DOWNLOAD, StepKind.PART, 0]) == ("stage_exhausted", 5)
    assert "without a word" in error.detail


def test_what_the_host_gave_up_is_asked_for_again_while_there_are_attempts_left(harness: Any) -> None:
    job = harness.submit()
    (message,) = harness.take()
    handle_poison_message(harness.services, message)  # the storage was away at each delivery
    assert not harness.job(job).is_final

    harness.now += timedelta(minutes=2)
    sweep(harness.services)
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE


def test_an_internal_error_never_shows_its_text(harness: Any) -> None:
    def fail(context: StepContext) -> None:
        raise ValueError("secret path /home/me")

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = fail
    job = harness.submit()
    while not harness.job(job).is_final:
        harness.now += timedelta(minutes=2)
        harness.drain()

    error = harness.job(job).error
    assert error is not None
    assert "secret" not in error.detail
    assert "ValueError" in error.detail


def test_a_step_may_go_on_in_another_invocation(harness: Any) -> None:
    def rest_twice(context: StepContext) -> None:
        if harness.ran[Stage.DOWNLOAD, StepKind.PART, 0] < 3:
            raise ContinueLater

    harness.instead[Stage.DOWNLOAD, StepKind.PART] = rest_twice
    job = harness.submit()
    harness.drain()

    assert harness.job(job).status is JobStatus.DONE
    assert harness.ran[Stage.DOWNLOAD, StepKind.PART, 0] == 3
    (part,) = harness.storage.step_runs.of_job(job.job_id, Stage.DOWNLOAD)
    assert (part.value.attempts, part.value.sends) == (1, 1)  # a rest is no failed attempt
    assert harness.job(job).stages[Stage.DOWNLOAD].attempts == 1


def test_a_finished_part_counts_before_its_stage_is_merged(harness: Any) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1}
    job = harness.submit()
    (download,) = harness.take()
    run_step(harness.services, download, Delivery("download", 1))
    parts = [message for message in harness.take() if message.stage is Stage.TRANSCRIPTION]

    seen = []
    for message in parts:
        run_step(harness.services, message, Delivery(f"part {message.part}", 1))
        stage = harness.job(job).stages[Stage.TRANSCRIPTION]
        seen.append((stage.parts_done, stage.progress))

    assert seen == [(1, PARTS_SHARE / 2), (2, PARTS_SHARE)]


def test_of_many_parts_few_read_all_rows_when_they_end(new_harness: Any) -> None:
    parts = 4 * NOTED_ENDS
    settings = SETTINGS.model_copy(update={"messages_ahead": parts})
    harness = new_harness(
        parts={Stage.TRANSCRIPTION: parts}, skipped={Stage.TRACKING: "", Stage.RENDITION: ""}, settings=settings
    )
    job = harness.submit(options={})
    (download,) = harness.take()
    run_step(harness.services, download, Delivery("download", 1))
    reads: Counter[int] = Counter()
    seen = []

    def of_job(job_id: str, stage: Stage | None = None) -> Sequence[Stored[StepRun]]:
        reads[message.part] += 1
        return of_job_really(job_id, stage)

    of_job_really = harness.storage.step_runs.of_job
    counting = instead(harness.services, "step_runs", of_job=of_job)
    for message in harness.take():
        run_step(counting, message, Delivery(f"part {message.part}", 1))
        seen.append(harness.job(job).stages[Stage.TRANSCRIPTION].parts_done)

    assert set(reads) == {*range(0, parts, 4), parts - 1}
    assert seen[::4] == list(range(1, parts + 1, 4))
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE


def test_the_last_of_many_parts_to_end_has_them_merged(new_harness: Any) -> None:
    parts = 2 * NOTED_ENDS
    settings = SETTINGS.model_copy(update={"messages_ahead": parts})
    harness = new_harness(parts={Stage.TRANSCRIPTION: parts, Stage.TRACKING: 1}, settings=settings)
    job = harness.submit()
    (download,) = harness.take()
    run_step(harness.services, download, Delivery("download", 1))
    messages = [message for message in harness.take() if message.stage is Stage.TRANSCRIPTION]
    for message in reversed(messages):
        assert harness.take() == []
        run_step(harness.services, message, Delivery(f"part {message.part}", 1))
    assert [message.step for message in harness.take()] == [StepKind.MERGE]
    assert harness.job(job).stages[Stage.TRANSCRIPTION].parts_done == parts


def test_a_stage_has_begun_also_where_its_first_part_is_late(new_harness: Any) -> None:
    harness = new_harness(parts={Stage.TRANSCRIPTION: 3, Stage.TRACKING: 1})
    job = harness.submit()
    (download,) = harness.take()
    run_step(harness.services, download, Delivery("download", 1))
    second = next(message for message in harness.take() if (message.stage, message.part) == (Stage.TRANSCRIPTION, 1))
    run_step(harness.services, second, Delivery("second", 1))
    stage = harness.job(job).stages[Stage.TRANSCRIPTION]
    assert (stage.state, stage.attempts, stage.parts_done) == (StageState.RUNNING, 1, 1)
    assert stage.started_at is not None


def test_a_part_that_ends_after_its_job_is_kept_for_the_next_attempt(new_harness: Any) -> None:
    harness = new_harness(parts={Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1})
    place = Stage.TRANSCRIPTION, StepKind.PART

    def end_the_job(context: StepContext) -> None:
        del harness.instead[place]
        error = NotMedia("No.")
        change_job(
            harness.services, "acme", job.job_id, lambda each: jobs.fail(each, Stage.TRACKING, error, harness.now)
        )

    harness.instead[place] = end_the_job
    job = harness.submit()
    harness.drain()
    assert harness.job(job).status is JobStatus.ERROR
    retry_job(harness.services, "acme", job.job_id)
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE
    assert set(harness.ran.values()) == {1}


def test_a_dead_letter_does_not_end_a_step_that_another_delivery_works_on(harness: Any) -> None:
    job = harness.submit()
    (message,) = harness.take()
    harness.instead[Stage.DOWNLOAD, StepKind.PART] = lambda context: handle_poison_message(harness.services, message)
    run_step(harness.services, message, Delivery("m", 1))
    assert not harness.job(job).is_final
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE


def test_an_address_with_a_password_is_not_stored(harness: Any) -> None:
    with pytest.raises(InvalidRequest, match="password"):
        submit_url(harness.services, JobRequest(org_id="acme"), "https://me:secret@example.com/talk.mp4")


def test_progress_never_goes_down(harness: Any) -> None:
    harness.parts = {Stage.TRANSCRIPTION: 3, Stage.TRACKING: 2}
    job = harness.submit()
    harness.drain()
    progress = [event.progress for event in harness.storage.jobs.events(job.org_id, job.job_id)]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
