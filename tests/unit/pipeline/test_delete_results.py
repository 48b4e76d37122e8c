"""What jobs derived is deleted, and the recording stays; also when a process crashes in between."""

from datetime import timedelta
from itertools import count

import pytest

from shared.domain.errors import Conflict, NotFound
from shared.domain.job import Job
from shared.domain.search.transcript import Source, SpokenWord, index_words, text_id
from shared.job_status import JobStatus
from shared.pipeline.execution.cancel import cancel_job
from shared.pipeline.housekeeping.clean_up import clean_up
from shared.pipeline.housekeeping.delete_results import continue_deletion, delete_results
from shared.pipeline.jobs.submit import JobRequest, retry_job, submit_session
from shared.pipeline.stages.sidecar import rebuild_sidecar
from shared.storage.ports import RESULTS, SOURCES, WORK
from tests.support.crashing_harness import CrashingHarness
from tests.support.pipeline_harness import PipelineHarness


def finished(harness: PipelineHarness) -> Job:
    """Return a job that is DONE, with a recording, an intermediate file and results."""
    job = harness.submit()
    session = harness.storage.sessions.get("acme", job.session_id).value
    harness.storage.blobs.write(SOURCES, session.source_blob, b"recording", "video/mp4")
    harness.drain()
    harness.storage.blobs.write(WORK, f"acme/{job.session_id}/{job.job_id}/audio.wav", b"x", "audio/wav")
    stored = harness.storage.sessions.get("acme", job.session_id)
    made_by = dict.fromkeys(("transcript_job_id", "tracking_job_id", "sidecar_job_id"), job.job_id)
    harness.storage.sessions.update(stored, stored.value.evolve(**made_by))
    return job


def derived(harness: PipelineHarness, job: Job) -> list[str]:
    """Return the files that jobs derived from the job's recording."""
    prefix = f"acme/{job.session_id}/"
    return [blob.name for container in (RESULTS, WORK) for blob in harness.storage.blobs.listing(container, prefix)]


def test_results_and_work_go_and_the_recording_stays(harness: PipelineHarness) -> None:
    other, job = finished(harness), finished(harness)
    assert derived(harness, job)
    before = harness.storage.sessions.get("acme", job.session_id).value
    for _ in range(2):  # idempotent
        delete_results(harness.services, "acme", job.session_id)
        session = harness.storage.sessions.get("acme", job.session_id).value
        assert derived(harness, job) == []
        assert (session.transcript_job_id, session.tracking_job_id, session.sidecar_job_id) == (None, None, None)
        assert (session.recording, session.sha256) == (before.recording, before.sha256)
        assert not session.results_deletion_pending
    assert harness.storage.blobs.read(SOURCES, before.source_blob) == b"recording"
    assert harness.job(job).status is JobStatus.DONE
    assert derived(harness, other)


def test_a_job_at_work_keeps_everything(harness: PipelineHarness) -> None:
    job = finished(harness)
    submit_session(harness.services, JobRequest(org_id="acme"), job.session_id)
    files = derived(harness, job)
    with pytest.raises(Conflict, match="is at work"):
        delete_results(harness.services, "acme", job.session_id)
    assert derived(harness, job) == files
    harness.drain()
    delete_results(harness.services, "acme", job.session_id)
    assert derived(harness, job) == []


def test_new_results_can_be_made(harness: PipelineHarness) -> None:
    job = finished(harness)
    delete_results(harness.services, "acme", job.session_id)
    again = submit_session(harness.services, JobRequest(org_id="acme"), job.session_id)
    harness.drain()
    assert harness.job(again).status is JobStatus.DONE
    clean_up(harness.services)
    made = derived(harness, job)
    assert made
    assert all(again.job_id in name for name in made)


def test_a_job_that_ended_after_the_mark_keeps_its_transcript_and_its_slides_in_the_index(
    harness: PipelineHarness,
) -> None:
    job = finished(harness)
    harness.now += timedelta(hours=1)
    stored = harness.storage.sessions.get("acme", job.session_id)
    mark = {"results_deleted_at": harness.now, "results_deletion_pending": True}
    session = harness.storage.sessions.update(stored, stored.value.evolve(**mark)).value
    harness.now += timedelta(hours=1)
    again = submit_session(harness.services, JobRequest(org_id="acme"), job.session_id)
    harness.drain()
    for one in (job, again):
        for source in Source:
            facts = {"session_id": job.session_id, "job_id": text_id(one.job_id, source), "session_name": ""}
            spoken = [SpokenWord("rivers", 0.0, 1.0)]
            harness.storage.search.put(index_words(spoken, org_id="acme", spaced=True, **facts))
    continue_deletion(harness.services, session)
    kept = {text_id(again.job_id, source) for source in Source}
    assert set(harness.storage.search.jobs("acme", job.session_id)) == kept


def test_a_failed_job_can_still_be_retried(harness: PipelineHarness) -> None:
    job = harness.submit()
    harness.storage.blobs.write(WORK, f"acme/{job.session_id}/{job.job_id}/audio.wav", b"x", "audio/wav")
    cancel_job(harness.services, "acme", job.job_id)
    delete_results(harness.services, "acme", job.session_id)
    assert derived(harness, job) == []
    retry_job(harness.services, "acme", job.job_id)
    harness.drain()
    assert harness.job(job).status is JobStatus.DONE
    assert derived(harness, job)


def test_a_sidecar_that_is_written_later_does_not_come_back(harness: PipelineHarness) -> None:
    job = finished(harness)
    delete_results(harness.services, "acme", job.session_id)
    rebuild_sidecar(harness.services, "acme", job.job_id)
    assert derived(harness, job) == []


def test_an_unknown_session_is_not_found(harness: PipelineHarness) -> None:
    with pytest.raises(NotFound):
        delete_results(harness.services, "acme", "nothing")


def crashes_at(write: int) -> bool:
    """Delete the results of a finished job with a crash before the write, then clean up; return whether it crashed."""
    harness = CrashingHarness()
    job = finished(harness)
    crashed = harness.crash_point.crashes_at(write, lambda: delete_results(harness.services, "acme", job.session_id))
    session = harness.storage.sessions.get("acme", job.session_id).value
    if session.results_deleted_at is None:
        assert derived(harness, job)  # nothing was begun
        return crashed
    assert session.transcript_job_id is None  # out of sight at once
    harness.now += timedelta(hours=1)
    clean_up(harness.services)
    assert derived(harness, job) == []
    assert not harness.storage.sessions.get("acme", job.session_id).value.results_deletion_pending
    return crashed


def test_a_crash_before_any_write_leaves_nothing_behind_in_the_end() -> None:
    writes = next(write for write in count(1) if not crashes_at(write))
    assert writes > 4
