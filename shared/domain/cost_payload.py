"""Describe what a job cost, as the API and the sidecar show it.

Apart from `shared.domain.cost`, so that storage and the domain need no models.
"""

from shared.domain.cost import Cost, Operation
from shared.domain.job import Job
from shared.domain.payload import Payload, RoundedSeconds
from shared.domain.stage import Stage


class CostPayload(Payload):
    """CPU seconds, wall time, bytes of blobs, and requests to storage by kind, of all attempts together."""

    cpu_sec: RoundedSeconds
    wall_sec: RoundedSeconds
    bytes_read: int
    bytes_written: int
    operations: dict[Operation, int]

    @classmethod
    def of(cls, cost: Cost) -> "CostPayload":
        """Return what was spent, without what rounding and threads may have left below zero."""
        return cls(
            cpu_sec=max(cost.cpu_sec, 0.0),
            wall_sec=max(cost.wall_sec, 0.0),
            bytes_read=cost.bytes_read,
            bytes_written=cost.bytes_written,
            operations=dict(cost.operations),
        )


class JobCostPayload(Payload):
    """What the workers spent on a job until now: by stage, on what follows from all results together, and in total."""

    stages: dict[Stage, CostPayload]
    completion: CostPayload
    total: CostPayload

    @classmethod
    def of(cls, job: Job) -> "JobCostPayload | None":
        """Return what the job's row tells; None while it tells nothing, as that of an earlier release."""
        stages = {stage: progress.cost.total for stage, progress in job.stages.items()}
        spent = {stage: CostPayload.of(cost) for stage, cost in stages.items() if cost != Cost()}
        if not spent:
            return None
        return cls(stages=spent, completion=CostPayload.of(job.completion_cost), total=CostPayload.of(job.cost))
