"""Simulate the service under a day's recordings: queues, instances that come and go, and the limits of the storage.

Knows the shape of a job (stages, parts, messages ahead, turns of organisations, the sweep, followers) and takes every
figure from outside: `_scale_demand` measures them, `_scale_limits` has what Microsoft publishes.
"""

import math
import random
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from benchmarks._scale_demand import Demand, Measured
from benchmarks._scale_limits import (
    BLOB_REQUEST_PRICE,
    EXECUTION_PRICE,
    GB_SEC_PRICE,
    INSTANCE_GB,
    MIN_BILLED_SEC,
    QUEUE_REQUEST_PRICE,
    TABLE_REQUEST_PRICE,
    Platform,
)
from shared.api.events.hub import poll_pause_sec

SLICE_SEC = 10.0
"""What a step asks of the storage is spread in slices of this length, over which rates are measured too."""

READER_BYTES = 16 * 1024**2
"""What a reader of ranges holds: four blocks of 4 MiB."""

SWEEP_SEC = 15.0
SWEEP_BUDGET_SEC = 10.0

Process = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that arrives whole."""

    at_sec: float
    org: int
    length_sec: float


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long a kind of step computes on one core: a fixed time, and one for each second of what it works on."""

    fixed_sec: float
    per_sec: float

    def of(self, length_sec: float) -> float:
        return self.fixed_sec + self.per_sec * length_sec


@dataclass(frozen=True, slots=True)
class Work:
    """What a recording asks for."""

    times: Mapping[str, StepTime]
    """By stage and step; of a stage's whole recording, or of a part where the step is one."""

    measured: Measured
    part_sec: float = 300.0
    source_bytes_per_sec: float = 2.5e6 / 8
    """A lecture in 1080p at 2.5 Mbit/s."""

    messages_ahead: int = 2
    places_of_org: int = 16
    """`ROSTRUM_MAX_RUNNING_JOBS_PER_ORG`; 0: no limit."""

    look_pause_sec: Callable[[int], float] = poll_pause_sec
    """The pause of an event hub after a look at so many active jobs."""

    followed_share: float = 0.1
    """The share of active jobs that a client follows by events."""


class Meter:
    """A limit of so many units a second, and how near the use of it comes."""

    def __init__(self, per_sec: float) -> None:
        self.per_sec = per_sec
        self.total = 0.0
        self.peak_per_sec = 0.0
        self.throttled_at: float | None = None
        self._free_at = 0.0
        self._window = -1
        self._in_window = 0.0

    def take(self, now: float, units: float, over_sec: float = 0.0) -> float:
        """Take units that are asked for over the next `over_sec`; return the seconds by which they are late."""
        window = int(now / SLICE_SEC)
        if window != self._window:
            self._window, self._in_window = window, 0.0
        self._in_window += units
        self.total += units
        self.peak_per_sec = max(self.peak_per_sec, self._in_window / SLICE_SEC)
        if math.isinf(self.per_sec):
            return 0.0
        self._free_at = max(self._free_at, now) + units / self.per_sec
        late_sec = self._free_at - now - max(over_sec, SLICE_SEC)  # others asked for a slice at once, too
        if late_sec > 0 and self.throttled_at is None:
            self.throttled_at = now
        return max(0.0, late_sec)

    @property
    def share(self) -> float:
        """Return the highest use as a share of the limit."""
        return self.peak_per_sec / self.per_sec


@dataclass(eq=False)
class _Step:
    job: "_Job"
    name: str
    length_sec: float


