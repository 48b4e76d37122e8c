"""More than the stack can do at once: is everybody served, or refused with a word, and is it well again afterwards?

First `ROSTRUM_OVERLOAD_JOBS` (default 1000) jobs are submitted by 64 callers at once; most of their recordings are not
to be found, so that a job is its submission, its messages and its end, and some are real. Then a smaller number goes on
while the storage answers 503 for `ROSTRUM_OVERLOAD_SECONDS` (default 60), is slow, breaks connections off, while other
clients upload one byte a second, and while the disk is nearly full. Nothing is started again in between. Prints a
table; exit status 1 when a bar is violated.
Usage: `python3 dev.py bench overload`
"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks._local_stack import LocalStack
from benchmarks._memory_watch import MIB, MemoryWatch
from benchmarks._verdict import ORG, Line, judge_jobs, judge_leftovers, print_table
from benchmarks._visitors import Notes, Visitor, dawdlers, still_served
from shared.domain.errors import RostrumError
from shared.storage.connect import connect

CALLERS = 64
REAL_EVERY = 40
"""One of so many jobs has a recording that is there."""

PATIENCE_SEC = 1200.0
SLOW_DISK_SEC = 0.2
CUT_EVERY_SEC = 0.5
DAWDLERS = 5
"""Fewer than the 6 places for imports of one organisation, to which all visitors belong here."""
MOST_MIB = 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of it."""

    jobs: int = 1000
    callers: int = CALLERS
    fault_sec: float = 60.0
    visitors: int = 4
    pause_sec: float = 1.0
    """A visitor's between two jobs, while something is wrong."""
    poll_sec: float = 2.0
    """The pause between two looks at whether all jobs have ended."""


