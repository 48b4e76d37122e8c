"""Measure what a job, a heartbeat, a follower and the sweep ask of the storage, by running the real code.

Apart from `_scale_model`, which knows nothing of the service: it takes these figures.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from benchmarks._scale_record import Recorded, Recorder
from shared.domain import job as jobs
from shared.domain.idempotency import Reserved
from shared.domain.job import Job, new_job
from shared.domain.message import QUEUES, StageMessage, StepKind
from shared.domain.options import JobOptions
from shared.domain.stage import Stage, StageState
from shared.domain.step_run import StepRun
from shared.domain.task import TASK_QUEUES, TaskMessage
from shared.job_status import JobStatus
from shared.pipeline.context import Delivery, Services
from shared.pipeline.execution.heartbeat import Heartbeat
from shared.pipeline.execution.run_step import run_step
from shared.pipeline.execution.sweep import sweep
from shared.pipeline.jobs.submit import JobRequest
from shared.pipeline.jobs.uploads import announce_upload, commit_upload
from shared.pipeline.registry import job_manager
from shared.pipeline.tasks.run_task import run_task
from shared.settings import Settings
from shared.storage.ports import SOURCES
from shared.wiring import build_services

ORG = "measured-organisation"
OTHER_JOBS = 10
"""Other active jobs of the organisation while a job is measured: the rows of theirs that it reads are what grows."""

SWEPT_JOBS = 50
"""Active jobs of the organisation while a sweep is measured."""

BEATS = 30
"""Heartbeats of the part that is measured: the seconds of a tracking part over five minutes of recording."""
PARTS = 12
"""Parts of each stage where heartbeats are measured, as in an hour of recording."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What one run of some work asks of the storage, on average."""

    rows: dict[str, float] = field(default_factory=dict)
    """Rows by kind of partition, such as `jobs {org}`."""

    rows_of_others: dict[str, float] = field(default_factory=dict)
    """Rows by kind of partition for each other active job of the organisation."""

    requests: dict[str, float] = field(default_factory=dict)
    """Requests by service."""

    messages: dict[str, float] = field(default_factory=dict)
    """Messages by queue."""

    source_bytes: float = 0.0
    """Bytes read of the recording."""

    other_bytes: float = 0.0
    """Bytes read of what other steps wrote."""

    written_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of the service."""

    submit: Demand
    steps: dict[str, Demand]
    """By stage and step, such as `tracking part`."""

    tasks: Demand
    """One background task of a job."""

    tasks_of_job: int
    heartbeat: Demand
    """A second of a running part."""

    follow: Demand
    """A look of an event hub at an organisation's jobs."""

    follow_event: Demand
    """Reading one event of a followed job."""

    sweep: Demand
    """A run of the sweep, for each running job."""

    cpu_sec: dict[str, list[float]]
    """The CPU seconds of each run by stage and step; those of tasks under `task`."""

    source_bytes: int
    length_sec: float
    part_sec: float
    makespan_cpu_sec: float
    """From the first message to the end of the last one."""


def measure(clip: Path, settings: Settings) -> Measured:
    """Run a job over the recording, with its tasks and a sweep, and the heartbeats of a part; return what they ask."""
    recorder = Recorder(lambda: datetime.now(UTC))
    still = settings.model_copy(update={"heartbeat_sec": 3600.0})  # heartbeats are measured by themselves
    services = build_services(still, recorder.storage)
    for number in range(OTHER_JOBS):
        _create_other_job(services, number)
    with recorder.during("submit"):
        job = _submit(services, clip, "measured-job")
    cpu_sec: dict[str, list[float]] = defaultdict(list)
    began = _cpu()
    _run_jobs(services, recorder, cpu_sec, {job.job_id})
    makespan = _cpu() - began
    ended = services.storage.jobs.get(ORG, job.job_id).value
    if ended.status is not JobStatus.DONE:
        raise RuntimeError(f"the job ended as {ended.status}: {ended.error}")
    with recorder.during("event"):
        services.storage.jobs.events(ORG, job.job_id, after=ended.event_sequence - 1)
    names = {job.job_id: "{job}", job.session_id: "{session}", ORG: "{org}"}
    demands = {label: _demand(each, names) for label, each in recorder.by_label.items()}
    running = measure_running(settings)
    return Measured(
        submit=demands["submit"],
        steps={label: each for label, each in demands.items() if label not in ("submit", "task", "event")},
        tasks=demands["task"],
        tasks_of_job=recorder.by_label["task"].runs,
        heartbeat=running["heartbeat"],
        follow=running["follow"],
        follow_event=demands["event"],
        sweep=running["sweep"],
        cpu_sec=dict(cpu_sec),
        source_bytes=clip.stat().st_size,
        length_sec=_length_sec(services, ended),
        part_sec=settings.tracking_part_sec,
        makespan_cpu_sec=makespan,
    )


