"""Processes that are killed in the middle of a stage: the job ends in DONE all the same, and its result is whole."""

from pathlib import Path
from typing import Any

import pytest

from shared.domain.stage import Stage
from tests.e2e.conftest import HTTP, MAX_TRIES, REPO, RunningStack, SlowServer

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("stage", list(Stage))
def test_a_worker_killed_in_the_middle_of_a_stage(stack: RunningStack, slow_server: SlowServer, stage: Stage) -> None:
    jobs = (killed_and_ended(stack, slow_server, stage) for _ in range(MAX_TRIES))
    job = next((job for job in jobs if job["stages"][stage]["attempts"] >= 2), None)
    assert job is not None, "no step of the stage was at work when the workers were killed"
    answer = HTTP.get(f"{stack.url}/sessions/{job['sessionId']}/sidecar")
    names = {artefact["name"] for artefact in answer.json()["artefacts"]}
    assert {"transcript.json", "transcript.vtt", "instructor-tracking.json"} <= names


def killed_and_ended(stack: RunningStack, server: SlowServer, stage: Stage) -> dict[str, Any]:
    """Return a job that has ended. The stages' workers were killed while it was at the stage, or just after.

    During the download the workers of timers and background jobs are killed as well.
    """
    server.gate.clear()
    job_id = stack.begin(server, stage)["jobId"]
    workers = stack.workers() if stage is Stage.DOWNLOAD else stack.stage_workers()
    for worker in workers:
        worker.kill()
    server.gate.set()
    job = stack.ended(job_id)
    assert job["status"] == "DONE", job
    assert not set(workers) & set(stack.workers())
    return job


def test_the_example_is_there() -> None:
    assert Path(REPO / "examples" / "lecture.mp4").stat().st_size < 3_000_000
