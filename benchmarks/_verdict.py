"""Judge by a stack's storage and log what a rough time lost, did twice, or left behind."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from azure.storage.queue import QueueServiceClient

from shared.domain.errors import NotFound
from shared.domain.message import StepKind
from shared.domain.stage import StageState
from shared.job_status import NEXT, JobStatus
from shared.storage.ports import RESULTS, SOURCES, WORK, Storage

ORG = "local"
POISON = "-poison"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; `bar` is the most that is allowed, None for what is only told. `is_pace` says that the
    figure depends on how fast the machine is."""

    what: str
    figure: float
    bar: float | None = None
    is_pace: bool = False

    @property
    def holds(self) -> bool:
        return self.bar is None or self.figure <= self.bar


def judge_jobs(
    storage: Storage, accepted: Iterable[str], excused: Collection[str] = (), shaken: Collection[str] = ()
) -> list[Line]:
    """Return the outcome of the accepted jobs.

    `excused` are those that the emulator, killed with -9, may have lost. `shaken` are those of which it may have lost a
    row, so that a step was done again or seems unfinished.
    """
    ends: Counter[str] = Counter()
    counts = Counter[str]()
    for job_id in accepted:
        try:
            job = storage.jobs.get(ORG, job_id).value
        except NotFound:
            counts["excused" if job_id in excused else "lost"] += 1
            continue
        ends[job.status] += 1
        counts["open"] += not job.is_final
        events = storage.jobs.events(ORG, job_id)
        statuses = [event.status for event in events]
        moves = [(one, other) for one, other in pairwise(statuses) if one is not other]
        counts["illegal"] += sum(other not in NEXT[one] for one, other in moves)
        counts["gaps"] += [event.sequence for event in events] != list(range(1, len(events) + 1))
        counts["twice"] += sum(other.is_final for _, other in moves) > 1
        rows = [stored.value for stored in storage.step_runs.of_job(job_id)]
        if job.status is JobStatus.DONE and job_id not in shaken:
            for stage, progress in job.stages.items():
                done = {row.number for row in rows if row.stage is stage and row.step is StepKind.PART}
                counts["parts"] += progress.state is StageState.DONE and len(done) != progress.parts
            counts["unfinished"] += any(row.state is not StageState.DONE for row in rows)
    return [
        *(Line(f"jobs that ended in {status}", ends[status]) for status in ("DONE", "ERROR")),
        Line("accepted jobs lost", counts["lost"], 0),
        *([Line("accepted jobs that Azurite forgot within 6 s of its -9", counts["excused"])] if excused else []),
        Line("accepted jobs not final", counts["open"], 0),
        Line("jobs final twice", counts["twice"], 0),
        Line("illegal status moves", counts["illegal"], 0),
        Line("event logs with gaps", counts["gaps"], 0),
        Line("stages whose parts were not distinct at the merge", counts["parts"], 0),
        Line("jobs DONE with a step that is not", counts["unfinished"], 0),
    ]


def judge_leftovers(storage: Storage, connection: str) -> list[Line]:
    """Return the blobs that belong to no job, and the messages in the poison queues."""
    orphans = 0
    for container in (WORK, RESULTS, SOURCES):
        for blob in storage.blobs.listing(container, ""):
            org_id, session_id, *rest = blob.name.split("/")
            try:
                storage.sessions.get(org_id, session_id)
                if container != SOURCES:
                    storage.jobs.get(org_id, rest[0])
            except NotFound:
                orphans += 1
    poison = 0
    with QueueServiceClient.from_connection_string(connection) as queues:
        for queue in queues.list_queues():
            if str(queue.name).endswith(POISON):
                properties = queues.get_queue_client(queue.name).get_queue_properties()
                poison += properties.approximate_message_count or 0
    return [Line("orphan blobs", orphans, 0), Line("messages left among the dead letters", poison, 0)]


def judge_log(
    lines: Iterable[Mapping[str, Any]], host_deaths: Iterable[datetime], shaken: Collection[str] = ()
) -> list[Line]:
    """Return the merges that ended more than once, except those of `shaken` jobs; and the recovery.

    Recovery is the time from the crash of a process in the middle of a step to the same step's next beginning. It
    includes
    the queue's `visibilityTimeout`, the wait for a free worker, crashes of the next worker, and for a crashed host the
    sweep. It does not include backoff after failures without a crash.
    """
    merges: Counter[tuple[str, str]] = Counter()
    running: dict[tuple[str, ...], str] = {}
    dead_since: dict[tuple[str, ...], datetime] = {}
    pauses: list[float] = []
    deaths = sorted(host_deaths, reverse=True)
    died = poison = 0
    for line in lines:
        at = datetime.fromisoformat(str(line["time"]))
        while deaths and deaths[-1] <= at:
            moment = deaths.pop()
            dead_since |= {key: moment for key in running if key not in dead_since}
            running.clear()
        key = tuple(str(line.get(name)) for name in ("job_id", "stage", "step", "part"))
        match line["message"]:
            case "step begins":
                if key in dead_since:
                    pauses.append((at - dead_since.pop(key)).total_seconds())
                running[key] = str(line.get("invocation"))
            case "step done":
                merges[key[0], key[1]] += key[2] == StepKind.MERGE and key[0] not in shaken
                running.pop(key, None)
            case "step failed":
                running.pop(key, None)
            case "message moves to the poison queue":
                poison += 1
            case "invocation died" | "invocation timed out":
                died += 1
                for key in [key for key, invocation in running.items() if invocation == line.get("invocation")]:
                    dead_since.setdefault(key, at)
                    del running[key]
    pauses.sort()
    return [
        Line("merges of one stage of one job, most", max(merges.values(), default=0), 1),
        Line("stages merged twice", sum(count > 1 for count in merges.values()), 0),
        Line("messages moved to the poison queues", poison),
        Line("invocations that crashed", died),
        Line("steps taken up after a death", len(pauses)),
        Line(
            "from a death to the work running again, median (s)", pauses[len(pauses) // 2] if pauses else 0.0, 15, True
        ),
        Line("the same, longest (s)", pauses[-1] if pauses else 0.0, 120, True),
    ]


def print_table(lines: Iterable[Line]) -> bool:
    """Print the table; return whether every bar holds."""
    lines = list(lines)
    for line in lines:
        bar = "" if line.bar is None else f"≤ {line.bar:g}"
        print(f"{line.what:<60}{line.figure:>10.4g}  {bar:<8}{'' if line.holds else 'VIOLATED'}")
    return all(line.holds for line in lines)