def _length_sec(services: Services, job: Job) -> float:
    recording = services.storage.sessions.get(ORG, job.session_id).value.recording
    assert recording is not None  # the job is done
    return recording.duration_sec


def run_one_by_one(clips: Sequence[Path], settings: Settings) -> tuple[list[float], float]:
    """Submit the recordings at once and run their jobs in one process; return their lengths, and the CPU seconds."""
    recorder = Recorder(lambda: datetime.now(UTC))
    services = build_services(settings, recorder.storage)
    submitted = [_submit(services, clip, f"job-{number}") for number, clip in enumerate(clips)]
    began = _cpu()
    _run_jobs(services, recorder, defaultdict(list), {job.job_id for job in submitted})
    spent = _cpu() - began
    ended = [services.storage.jobs.get(ORG, job.job_id).value for job in submitted]
    if any(job.status is not JobStatus.DONE for job in ended):
        raise RuntimeError("a job did not end as DONE")
    return [_length_sec(services, job) for job in ended], spent


def _submit(services: Services, clip: Path, job_id: str) -> Job:
    reserved = Reserved(session_id=f"session-of-{job_id}", job_id=job_id, resource_id=f"upload-of-{job_id}")
    size = clip.stat().st_size
    upload = announce_upload(services, ORG, clip.name, size, "video/mp4", JobOptions(), reserved).upload
    services.storage.blobs.write(SOURCES, upload.source_blob, clip.read_bytes(), "video/mp4")
    return commit_upload(services, JobRequest(org_id=ORG, job_id=job_id), upload.upload_id)


def _run_jobs(
    services: Services, recorder: Recorder, cpu_sec: dict[str, list[float]], job_ids: Collection[str]
) -> None:
    """Play the host: deliver every message of these jobs, and of their tasks, one at a time."""
    numbers = count()
    while (message := recorder.memory.queues.pop(*QUEUES.values(), *TASK_QUEUES)) is not None:
        delivery = Delivery(f"m{next(numbers)}", 1)
        began = _cpu()
        if isinstance(message, StageMessage):
            if message.job_id not in job_ids:
                continue
            label = f"{message.stage} {message.step}"
            with recorder.during(label):
                run_step(services, message, delivery)
        else:
            assert isinstance(message, TaskMessage)
            label = "task"
            with recorder.during(label):
                run_task(services, job_manager, message, delivery)
        cpu_sec[label].append(_cpu() - began)


def measure_running(settings: Settings) -> dict[str, Demand]:
    """Return what a second of a running part, a look at an organisation's jobs, and a sweep's look at a job ask.

    The heartbeats come by hand, each one second after the one before; the part is done after `BEATS` of them.
    """
    now = datetime(2026, 1, 1, tzinfo=UTC)
    recorder = Recorder(lambda: now)
    services = Services(recorder.storage, settings, lambda: now, lambda: "id", {})
    for number in range(OTHER_JOBS):
        _create_other_job(services, number)
    job = _planned_job(services)
    claimed = [
        services.storage.step_runs.create(_run(job.job_id, stage, number).claimed("m:1", now))
        for stage in (Stage.TRACKING, Stage.TRANSCRIPTION)
        for number in range(PARTS)
    ]
    heartbeat = Heartbeat(services, job, claimed[0])
    with recorder.during("heartbeat"):
        for second in range(BEATS):
            now += timedelta(seconds=1)
            heartbeat.report(second / BEATS)
            heartbeat.tick()
    with recorder.during("follow"):
        services.storage.jobs.active_sequences(ORG)
    names = {job.job_id: "{job}", ORG: "{org}"}
    found = {label: _demand(each, names) for label, each in recorder.by_label.items()}
    return {**found, "heartbeat": _scaled(found["heartbeat"], 1 / BEATS), "sweep": _measure_sweep(settings)}