@dataclass(eq=False)
class _Job:
    recording: Recording
    number: int
    started_at: float = 0.0
    done_at: float = math.inf
    open_stages: int = 0
    running_steps: int = 0
    rooms: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Messages that wait, by stage."""

    pending: dict[str, deque[_Step]] = field(default_factory=lambda: defaultdict(deque))
    left: dict[str, int] = field(default_factory=dict)
    """Steps of the present kind that are not done, by stage."""

    kinds: dict[str, deque[list[_Step]]] = field(default_factory=dict)


class _Function:
    """A function's queue and its instances, each of which runs one message at a time."""

    def __init__(self, service: "Simulation", name: str) -> None:
        self.service, self.name = service, name
        self.queue: deque[_Step] = deque()
        self.idle_since: list[float] = []
        self.busy = 0
        self.starting = 0
        self.most = 0

    @property
    def instances(self) -> int:
        return len(self.idle_since) + self.busy + self.starting

    def put(self, step: _Step) -> None:
        self.queue.append(step)
        if self.idle_since and self.queue:
            self._wake()

    def _wake(self) -> None:
        """Have an idle instance find the message with its next look at the queue."""
        service = self.service
        since = self.idle_since.pop()
        self.busy += 1
        longest = min(service.platform.poll_sec, 0.1 + service.env.now - since)
        service.env.process(self._work(service.random.uniform(0, longest)))

    def _work(self, pause_sec: float) -> Process:
        """Run messages until there are none."""
        env = self.service.env
        if pause_sec:
            yield env.timeout(pause_sec)
        while self.queue:
            yield from self.service.run_step(self.queue.popleft())
        self.busy -= 1
        self.idle_since.append(env.now)

    def _start(self) -> Process:
        """Start an instance that is counted already, and have it look at the queue."""
        yield self.service.env.timeout(self.service.platform.cold_start_sec)
        self.starting -= 1
        self.busy += 1
        yield from self._work(0.0)

    def decide(self) -> None:
        """Add instances for messages that have none, or take idle ones away."""
        service, platform = self.service, self.service.platform
        wanted = len(self.queue) + self.busy
        allowed = min(wanted, platform.instances_of_function)
        if wanted > platform.instances_of_function:
            service.hit(f"instances of {self.name}")
        room = platform.region_instances - service.instances
        missing = allowed - self.instances
        if missing > 0 and room < min(missing, platform.starts_at_once):
            service.hit("instances of the region")
        if missing > platform.starts_at_once:
            service.hit("instances started at once")
        for _ in range(max(0, min(missing, platform.starts_at_once, room))):
            self.starting += 1
            service.env.process(self._start())
        self.most = max(self.most, self.instances)
        if not self.queue:
            oldest = service.env.now - platform.idle_sec
            self.idle_since = [since for since in self.idle_since if since > oldest]


