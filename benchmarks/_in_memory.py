"""Run a job over the in-memory storage, without a host."""

from itertools import count

from shared.domain.job import Job
from shared.domain.message import QUEUES, StageMessage
from shared.pipeline.context import Delivery, Services
from shared.pipeline.execution.run_step import run_step
from shared.storage.memory import MemoryStorage


def run_to_end(services: Services, storage: MemoryStorage, job: Job) -> Job:
    """Run every step of the job in this process, and return the job as it ended."""
    numbers = count()
    while (message := storage.queues.pop(*QUEUES.values())) is not None:
        assert isinstance(message, StageMessage)
        run_step(services, message, Delivery(f"m{next(numbers)}", 1))
    return storage.jobs.get(job.org_id, job.job_id).value