def _measure_sweep(settings: Settings) -> Demand:
    """Return what a sweep asks for one running job that lacks nothing, among so many that they are read together."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    recorder = Recorder(lambda: now)
    everywhere = settings.model_copy(update={"max_running_jobs_per_org": 0})
    services = Services(recorder.storage, everywhere, lambda: now, lambda: "id", {})
    for number in range(SWEPT_JOBS - 1):
        _create_other_job(services, number)
    job = _planned_job(services)
    prepared = _run(job.job_id, Stage.TRACKING, 0).evolve(step=StepKind.PREPARE, state=StageState.DONE)
    services.storage.step_runs.create(prepared)
    for stage in (Stage.TRACKING, Stage.TRANSCRIPTION):
        for number in range(PARTS):
            services.storage.step_runs.create(_run(job.job_id, stage, number).claimed("m:1", now))
    sweep(services)  # which may have something to mend
    with recorder.during("sweep"):
        sweep(services)
    asked = _demand(recorder.by_label["sweep"], {job.job_id: "{job}", ORG: "{org}"})
    return replace(asked, requests={name: number / SWEPT_JOBS for name, number in asked.requests.items()})


def _create_other_job(services: Services, number: int) -> None:
    """Create an active job that waits for its download's message, which comes later."""
    job = _active_job(f"other-{number:02}")
    services.storage.jobs.create(job)
    later = services.clock() + timedelta(days=1)
    services.storage.step_runs.create(_run(job.job_id, Stage.DOWNLOAD, 0).evolve(sends=1, sent_at=later))


def _run(job_id: str, stage: Stage, number: int) -> StepRun:
    return StepRun(job_id=job_id, stage=stage, step=StepKind.PART, number=number, job_attempt=1)


def _planned_job(services: Services) -> Job:
    now = services.clock()
    job = _active_job("measured-job")
    services.storage.jobs.create(job)
    plan = {Stage.TRANSCRIPTION: PARTS, Stage.TRACKING: PARTS}
    changes: list[Callable[[Job], Job]] = [
        lambda job: jobs.plan_stages(job, plan, {Stage.RENDITION: "none"}, now),
        lambda job: jobs.finish_stage(job, Stage.DOWNLOAD, now),
    ]
    for change in changes:
        stored = services.storage.jobs.get(ORG, job.job_id)
        services.storage.jobs.update(stored, change(stored.value))
    return services.storage.jobs.get(ORG, job.job_id).value


def _active_job(job_id: str) -> Job:
    return new_job(
        job_id=job_id,
        session_id="s",
        org_id=ORG,
        now=datetime(2026, 1, 1, tzinfo=UTC),
        options=JobOptions(),
        callback_url=None,
        traceparent=None,
    )


def _demand(recorded: Recorded, names: dict[str, str]) -> Demand:
    own: Counter[str] = Counter()
    others: Counter[str] = Counter()
    buckets: Counter[tuple[str, str]] = Counter()
    for (table, partition, key), rows in recorded.rows.items():
        for value, name in names.items():
            partition = partition.replace(value, name)
        if "other-" in key or "other-" in partition:
            others[f"{table} {partition.split('other-')[0]}"] += rows
        elif table == "tasks":
            own["tasks {task}"] += rows
        elif table == "words":  # spread over buckets by their token: the fullest one counts
            buckets[table, partition] += rows
        else:
            own[f"{table} {partition}"] += rows
    if buckets:
        own["words {org}|bucket"] = max(buckets.values())
    runs = recorded.runs
    return Demand(
        rows={name: rows / runs for name, rows in own.items()},
        rows_of_others={name: rows / runs / OTHER_JOBS for name, rows in others.items()},
        requests={name: number / runs for name, number in recorded.requests.items()},
        messages={name: number / runs for name, number in recorded.messages.items()},
        source_bytes=recorded.read_bytes[SOURCES] / runs,
        other_bytes=(recorded.read_bytes.total() - recorded.read_bytes[SOURCES]) / runs,
        written_bytes=recorded.written_bytes.total() / runs,
    )


def _scaled(demand: Demand, by: float) -> Demand:
    def scaled(values: dict[str, float]) -> dict[str, float]:
        return {name: value * by for name, value in values.items()}

    return Demand(
        rows=scaled(demand.rows),
        rows_of_others=scaled(demand.rows_of_others),
        requests=scaled(demand.requests),
        messages=scaled(demand.messages),
        source_bytes=demand.source_bytes * by,
        other_bytes=demand.other_bytes * by,
        written_bytes=demand.written_bytes * by,
    )


def _cpu() -> float:
    return time.process_time()