@dataclass(slots=True)
class Overload:
    """One run against a stack that is up."""

    stack: LocalStack
    plan: Plan
    notes: Notes = field(default_factory=Notes)
    lines: list[Line] = field(default_factory=list)

    def source(self, number: int) -> str:
        """Return the address of a recording for the job of this number; most addresses do not exist."""
        there = self.stack.recording(2.0)
        return there if number % REAL_EVERY == 0 else there.replace("/2.mp4", "/missing.mp4")

    def crowd(self) -> None:
        """Submit all jobs at once; every fifth caller repeats with the same key, as if the answer had not come."""
        began = time.monotonic()
        with Visitor(self.stack.url, self.notes) as visitor, ThreadPoolExecutor(self.plan.callers) as callers:

            def submit(number: int) -> bool:
                key = f"crowd-{number}"
                accepted = visitor.insist(key, self.source(number), began + PATIENCE_SEC)
                if number % 5 == 0:
                    visitor.insist(key, self.source(number), began + PATIENCE_SEC)
                return accepted

            served = sum(callers.map(submit, range(self.plan.jobs)))
        accepted_sec = time.monotonic() - began
        self.await_end()
        self.lines += [
            Line("at once: jobs that were not accepted in the end", self.plan.jobs - served, 0),
            Line("at once: the last was accepted after (s)", accepted_sec),
            Line("at once: the last ended after (s)", time.monotonic() - began),
        ]

    def trouble(self, name: str, fault: Callable[[], AbstractContextManager[object]], seconds: float) -> Counter[int]:
        """Let visitors come and go during a fault, with jobs at work when it begins, and submit refused jobs again
        afterwards.

        Returns the answers that were given while it lasted, by status.
        """
        notes, wanted, slug = Notes(), dict[str, str](), name.replace(" ", "-")
        with Visitor(self.stack.url, notes) as visitor, ThreadPoolExecutor(self.plan.visitors) as pool:

            def ask(key: str, source_url: str) -> None:
                wanted[key] = source_url
                visitor.ask(key, source_url)

            def visit(place: int) -> None:
                number = 0
                while time.monotonic() < until:
                    number += 1
                    ask(f"{slug}-{place}-{number}", self.source(number * self.plan.visitors + place))
                    time.sleep(self.plan.pause_sec)

            for number in range(self.plan.visitors):
                ask(f"{slug}-before-{number}", self.source(0))
            before = Counter(notes.answers)
            with fault():
                until = time.monotonic() + seconds
                list(pool.map(visit, range(self.plan.visitors)))
            over = time.monotonic()
            during = notes.answers - before
            refused = [key for key in wanted if key not in notes.jobs]
            missed = sum(not visitor.insist(key, wanted[key], over + PATIENCE_SEC) for key in refused)
        self.await_end()
        self.lines += [
            Line(f"{name}: asked for while it lasted", during.total()),
            Line(f"{name}: refused, and accepted afterwards", len(refused) - missed),
            Line(f"{name}: not accepted afterwards", missed, 0),
            Line(f"{name}: the longest answer (s)", notes.longest_sec),
            Line(f"{name}: from its end to the last job's (s)", time.monotonic() - over),
        ]
        self._add(notes)
        return during

    def _add(self, notes: Notes) -> None:
        self.notes.jobs.update(notes.jobs)
        self.notes.answers.update(notes.answers)
        self.notes.dishonest += notes.dishonest
        self.notes.doubled += notes.doubled

    def faults(self) -> None:
        """Cause the faults one after the other."""
        proxy, stack, seconds = self.stack.proxy, self.stack, self.plan.fault_sec
        assert proxy is not None

        self.trouble("storage says 503", proxy.busy, seconds)
        self.trouble("slow disk", partial(proxy.slow, SLOW_DISK_SEC), seconds / 2)
        self.trouble("broken connections", partial(proxy.breaking, CUT_EVERY_SEC), seconds / 2)
        with dawdlers(stack.url, DAWDLERS) as slow_clients:
            seen = self.trouble("a byte a second", nullcontext, seconds / 2)
            with Visitor(stack.url, self.notes) as visitor:
                is_taken, _ = visitor.bring("beside", stack.recording_file(2.0).read_bytes())
            self.await_end()
            self.lines += [
                Line("a byte a second: another's import that was refused", not is_taken, 0),
                Line("a byte a second: clients that do so", still_served(slow_clients)),
                Line("a byte a second: others that were refused", seen.total() - seen[202], 0),
            ]
        seen = self.trouble("disk nearly full", self._full_disk, seconds / 4)
        self.lines.append(Line("disk nearly full: accepted while it was", seen[202], 0))

    @contextmanager
    def _full_disk(self) -> Iterator[None]:
        """Keep the disk nearly full until all jobs at work have ended all the same."""
        with self.stack.full_disk():
            yield
            self.await_end()

    def verdict(self) -> list[Line]:
        """Return the outcome of all jobs."""
        storage = connect(self.stack.connection)
        told = list(self.notes.jobs.values())
        counts = storage.jobs.count_by_status(ORG)
        for text in self.notes.dishonest[:5]:
            print(text, file=sys.stderr)
        ended = [line for line in self.stack.log_lines() if "process ended" in str(line["message"])]
        return [
            *self.lines,
            *(Line(f"answers {status or 'that did not come'}", n) for status, n in sorted(self.notes.answers.items())),
            Line("refusals without a reason or a Retry-After", len(self.notes.dishonest), 0),
            Line("keys that made two jobs", self.notes.doubled + sum(counts.values()) - len(set(told)), 0),
            *judge_jobs(storage, told),
            *judge_leftovers(storage, self.stack.connection),
            Line("processes that ended", len(ended), 0),
        ]

    def await_end(self) -> None:
        """Wait until no job is active and no dead letter waits."""
        storage, deadline = connect(self.stack.connection), time.monotonic() + PATIENCE_SEC
        while time.monotonic() < deadline:
            try:
                active = len(storage.jobs.active_sequences(ORG))
                if not active and all(line.holds for line in judge_leftovers(storage, self.stack.connection)):
                    return
                print(f"{active} jobs are active", file=sys.stderr, flush=True)
            except RostrumError as error:
                print(error, file=sys.stderr, flush=True)
            time.sleep(self.plan.poll_sec)


def main() -> int:
    plan = Plan(
        jobs=int(os.environ.get("ROSTRUM_OVERLOAD_JOBS", "1000")),
        fault_sec=float(os.environ.get("ROSTRUM_OVERLOAD_SECONDS", "60")),
    )
    holds = True
    for title, faulty, act in (("At once", False, Overload.crowd), ("Faults", True, Overload.faults)):
        with tempfile.TemporaryDirectory() as name, LocalStack(Path(name), faulty=faulty, fills_disk=True) as stack:
            assert stack.host is not None
            overload = Overload(stack, plan)
            with MemoryWatch(stack.host.pid) as memory:
                act(overload)
            lines = overload.verdict()
            lines.append(Line("largest process (MiB)", memory.largest_bytes / MIB, MOST_MIB))
            lines.append(Line("all processes together (MiB)", memory.together_bytes / MIB))
        print(f"== {title}")
        holds &= print_table(lines)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
