"""Announce the text of a part of the transcription, which readers can have while the job runs.

Apart from the stage, whose work this is the last action of: it runs before the step's row says that the part is done.
"""

from shared.domain import job as jobs
from shared.domain.event import NewText
from shared.domain.job import Job
from shared.pipeline.context import StepContext
from shared.pipeline.updates import change_job
from shared.transcription.payload import TranscriptPart


def announce_text(context: StepContext, part: TranscriptPart) -> None:
    """Add the event that the part's text can be read to the job's log, once for each part.

    The job's row knows the parts that were announced. A step that runs again, after a crash or for a lost blob, adds
    nothing. A step that crashed before this call runs again, because its row does not say yet that it is done.
    """
    words = sum(len(segment.words) for segment in part.segments)
    text = NewText(start_sec=part.start, end_sec=part.end, words=words)

    def announce(job: Job) -> Job | None:
        if not job.is_runnable or job.attempt != context.job.attempt:
            return None
        return jobs.announce_text(job, part.part, text, context.services.clock())

    change_job(context.services, context.job.org_id, context.job.job_id, announce)
