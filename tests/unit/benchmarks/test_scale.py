"""The simulation of many recordings: every job ends, one instance takes the sum of its steps, limits hold work up."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from benchmarks._scale_demand import BEATS, Demand, Measured, measure_running
from benchmarks._scale_limits import Platform
from benchmarks._scale_model import Meter, Recording, Simulation, StepTime, Work
from benchmarks._scale_record import Recorder
from benchmarks.scale import LENGTHS, PEAK_SEC, arrivals
from shared.domain.message import StageMessage, StepKind
from shared.domain.stage import Stage
from shared.pipeline.execution.heartbeat import JOB_LOOK_SEC
from shared.settings import Settings
from shared.storage.ports import WORK

STEPS = {
    "download part": StepTime(2.0, 0.0),
    "transcription part": StepTime(0.0, 0.05),
    "transcription merge": StepTime(1.0, 0.0),
    "tracking prepare": StepTime(3.0, 0.0),
    "tracking part": StepTime(0.0, 0.1),
    "tracking merge": StepTime(1.0, 0.0),
}
UNLIMITED = Platform(
    instances_of_function=10_000,
    region_instances=10_000,
    starts_at_once=10_000,
    decision_sec=1.0,
    cold_start_sec=0.0,
    idle_sec=math.inf,
    poll_sec=0.0,
    request_sec=0.0,
    rows_per_sec=math.inf,
    table_requests_per_sec=math.inf,
    queue_requests_per_sec=math.inf,
    messages_per_sec=math.inf,
    blob_requests_per_sec=math.inf,
    ingress_bytes_per_sec=math.inf,
    egress_bytes_per_sec=math.inf,
)
ALONE = replace(UNLIMITED, instances_of_function=1, region_instances=1)
NOTHING = Demand()
ROWS = Demand(rows={"jobs {org}": 10.0}, requests={"table": 10.0})


def work(step: Demand = NOTHING, heartbeat: Demand = NOTHING, **settings: float) -> Work:
    measured = Measured(
        submit=NOTHING,
        steps=dict.fromkeys(STEPS, step),
        tasks=NOTHING,
        tasks_of_job=0,
        heartbeat=heartbeat,
        follow=NOTHING,
        follow_event=NOTHING,
        sweep=NOTHING,
        cpu_sec={},
        source_bytes=1,
        length_sec=60.0,
        part_sec=10.0,
        makespan_cpu_sec=0.0,
    )
    return Work(STEPS, measured, **{"places_of_org": 0, **settings})  # type: ignore[arg-type]


def run(recordings: list[Recording], work: Work, platform: Platform = UNLIMITED) -> Simulation:
    simulation = Simulation(recordings, work, platform, function_of=lambda _: "all")
    simulation.run()
    return simulation


def seconds_of(length_sec: float) -> float:
    return 2.0 + 0.05 * length_sec + 1.0 + 3.0 + 0.1 * length_sec + 1.0


def test_every_job_ends_and_all_its_work_is_done_once() -> None:
    recordings = [Recording(at, int(at) % 3, 100.0 + 40 * at) for at in range(40)]
    simulation = run(recordings, work(places_of_org=2))
    assert all(job.done_at < math.inf for job in simulation.jobs)
    assert simulation.busy_sec == pytest.approx(sum(seconds_of(each.length_sec) for each in recordings))
    parts = sum(math.ceil(each.length_sec / 300) for each in recordings)
    assert simulation.executions == 2 * parts + 4 * len(recordings)


def test_one_instance_takes_the_sum_of_the_steps() -> None:
    recordings = [Recording(0.0, 0, length) for length in (60.0, 700.0, 1000.0)]
    simulation = run(recordings, work(), ALONE)
    makespan = max(job.done_at for job in simulation.jobs)
    first_decision_sec = 1.0
    assert makespan - first_decision_sec == pytest.approx(sum(seconds_of(each.length_sec) for each in recordings))


def test_enough_instances_take_the_longest_chain_of_steps() -> None:
    simulation = run([Recording(0.0, 0, 3000.0)], work(messages_ahead=100))
    assert simulation.jobs[0].done_at == pytest.approx(2.0 + 3.0 + 0.1 * 300.0 + 1.0, abs=4.0)  # a decision a kind


def test_a_partition_at_its_limit_holds_work_up() -> None:
    recordings = [Recording(0.0, 0, 600.0) for _ in range(10)]
    free = run(recordings, work(heartbeat=ROWS))
    tight = run(recordings, work(heartbeat=ROWS), replace(UNLIMITED, rows_per_sec=20.0))
    assert max(job.done_at for job in tight.jobs) > 2 * max(job.done_at for job in free.jobs)
    assert free.hits() == {}
    assert "jobs {org}" in tight.hits()


def test_organisations_have_partitions_of_their_own() -> None:
    limit = replace(UNLIMITED, rows_per_sec=1000.0)
    shares = [
        run([Recording(0.0, each % orgs, 600.0) for each in range(12)], work(heartbeat=ROWS), limit).shares()
        for orgs in (1, 12)
    ]
    assert shares[0]["jobs {org}"] > 5 * shares[1]["jobs {org}"]


def test_an_organisation_runs_as_many_jobs_as_it_has_places() -> None:
    recordings = [Recording(0.0, 0, 600.0) for _ in range(6)]
    simulation = run(recordings, work(places_of_org=1))
    alone = run(recordings[:1], work()).jobs[0].done_at
    assert max(job.done_at for job in simulation.jobs) == pytest.approx(6 * alone, rel=0.3)
    assert "running jobs of an organisation" in simulation.hits()


def test_instances_stay_within_the_region() -> None:
    recordings = [Recording(0.0, 0, 3000.0) for _ in range(20)]
    simulation = run(recordings, work(), replace(UNLIMITED, region_instances=7))
    assert simulation.most_instances == 7
    assert "instances of the region" in simulation.hits()


def test_a_meter_tells_the_busiest_moment_and_what_comes_late() -> None:
    meter = Meter(per_sec=100.0)
    assert meter.take(0.0, 500.0, over_sec=10.0) == 0.0
    assert meter.share == pytest.approx(0.5)
    assert meter.throttled_at is None
    assert meter.take(0.0, 1000.0, over_sec=10.0) == pytest.approx(5.0)
    assert meter.throttled_at == 0.0


def test_recordings_come_after_the_hour() -> None:
    found = arrivals(1100, 4)
    assert len(found) == 300
    assert all(each.at_sec % 3600 <= PEAK_SEC for each in found)
    assert {each.org for each in found} == {0, 1, 2, 3}
    assert sum(share for share, *_ in LENGTHS) == pytest.approx(1.0)
    long = [each for each in found if 40 * 60 <= each.length_sec <= 95 * 60]
    assert 0.75 < len(long) / len(found) < 0.95


def test_a_running_part_asks_little_of_the_partitions_that_all_jobs_share() -> None:
    demands = measure_running(Settings())
    heartbeat, looks = demands["heartbeat"], BEATS / JOB_LOOK_SEC
    assert heartbeat.rows["parts {job}"] >= 1
    assert looks / BEATS <= heartbeat.rows["jobs {org}"] <= 2 * looks / BEATS
    assert heartbeat.rows["jobindex active:{org}"] <= 2 * looks / BEATS
    assert demands["follow"].rows_of_others["jobindex active:{org}"] == 1
    assert demands["sweep"].rows["jobs {org}"] == 1


def test_what_is_recorded_stands_under_its_label() -> None:
    recorder = Recorder(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    message = StageMessage(job_id="j", org_id="o", session_id="s", stage=Stage.DOWNLOAD, step=StepKind.PART)
    recorder.storage.blobs.write(WORK, "before", b"12", "text/plain")
    with recorder.during("work"):
        recorder.storage.blobs.write(WORK, "name", b"12345", "text/plain")
        assert recorder.storage.blobs.read(WORK, "name") == b"12345"
        recorder.storage.queues.send(message)
        assert list(recorder.storage.jobs.active("o")) == []
        assert not recorder.storage.step_runs.of_job("j")
    found = recorder.by_label["work"]
    assert (found.runs, found.requests) == (1, {"blob": 2, "queue": 1, "table": 2})
    assert (found.read_bytes[WORK], found.written_bytes[WORK]) == (5, 5)
    assert found.messages == {message.queue: 1}
