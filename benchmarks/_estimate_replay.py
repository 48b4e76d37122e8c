"""Replay the estimates of recorded jobs in many orders, and tell how good they were.

One run of a benchmark is one order of a few jobs, whose result is a matter of luck. What was learned before a job, and
what it was told then, follow from rows alone: so the same jobs are replayed as often as is wanted, without their work.
"""

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

from benchmarks._job_rows import JobRows
from shared.domain import job as jobs
from shared.domain.estimate import estimate_of
from shared.domain.pace import Pace
from shared.pipeline.context import Services
from shared.pipeline.stages.expectations import expect, learn, read_paces
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import Storage, Stored
from shared.wiring import build_services

WITHIN = 0.25
"""An estimate is right within this share of the job's real duration."""

AT = 0.1
"""The share of a job at which its estimate is judged."""

TAUGHT = 2
"""Jobs of a kind that teach before the next ones of the kind count."""


@dataclass(frozen=True)
class Judged:
    """How right the estimates of one job were."""

    by_progress: float | None
    """By how much of its real duration the job was estimated too long, where its progress was nearest to a tenth; None
    where it was told no estimate."""
    by_time: float | None
    """The same at the first estimate after a tenth of its real duration."""
    inside: bool
    """Whether it ended inside the range that was told with `by_progress`."""
    swing: float
    """The largest change of the estimated end between two rows, as a share of the real duration."""

    @property
    def is_right(self) -> bool:
        """Return whether the estimate was near enough."""
        return self.by_progress is not None and abs(self.by_progress) <= WITHIN


@dataclass(frozen=True)
class Summary:
    """What many judgements come to."""

    count: int
    right: float
    right_by_time: float
    inside: float
    swing: float
    """The swing that one job in ten exceeds."""
    right_of: Mapping[str, float]
    """The share that was right, by the kind of recording."""

    @classmethod
    def of(cls, judged: Sequence[tuple[str, Judged]]) -> "Summary":
        """Return the summary of these, each with the kind of its recording."""
        count = len(judged)
        seen, right = Counter(name for name, _ in judged), Counter(name for name, each in judged if each.is_right)
        swings = sorted(each.swing for _, each in judged)
        return cls(
            count=count,
            right=sum(each.is_right for _, each in judged) / count,
            right_by_time=sum(each.by_time is not None and abs(each.by_time) <= WITHIN for _, each in judged) / count,
            inside=sum(each.inside for _, each in judged) / count,
            swing=swings[math.ceil(0.9 * count) - 1],
            right_of={name: right[name] / number for name, number in sorted(seen.items())},
        )

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {share:.0%}" for name, share in self.right_of.items())
        return (
            f"{self.right:.0%} of {self.count} within {WITHIN:.0%} at a tenth of the progress, {self.right_by_time:.0%}"
            f" at a tenth of the time; {self.inside:.0%} end in the range (meant: 80%); swing {self.swing:.0%} "
            f"({kinds})"
        )


def judge(job: JobRows) -> Judged:
    """Return how right the estimates were that the job's rows tell."""
    began_at = job.rows[-1].started_at
    finished_at = job.rows[-1].finished_at
    assert began_at is not None
    assert finished_at is not None
    told = [(row, estimate) for row in job.rows if (estimate := estimate_of(row)) is not None]
    if not told:
        return Judged(None, None, inside=False, swing=0.0)

    def share(sec: float) -> float:
        return sec / job.took_sec

    def error(place: int) -> float:
        return share((told[place][1].done_at - finished_at).total_seconds())

    nearest = min(range(len(told)), key=lambda place: abs(told[place][0].progress - AT))
    ages = [share((row.updated_at - began_at).total_seconds()) for row, _ in told]
    later = next((place for place, age in enumerate(ages) if age >= AT), len(told) - 1)
    estimate = told[nearest][1]
    ends = [found.done_at for _, found in told]
    swings = [abs(share((after - before).total_seconds())) for before, after in pairwise(ends)]
    return Judged(error(nearest), error(later), estimate.low <= finished_at <= estimate.high, max(swings, default=0.0))


class _Paces:
    """A `PaceStore` in a dictionary."""

    def __init__(self) -> None:
        self._rows: dict[str, Stored[Pace]] = {}

    def all(self) -> Mapping[str, Stored[Pace]]:
        return dict(self._rows)

    def create(self, pace: Pace) -> None:
        self._rows[pace.kind] = Stored(pace, "")

    def update(self, stored: Stored[Pace], pace: Pace) -> None:
        self._rows[pace.kind] = Stored(pace, stored.etag)


def replay(recorded: Sequence[JobRows]) -> Iterator[tuple[JobRows, Judged]]:
    """Yield each job with its judgement, as if they ran in this order on a stack that had learned nothing yet."""
    services = _fresh_services()
    for job in recorded:
        again = _told_anew(services, job)
        learn(services, again.rows[-1])
        yield again, judge(again)


def replay_counted(recorded: Sequence[JobRows]) -> Iterator[tuple[str, Judged]]:
    """Yield the kind and the judgement of each job before which two others of its kind have taught."""
    taught: Counter[str] = Counter()
    for job, found in replay(recorded):
        if taught[job.name] >= TAUGHT:
            yield job.name, found
        taught[job.name] += 1


def replay_orders(recorded: Sequence[JobRows], orders: int, seed: int) -> Summary:
    """Return the summary of so many random orders of the same jobs."""
    dice = random.Random(seed)
    return Summary.of([each for _ in range(orders) for each in replay_counted(dice.sample(recorded, len(recorded)))])


def _fresh_services() -> Services:
    storage = MemoryStorage()
    stores = {field.name: getattr(storage, field.name) for field in fields(Storage)}
    return build_services(Settings(), Storage(**stores | {"paces": _Paces()}))


def _told_anew(services: Services, job: JobRows) -> JobRows:
    """Return the job as it would have been told what to expect now."""
    planned = next(row for row in job.rows if row.recording_sec is not None)
    length_sec = job.recording.duration_sec
    expected = expect(read_paces(services, planned.options, job.recording), planned, length_sec)
    rows = [row if row.recording_sec is None else jobs.expect(row, length_sec, expected) for row in job.rows]
    return replace(job, rows=rows)
