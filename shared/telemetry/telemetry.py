"""Tell what the service does, as it happens; this base class tells nothing, and costs next to nothing.

Apart from `shared.telemetry.open_telemetry`, which exports it, so that no module of OpenTelemetry's SDK is loaded where
nothing is exported.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from enum import StrEnum

from shared.domain.job import Job
from shared.domain.message import StageMessage
from shared.domain.stage import Stage
from shared.domain.step_run import StepRun
from shared.domain.webhook import WebhookDelivery
from shared.job_status import JobStatus

Runs = Callable[[], Iterable[StepRun]]
"""Reads the rows of a job's steps; called only when they are needed."""


class Outcome(StrEnum):
    """How an attempt at a step ended."""

    DONE = "done"
    CONTINUED = "continued"
    """It used up its invocation and goes on in another one."""

    FAILED = "failed"
    """It failed, and the step is tried again."""

    GIVEN_UP = "given_up"
    """It failed, and its job ends in ERROR."""

    BLOCKED = "blocked"
    """It missed a file, and waits until that was made again."""

    STOPPED = "stopped"
    """Its job ended, or another worker has taken the step over."""

    CRASHED = "crashed"
    """Its process ended without an outcome."""


class RequestSpan:
    """The span of one request to the API; this one is of a request that is not traced."""

    traceparent: str | None = None
    """What the request's job carries on: the span, as W3C Trace Context writes it."""

    def answered(self, status: int, route: str | None) -> None:
        """Note the answer's status, and the path template of the route that answered."""


class Telemetry:
    """Tells nothing; derive from it to export."""

    is_on: bool = False
    """Whether anything is exported."""

    def request(self, method: str, path: str, traceparent: str | None) -> AbstractContextManager[RequestSpan]:
        """Return the span of a request, whose caller sent this `traceparent`, for the time it is answered."""
        return nullcontext(_NOT_TRACED)

    def job_accepted(self, job: Job) -> None:
        """Note that the current request has made the job, or begun it again."""

    def attempt(self, job: Job, message: StageMessage, run: StepRun, runs: Runs) -> AbstractContextManager[None]:
        """Return the span of an attempt at a step, for the time of its work.

        Args:
            job: the step's job.
            message: the message that asked for the step.
            run: the step's row as the attempt claimed it.
            runs: reads the rows of the job's steps, of which the span's links are made.
        """
        return nullcontext()

    def attempt_ended(self, outcome: Outcome, code: str | None = None, detail: str | None = None) -> None:
        """Note how the current attempt ended; `code` and `detail` say what made it fail."""

    def crashed(self, job: Job, run: StepRun) -> None:
        """Note that the process of the step's latest attempt has crashed, as `run` shows it."""

    def dead_lettered(self, job: Job, run: StepRun, queue: str, code: str) -> None:
        """Note that the step has used up its attempts."""

    def stage_finished(self, job: Job, stage: Stage, recording_sec: float | None) -> None:
        """Note that all steps of the stage are done, and how long the recording is."""

    def job_ended(self, job: Job, runs: Runs) -> None:
        """Note that the job has ended."""

    def delivered(self, job: Job, delivery: WebhookDelivery) -> None:
        """Note a delivery of the job's webhook, whether the server took it or not."""

    def wants_gauges(self, now: datetime) -> bool:
        """Return whether it is time to measure the queues again."""
        return False

    def gauges(self, queues: Sequence[tuple[str, int, int, float]], jobs: Mapping[JobStatus, int]) -> None:
        """Note the queues, each as name, waiting messages, dead letters and the age of the oldest message in seconds,
        and how many jobs are in each status that is not final."""


_NOT_TRACED = RequestSpan()

OFF = Telemetry()
