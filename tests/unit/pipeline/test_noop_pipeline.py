"""The pipeline of the benchmarks: steps that do nothing take a job to its end, on one worker and on several."""

import time

from benchmarks._noop_pipeline import NoopPipeline
from benchmarks.fan_in import DUPLICATES, PARTS, Run
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.job_status import JobStatus
from shared.storage.memory import MemoryStorage

WANTED = {Stage.TRANSCRIPTION: 2, Stage.TRACKING: 1, Stage.RENDITION: 1}


def test_a_job_of_four_stages_ends_after_each_step_ran_once() -> None:
    pipeline = NoopPipeline(MemoryStorage(), WANTED)
    assert pipeline.run_to_end(pipeline.submit()).status is JobStatus.DONE
    assert pipeline.ran[Stage.TRANSCRIPTION, StepKind.PART] == 2
    assert set(pipeline.ran.values()) == {1, 2}
    assert len(pipeline.ran) == 8


def test_several_workers_share_a_job() -> None:
    pipeline = NoopPipeline(MemoryStorage(), WANTED)
    with pipeline.workers(4):
        job = pipeline.submit()
        while not pipeline.storage.jobs.get(job.org_id, job.job_id).value.is_final:
            time.sleep(0.01)
    assert pipeline.ran[Stage.RENDITION, StepKind.MERGE] == 1


def test_parts_that_end_at_once_are_merged_once() -> None:
    """Measures nothing here: `milliseconds` raises unless every part and the merge ran exactly once."""
    assert DUPLICATES / PARTS > 0.12
    assert Run(MemoryStorage()).milliseconds() > 0
