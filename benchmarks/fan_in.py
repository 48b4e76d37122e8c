"""The end of 64 parts at once, 12% delivered twice: the time until the merge is enqueued, and how often it runs.

All parts are claimed and at work; then all end together, while eight of the messages are delivered once more. The time
is from there to the merge's message. Measured over the in-memory storage, which shows the pipeline's own time and
contention, and over Azurite, which answers all of the parts' requests one after the other.
Usage: `python3 dev.py bench fan_in`
"""

import sys
import threading
import time
from statistics import median

from benchmarks._emulator import emulator
from benchmarks._noop_pipeline import HIDDEN_FOR, NoopPipeline
from benchmarks._rounds import ROUNDS
from devhost.bench_table import Figure, report
from shared.domain.message import QUEUES, StageMessage, StepKind
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.pipeline.context import Delivery, StepContext
from shared.pipeline.execution.run_step import run_step
from shared.storage.connect import connect
from shared.storage.memory import MemoryStorage
from shared.storage.ports import Storage

PARTS = 64
DUPLICATES = 8
"""12% of the parts."""

BAR_MS = 300.0
PART = Stage.TRANSCRIPTION, StepKind.PART
MERGE = Stage.TRANSCRIPTION, StepKind.MERGE
SKIPPED = {Stage.TRACKING: "not measured", Stage.RENDITION: "not measured"}


class Run:
    """One fan-in over the storage."""

    def __init__(self, storage: Storage) -> None:
        self._at_work = threading.Semaphore(0)
        self._end = threading.Event()
        self.pipeline = NoopPipeline(storage, {Stage.TRANSCRIPTION: PARTS}, SKIPPED, {PART: self._work})
        self._storage = storage

    def milliseconds(self) -> float:
        """Return the time from the parts' end to the merge's message; raise RuntimeError unless it ran once."""
        job = self.pipeline.submit()
        self.pipeline.run_one()  # the download, which plans
        messages = self._messages()
        threads = [threading.Thread(target=self._deliver, args=(each, n)) for n, each in enumerate(messages)]
        for thread in threads:
            thread.start()
        for _ in messages:
            self._at_work.acquire()
        again = [
            threading.Thread(target=self._deliver, args=(each, PARTS + n))
            for n, each in enumerate(messages[:DUPLICATES])
        ]
        while not self.pipeline.sent.empty():
            self.pipeline.sent.get()
        began = time.perf_counter()
        self._end.set()
        for thread in again:
            thread.start()
        name = self.pipeline.sent.get()
        took_ms = 1000 * (time.perf_counter() - began)
        for thread in (*threads, *again):
            thread.join()
        self.pipeline.sent.put(name)
        ended = self.pipeline.run_to_end(job)
        ran = self.pipeline.ran
        if ended.status is not JobStatus.DONE or ran[MERGE] != 1 or ran[PART] != PARTS:
            raise RuntimeError(f"the job ended as {ended.status} after {ran[PART]} parts and {ran[MERGE]} merges")
        return took_ms

    def _messages(self) -> list[StageMessage]:
        """Return the messages of all parts, taken from the queue."""
        found: dict[int, StageMessage] = {}
        while len(found) < PARTS:
            for received in self._storage.queues.receive(QUEUES[Stage.TRANSCRIPTION], 32, HIDDEN_FOR):
                message = StageMessage.from_bytes(received.body)
                found[message.part] = message
        return [found[number] for number in range(PARTS)]

    def _deliver(self, message: StageMessage, number: int) -> None:
        run_step(self.pipeline.services, message, Delivery(f"bench-{number}", 1))

    def _work(self, context: StepContext) -> None:
        self._at_work.release()
        self._end.wait()


def main() -> int:
    with emulator() as connection_string:
        azurite = connect(connection_string)
        in_memory = [Run(MemoryStorage()).milliseconds() for _ in range(ROUNDS)]
        over_http = [Run(azurite).milliseconds() for _ in range(ROUNDS)]
    report(Figure("fan-in of 64 parts on Azurite, one merge", median(over_http), BAR_MS, "ms", is_limit=True))
    own = Figure("fan-in of 64 parts on the in-memory storage, one merge", median(in_memory), BAR_MS, "ms", True)
    return 0 if report(own).is_met else 1


if __name__ == "__main__":
    sys.exit(main())
