"""A rough time for the real stack: is anything lost, done twice, or left behind?

Small recordings go through a stack of its own while workers, the host and the storage are killed at random instants,
messages are doubled, dropped and made unreadable, the app's clock jumps by ten minutes and back, and the disk is nearly
full. Then everything is counted; exit status 1 when a bar is violated.
Usage: `python3 dev.py bench chaos`; `ROSTRUM_CHAOS_SEED`, `ROSTRUM_CHAOS_KILLS` (default 200) and
`ROSTRUM_CHAOS_MINUTES` (after which no more blows fall) change the run.
Deaths before each single write are in tests/unit/pipeline/test_crashes.py.
"""

import os
import random
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
from azure.core.exceptions import AzureError
from azure.storage.queue import QueueServiceClient

from benchmarks._clock import move_clock
from benchmarks._forgetting import FORGETS_WITHIN, lost, remember, seconds_until_well
from benchmarks._local_stack import LocalStack
from benchmarks._verdict import ORG, Line, judge_jobs, judge_leftovers, judge_log, print_table
from shared.domain.errors import RostrumError
from shared.domain.message import QUEUES, StageMessage
from shared.domain.step_run import StepRun
from shared.storage.connect import connect

DUPLICATES = 0.1
END_TIMEOUT_SEC = 690.0
"""A message whose function for dead letters was killed stays hidden for ten minutes, by the host's rules."""