class Simulation:
    """A service over some recordings; `run` returns when every job has ended."""

    def __init__(
        self,
        recordings: Sequence[Recording],
        work: Work,
        platform: Platform,
        *,
        seed: int = 1,
        function_of: Callable[[str], str] = lambda name: name.partition(" ")[0],
    ) -> None:
        self.env = simpy.Environment()
        self.random = random.Random(seed)
        self.work, self.platform = work, platform
        self.jobs = [_Job(each, number) for number, each in enumerate(recordings)]
        self.meters: dict[tuple[str, object], Meter] = {}
        self.first_hits: dict[str, float] = {}
        self.billed_sec = 0.0
        self.busy_sec = 0.0
        self.executions = 0
        self.most_instances = 0
        self.longest_sweep_sec = 0.0
        self._function_of = function_of
        self._functions: dict[str, _Function] = {}
        self._active: dict[int, dict[int, _Job]] = defaultdict(dict)
        self._begun: dict[int, int] = defaultdict(int)
        self._turns: dict[int, deque[_Job]] = defaultdict(deque)
        self._left = len(self.jobs)

    @property
    def instances(self) -> int:
        """Return the instances of all functions."""
        return sum(each.instances for each in self._functions.values())

    @property
    def instances_by_function(self) -> dict[str, int]:
        """Return the most instances that each function had."""
        return {name: each.most for name, each in self._functions.items()}

    @property
    def cost(self) -> float:
        """Return US dollars for executions and requests."""
        requests = {
            service: self.meters[f"{service} requests", None].total
            if (f"{service} requests", None) in self.meters
            else 0
            for service in ("table", "queue", "blob")
        }
        return (
            self.billed_sec * INSTANCE_GB * GB_SEC_PRICE
            + self.executions * EXECUTION_PRICE
            + requests["table"] * TABLE_REQUEST_PRICE
            + requests["queue"] * QUEUE_REQUEST_PRICE
            + requests["blob"] * BLOB_REQUEST_PRICE
        )

    def partitions(self) -> set[str]:
        """Return the names of the meters of tables' partitions."""
        return {name for name, _ in self.meters if " " in name and not name.startswith(("queue ", "bytes "))} - {
            f"{service} requests" for service in ("table", "queue", "blob")
        }

    def shares(self) -> dict[str, float]:
        """Return the highest share of each kind of limit that was used at once."""
        found: dict[str, float] = {}
        for (name, _), meter in self.meters.items():
            found[name] = max(found.get(name, 0.0), meter.share)
        return found

    def hits(self) -> dict[str, float]:
        """Return when each limit first held work up."""
        found = dict(self.first_hits)
        for (name, _), meter in self.meters.items():
            if meter.throttled_at is not None:
                found[name] = min(found.get(name, math.inf), meter.throttled_at)
        return found

    def run(self) -> None:
        """Run until every job has ended."""
        self.env.process(self._arrivals())
        self.env.process(self._scale())
        self.env.process(self._sweeps())
        self.env.process(self._follow())
        self.env.run()

    def hit(self, limit: str) -> None:
        """Note a limit that holds work up, at its first time."""
        self.first_hits.setdefault(limit, self.env.now)

    def _arrivals(self) -> Process:
        for job in sorted(self.jobs, key=lambda each: each.recording.at_sec):
            yield self.env.timeout(job.recording.at_sec - self.env.now)
            org = job.recording.org
            self._take(self.work.measured.submit, job)
            self._active[org][job.number] = job
            self._turns[org].append(job)
            self._give_turns(org)

    def _give_turns(self, org: int) -> None:
        places, turns = self.work.places_of_org, self._turns[org]
        while turns and (places == 0 or self._begun[org] < places):
            job = turns.popleft()
            self._begun[org] += 1
            job.started_at = self.env.now
            self._begin_stages(job, ("download",))
        if turns:
            self.hit("running jobs of an organisation")

    def _begin_stages(self, job: _Job, stages: Sequence[str]) -> None:
        for stage in stages:
            job.open_stages += 1
            job.kinds[stage] = deque(self._steps_of(job, stage))
            self._begin_kind(job, stage)

    def _steps_of(self, job: _Job, stage: str) -> Iterator[list[_Step]]:
        length = job.recording.length_sec
        parts = max(1, math.ceil(length / self.work.part_sec)) if stage != "download" else 1
        for kind in {
            "download": ("part",),
            "transcription": ("part", "merge"),
            "tracking": ("prepare", "part", "merge"),
        }[stage]:
            count = parts if kind == "part" else 1
            yield [_Step(job, f"{stage} {kind}", length / count) for _ in range(count)]

    def _begin_kind(self, job: _Job, stage: str) -> None:
        steps = job.kinds[stage].popleft()
        job.left[stage] = len(steps)
        job.pending[stage].extend(steps)
        self._send(job, stage)

    def _send(self, job: _Job, stage: str) -> None:
        """Send messages while few of the job's wait in the stage's queue."""
        pending = job.pending[stage]
        while pending and job.rooms[stage] < self.work.messages_ahead:
            job.rooms[stage] += 1
            step = pending.popleft()
            self.function(self._function_of(step.name)).put(step)

    def function(self, name: str) -> _Function:
        """Return the function with this name."""
        return self._functions.setdefault(name, _Function(self, name))

    def run_step(self, step: _Step) -> Process:
        """Run a step on the instance that took its message, and move its job on."""
        job, stage = step.job, step.name.partition(" ")[0]
        began = self.env.now
        job.rooms[stage] -= 1
        self._send(job, stage)
        job.running_steps += 1
        demand = self.work.measured.steps[step.name]
        cpu_sec = self.work.times[step.name].of(step.length_sec)
        left_sec = cpu_sec + sum(demand.requests.values()) * self.platform.request_sec
        late_sec = self._take(demand, job, over_sec=left_sec)
        whole_sec = left_sec
        while left_sec > 0:
            slice_sec = min(left_sec, SLICE_SEC)
            late_sec += self._take_bytes(demand, step, slice_sec, slice_sec / whole_sec)
            late_sec += self._take(self.work.measured.heartbeat, job, over_sec=slice_sec, times=slice_sec)
            yield self.env.timeout(slice_sec + late_sec)
            left_sec -= slice_sec
            late_sec = 0.0
        job.running_steps -= 1
        taken_sec = self.env.now - began
        self.busy_sec += taken_sec
        self.billed_sec += max(MIN_BILLED_SEC, math.ceil(taken_sec * 10) / 10)
        self.executions += 1
        self._follow_step(job, stage)

    def _follow_step(self, job: _Job, stage: str) -> None:
        job.left[stage] -= 1
        if job.left[stage]:
            return
        if job.kinds[stage]:
            self._begin_kind(job, stage)
            return
        job.open_stages -= 1
        if stage == "download":
            self._begin_stages(job, ("transcription", "tracking"))
        elif job.open_stages == 0:
            self._end(job)

    def _end(self, job: _Job) -> None:
        job.done_at = self.env.now
        org = job.recording.org
        del self._active[org][job.number]
        self._begun[org] -= 1
        self._left -= 1
        for _ in range(self.work.measured.tasks_of_job):
            self._take(self.work.measured.tasks, job)
            self.billed_sec += MIN_BILLED_SEC
            self.executions += 1
        self._give_turns(org)

    def _take(
        self,
        demand: Demand,
        job: _Job,
        *,
        over_sec: float = 1.0,
        times: float = 1.0,
    ) -> float:
        """Take what some work asks for from every limit; return by how much the slowest of them is late.

        Args:
            demand: of one run of the work.
            job: whose work it is.
            over_sec: the time over which it is asked for.
            times: how many runs there are.
        """
        org, active = job.recording.org, len(self._active[job.recording.org])
        now, platform, late = self.env.now, self.platform, 0.0
        for name, rows in demand.rows.items():
            others = max(0, active - 1)
            if not name.startswith("jobindex"):  # of the jobs that wait, only those with a place are read
                others = min(others, self.work.places_of_org)
            rows += demand.rows_of_others.get(name, 0.0) * others
            scope: object = job.number if "{job}" in name or "{session}" in name else org if "{org}" in name else None
            if "{task}" not in name:
                late = max(late, self._meter(name, scope, platform.rows_per_sec).take(now, rows * times, over_sec))
        for service, requests in demand.requests.items():
            limit = {
                "table": platform.table_requests_per_sec,
                "queue": platform.queue_requests_per_sec,
                "blob": platform.blob_requests_per_sec,
            }[service]
            late = max(late, self._meter(f"{service} requests", None, limit).take(now, requests * times, over_sec))
        for queue, messages in demand.messages.items():  # each is put, taken and deleted
            taken = 3 * messages * times
            late = max(late, self._meter(f"queue {queue}", None, platform.messages_per_sec).take(now, taken, over_sec))
        return late

    def _take_bytes(self, demand: Demand, step: _Step, over_sec: float, share: float) -> float:
        """Take a share of the bytes that a step moves, which grow with what it works on; return how late they are.

        A part reads its share of the recording and some blocks more, since it was measured on a small one.
        """
        measured, whole = self.work.measured, step.job.recording.length_sec
        source = self.work.source_bytes_per_sec * whole
        read = source * demand.source_bytes / measured.source_bytes
        if step.name.endswith(" part"):
            read = min(read, source * step.length_sec / whole + READER_BYTES)
        is_part = step.name.endswith(" part") and not step.name.startswith("download")
        grown = step.length_sec / (min(measured.part_sec, measured.length_sec) if is_part else measured.length_sec)
        read += demand.other_bytes * grown
        now, platform = self.env.now, self.platform
        return max(
            self._meter("bytes read", None, platform.egress_bytes_per_sec).take(now, read * share, over_sec),
            self._meter("bytes written", None, platform.ingress_bytes_per_sec).take(
                now, demand.written_bytes * grown * share, over_sec
            ),
        )

    def _meter(self, name: str, scope: object, per_sec: float) -> Meter:
        key = name, scope
        found = self.meters.get(key)
        if found is None:
            found = self.meters[key] = Meter(per_sec)
        return found

    def _scale(self) -> Process:
        while self._left:
            functions = list(self._functions.values())
            self.random.shuffle(functions)
            for each in functions:
                each.decide()
            self.most_instances = max(self.most_instances, self.instances)
            yield self.env.timeout(self.platform.decision_sec)

    def _sweeps(self) -> Process:
        """Look at every running job; the order is random and a run's time is bounded, as in the service."""
        while self._left:
            yield self.env.timeout(SWEEP_SEC)
            began = [
                job for jobs in self._active.values() for job in jobs.values() if job.started_at or job.open_stages
            ]
            each_sec = sum(self.work.measured.sweep.requests.values()) * self.platform.request_sec
            self.longest_sweep_sec = max(self.longest_sweep_sec, each_sec * len(began))
            most = math.ceil(SWEEP_BUDGET_SEC / each_sec) if each_sec else len(began)
            index_rows = self.work.measured.follow.rows_of_others
            for org, jobs in self._active.items():
                for name, rows in index_rows.items():
                    self._meter(name, org, self.platform.rows_per_sec).take(self.env.now, rows * len(jobs), SWEEP_SEC)
            for job in began[:most]:
                self._take(_without_scans(self.work.measured.sweep), job, over_sec=SWEEP_SEC)

    def _follow(self) -> Process:
        """Have the API's instances look at the index for their followers at their pace, and read what is new."""
        measured = self.work.measured
        while self._left:
            yield self.env.timeout(SLICE_SEC)
            streams = {org: self.work.followed_share * len(jobs) for org, jobs in self._active.items()}
            instances = math.ceil(sum(streams.values()) / self.platform.streams_of_instance)
            for org, count in streams.items():
                if count > 0:
                    job = next(iter(self._active[org].values()))
                    pause_sec = self.work.look_pause_sec(len(self._active[org]))
                    looks = SLICE_SEC / pause_sec * min(instances, math.ceil(count))
                    self._take(measured.follow, job, over_sec=SLICE_SEC, times=looks)
                    running = [each for each in self._active[org].values() if each.running_steps]
                    events = SLICE_SEC * self.work.followed_share * len(running)
                    self._take(measured.follow_event, job, over_sec=SLICE_SEC, times=events)


def _without_scans(demand: Demand) -> Demand:
    """Return the demand of one job without the scan of the index, which one run makes once for all."""
    return Demand(rows=demand.rows, requests=demand.requests)
