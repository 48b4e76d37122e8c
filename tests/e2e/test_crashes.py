"""Processes that are killed in the middle of a stage: the job ends in DONE all the same, and its result is whole."""

from pathlib import Path

import pytest

from shared.domain.stage import Stage, StageState
from shared.storage.connect import connect
from tests.e2e.conftest import HTTP, REPO, RunningStack, SlowServer, eventually

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("stage", list(Stage))
def test_a_worker_killed_in_the_middle_of_a_stage(stack: RunningStack, slow_server: SlowServer, stage: Stage) -> None:
    if stage is not Stage.DOWNLOAD:
        slow_server.gate.set()
    options = {"overlay": True} if stage is Stage.RENDITION else {}
    submitted = HTTP.post(f"{stack.url}/jobs", json={"sourceUrl": slow_server.url, "options": options})
    assert submitted.status_code == 202, submitted.text
    job_id = submitted.json()["jobId"]

    storage = connect(stack.connection)
    eventually(
        lambda: any(row.value.state is StageState.RUNNING for row in storage.step_runs.of_job(job_id, stage)),
        f"the begin of the {stage} stage",
    )
    workers = stack.workers()
    for worker in workers:
        worker.kill()
    slow_server.gate.set()

    job = stack.ended(job_id)
    assert job["status"] == "DONE", job
    assert job["stages"][stage]["attempts"] >= 2, "no step of the stage was at work when the workers were killed"
    assert not set(workers) & set(stack.workers())
    answer = HTTP.get(f"{stack.url}/sessions/{job['sessionId']}/sidecar")
    names = {artefact["name"] for artefact in answer.json()["artefacts"]}
    assert {"transcript.json", "transcript.vtt", "instructor-tracking.json"} <= names


def test_the_example_is_there() -> None:
    assert Path(REPO / "examples" / "lecture.mp4").stat().st_size < 3_000_000