JUMP_SEC = 600.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How rough it gets."""

    seed: int = 1
    kills: int = 200
    host_kills: int = 4
    stops: int = 20
    storage_kills: int = 3
    dropped: int = 10
    poison: int = 5
    jumps: int = 3
    full_disks: int = 3
    jobs_at_once: int = 3
    mean_pause_sec: float = 3.0
    max_minutes: float = float("inf")


@dataclass(slots=True)
class Chaos:
    """One run."""

    stack: LocalStack
    plan: Plan
    accepted: dict[str, datetime] = field(default_factory=dict)
    storage_deaths: list[datetime] = field(default_factory=list)
    host_deaths: list[datetime] = field(default_factory=list)
    duplicates: int = 0
    kills: int = 0
    stops: int = 0
    refused: int = 0
    taken_by_full_disk: int = 0
    shaken: set[str] = field(default_factory=set)
    forgotten: int = 0
    longest_until_well_sec: float = 0.0

    def run(self) -> list[Line]:
        dice = random.Random(self.plan.seed)
        blows = [self._kill_worker] * self.plan.kills + [self._kill_host] * self.plan.host_kills
        blows += [self._stop_storage] * self.plan.stops + [self._drop] * self.plan.dropped
        blows += [self._jump] * self.plan.jumps + [self._fill_disk] * self.plan.full_disks
        dice.shuffle(blows)
        for _ in range(self.plan.poison):  # early, for dead letters may take their time
            blows.insert(dice.randrange(1 + len(blows) // 2), self._poison)
        until = time.monotonic() + 60 * self.plan.max_minutes
        for number, blow in enumerate(blows):
            if number % 3 == 0:
                self._submit(dice)
                self._duplicate(dice)
            time.sleep(self.plan.mean_pause_sec * dice.uniform(0.3, 1.7))
            with suppress(RostrumError, AzureError, psutil.Error):
                blow(dice)
            if number % 20 == 0:
                print(f"{number} of {len(blows)} blows, {len(self.accepted)} jobs", file=sys.stderr, flush=True)
            if time.monotonic() > until:
                break
        for _ in range(self.plan.storage_kills):
            for _ in range(self.plan.jobs_at_once):
                self._submit(dice)
                time.sleep(self.plan.mean_pause_sec * dice.uniform(0.3, 1.7))
            self._kill_storage()
        self._await_end()
        return self._verdict()

    def _submit(self, dice: random.Random) -> None:
        """Keep some jobs under way; submit one that gets no answer again with the same key."""
        storage = connect(self.stack.connection)
        with suppress(RostrumError):
            if len(storage.jobs.active_sequences(ORG)) >= self.plan.jobs_at_once:
                return
        body = {"sourceUrl": self.stack.recording(dice.choice([2.0, 3.0, 4.0]))}
        key = {"Idempotency-Key": f"{dice.getrandbits(64):x}"}
        for _ in range(10):
            with suppress(httpx.HTTPError):
                answer = httpx.post(f"{self.stack.url}/jobs", json=body, headers=key, timeout=20)
                if answer.status_code == 202:
                    self.accepted[answer.json()["jobId"]] = datetime.now(UTC)
                    return
                if answer.status_code != 409:
                    assert answer.status_code in (429, 503), answer.text
                    assert "Retry-After" in answer.headers, answer.text
            self.refused += 1
            time.sleep(1)

    def _kill_worker(self, dice: random.Random) -> None:
        if workers := self.stack.workers():
            dice.choice(workers).kill()
            self.kills += 1

    def _kill_host(self, _: random.Random) -> None:
        self.host_deaths.append(datetime.now(UTC))
        self.stack.kill_host()
        self.stack.start_host()

    def _stop_storage(self, dice: random.Random) -> None:
        self.stops += 1
        self.stack.restart_azurite(kill=False, away_sec=dice.uniform(0, 2))
        self.stack.await_health()

    def _kill_storage(self) -> None:
        storage = connect(self.stack.connection)
        memory = remember(storage, self.accepted)
        died_at = datetime.now(UTC)
        self.storage_deaths.append(died_at)
        self.shaken |= memory.shaken
        self.stack.restart_azurite(kill=True)
        self.forgotten += lost(storage, memory, died_at)
        until_well_sec = seconds_until_well(storage, self.stack.url, self.accepted, died_at)
        self.longest_until_well_sec = max(self.longest_until_well_sec, until_well_sec)

    def _jump(self, dice: random.Random) -> None:
        """Put the app's clock ten minutes ahead for a while; the jump back is one as well."""
        move_clock(self.stack.clock, JUMP_SEC)
        time.sleep(self.plan.mean_pause_sec * dice.uniform(0.3, 1.7))
        move_clock(self.stack.clock, 0.0)

    def _fill_disk(self, _: random.Random) -> None:
        """See that nothing is accepted while the disk is nearly full."""
        body = {"sourceUrl": self.stack.recording(2.0)}
        with self.stack.full_disk(), suppress(httpx.HTTPError):
            answer = httpx.post(f"{self.stack.url}/jobs", json=body, timeout=20)
            self.taken_by_full_disk += answer.status_code != 503 or "Retry-After" not in answer.headers

    def _duplicate(self, dice: random.Random) -> None:
        """Send a tenth of the messages of the jobs under way once more."""
        storage = connect(self.stack.connection)
        with suppress(RostrumError):
            for job_id in storage.jobs.active_sequences(ORG):
                job = storage.jobs.get(ORG, job_id).value
                for stored in storage.step_runs.of_job(job_id):
                    if dice.random() < DUPLICATES:
                        storage.queues.send(_message(job.session_id, stored.value))
                        self.duplicates += 1

    def _drop(self, dice: random.Random) -> None:
        """Take a message out of its queue, as if it had never been sent."""
        with QueueServiceClient.from_connection_string(self.stack.connection) as queues:
            for name in dice.sample(list(QUEUES.values()), len(QUEUES)):
                queue = queues.get_queue_client(name)
                for message in queue.receive_messages(max_messages=1, visibility_timeout=30):
                    queue.delete_message(message)
                    return

    def _poison(self, dice: random.Random) -> None:
        text = dice.choice(["not base64!", "bm90IGpzb24=", "e30=", "eyJqb2JJZCI6IDF9"])
        with QueueServiceClient.from_connection_string(self.stack.connection) as queues:
            queues.get_queue_client(dice.choice(list(QUEUES.values()))).send_message(text)

    def _await_end(self) -> None:
        """Wait until every job has ended and the dead letters were looked at."""
        storage, deadline = connect(self.stack.connection), time.monotonic() + END_TIMEOUT_SEC
        while time.monotonic() < deadline:
            with suppress(RostrumError, AzureError):
                leftovers = judge_leftovers(storage, self.stack.connection)
                if not storage.jobs.active_sequences(ORG) and all(line.holds for line in leftovers):
                    return
            time.sleep(1)

    def _verdict(self) -> list[Line]:
        storage = connect(self.stack.connection)
        forgotten = {
            job_id
            for job_id, at in self.accepted.items()
            if any(timedelta(0) <= death - at <= FORGETS_WITHIN for death in self.storage_deaths)
        }
        return [
            Line("workers killed with -9", self.kills),
            Line("hosts killed with -9", len(self.host_deaths)),
            Line("storage stopped with SIGTERM", self.stops),
            Line("storage killed with -9", len(self.storage_deaths)),
            Line("jumps of the clock by ten minutes", 2 * self.plan.jumps),
            Line("messages sent twice", self.duplicates),
            Line("jobs accepted", len(self.accepted)),
            Line("submissions asked for again", self.refused),
            Line("submissions taken while the disk was nearly full", self.taken_by_full_disk, 0),
            *judge_jobs(storage, self.accepted, forgotten, self.shaken),
            *judge_leftovers(storage, self.stack.connection),
            *judge_log(self.stack.log_lines(), self.host_deaths, self.shaken),
            Line("events and blobs older than 6 s that Azurite's -9 lost", self.forgotten, 0),
            Line("from Azurite's -9 to every job going on, longest (s)", self.longest_until_well_sec, 60, is_pace=True),
        ]


def _message(session_id: str, part: StepRun) -> StageMessage:
    return StageMessage(
        job_id=part.job_id,
        org_id=ORG,
        session_id=session_id,
        stage=part.stage,
        step=part.step,
        part=part.number,
        attempt=part.job_attempt,
    )


def main() -> int:
    plan = Plan(
        seed=int(os.environ.get("ROSTRUM_CHAOS_SEED", "1")),
        kills=int(os.environ.get("ROSTRUM_CHAOS_KILLS", "200")),
        max_minutes=float(os.environ.get("ROSTRUM_CHAOS_MINUTES", "inf")),
    )
    with (
        tempfile.TemporaryDirectory() as name,
        LocalStack(Path(name), fills_disk=True, ROSTRUM_MAX_ATTEMPTS="20") as stack,
    ):
        return 0 if print_table(Chaos(stack, plan).run()) else 1


if __name__ == "__main__":
    sys.exit(main())
