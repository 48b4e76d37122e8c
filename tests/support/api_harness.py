"""What the API's tests share: a client, the storage behind it, and shortcuts into the pipeline's part of the work."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from shared.domain.job import Job
from shared.domain.session import Session
from shared.pipeline.context import Services
from shared.pipeline.updates import change_job
from shared.settings import Settings
from shared.storage.memory import MemoryStorage
from shared.storage.ports import RESULTS
from tests.support.api_client import ApiClient
from tests.support.scripted_store import scripted

ORG = "local"

STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


@cache
def settings_with(**changed: Hashable) -> Settings:
    """Return settings with these values, made once each: reading the environment takes longer than many a test."""
    return Settings.model_validate({**STORAGE, **changed})


def make_services(**settings: Any) -> Services:
    """Services over the in-memory storage, with a clock that goes on by itself."""
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    numbers = iter(range(1_000_000, 0, -1))

    def clock() -> datetime:
        nonlocal now
        now += timedelta(milliseconds=1)
        return now

    return Services(
        storage=scripted(MemoryStorage(clock), "jobs", "uploads", "blobs"),
        settings=settings_with(**settings),
        clock=clock,
        new_id=lambda: f"id{next(numbers):07}",
        work={},
    )


@dataclass
class ApiHarness:
    """An API and its storage."""

    services: Services
    client: ApiClient

    def submit(self, **body: Any) -> dict[str, Any]:
        """A new job, as the API tells of it."""
        answer = self.client.post("/jobs", json={"sourceUrl": "https://example.com/talk.mp4", **body})
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def change(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        """The pipeline changes the job."""
        return change_job(self.services, ORG, job_id, change)

    def finish(self, job: dict[str, Any], files: Mapping[str, bytes]) -> None:
        """The pipeline leaves results, by name, and says so on the session."""
        for name, data in files.items():
            self.put(job, name, data)
        stored = self.services.storage.sessions.get(ORG, job["sessionId"])
        made = {"transcript_job_id": job["jobId"], "tracking_job_id": job["jobId"], "sidecar_job_id": job["jobId"]}
        self.services.storage.sessions.update(stored, stored.value.evolve(**made))

    def instead(self, store: str, **operations: Callable[..., object]) -> None:
        """Do these instead of the operations of their names in the store `jobs`, `uploads` or `blobs`."""
        getattr(self.services.storage, store).script(**operations)

    def put(self, job: dict[str, Any], name: str, data: bytes) -> None:
        """A file of the job in container `results`."""
        blob = f"{ORG}/{job['sessionId']}/{job['jobId']}/{name}"
        self.services.storage.blobs.write(RESULTS, blob, data, "application/octet-stream")

    def session(self, session_id: str) -> Session:
        """The session's row."""
        return self.services.storage.sessions.get(ORG, session_id).value


def pointers(problem: dict[str, Any]) -> list[str]:
    """Where a validation problem points."""
    return [each["pointer"] for each in problem["errors"]]
