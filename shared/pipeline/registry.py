"""Import every module that registers background jobs, so that a worker knows each by its name."""

from shared.pipeline.housekeeping import clean_up, delete_session
from shared.pipeline.jobs import scheduled_submission
from shared.pipeline.stages import follow_corrections, search_index, sidecar
from shared.pipeline.tasks.job_manager import job_manager
from shared.pipeline.webhooks import announce

__all__ = [
    "announce",
    "clean_up",
    "delete_session",
    "follow_corrections",
    "job_manager",
    "scheduled_submission",
    "search_index",
    "sidecar",
]
