"""Make the event that a job's last change is.

Apart from `job`, because an event carries the estimate of the job's end, which is computed from the job.
"""

from shared.domain.estimate import estimate_of
from shared.domain.event import Event, EventType
from shared.domain.job import Job


def event_of(job: Job) -> Event:
    """Return the event that the job's last change is."""
    return Event(
        job_id=job.job_id,
        sequence=job.event_sequence,
        type=job.event_type,
        at=job.updated_at,
        status=job.status,
        stage=job.stage,
        progress=job.progress,
        error=job.error,
        text=job.latest_text if job.event_type is EventType.TRANSCRIPT else None,
        warning=job.warnings[-1] if job.event_type is EventType.WARNING else None,
        estimate=estimate_of(job),
    )
