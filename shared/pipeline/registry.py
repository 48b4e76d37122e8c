"""Every module with background jobs, imported, so that a worker knows each by its name."""

from shared.pipeline.housekeeping import clean_up, delete_session
from shared.pipeline.jobs import scheduled_submission, search
from shared.pipeline.stages import sidecar
from shared.pipeline.tasks.job_manager import job_manager
from shared.pipeline.webhooks import announce

__all__ = ["announce", "clean_up", "delete_session", "job_manager", "scheduled_submission", "search", "sidecar"]
