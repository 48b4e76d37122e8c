"""Every module with background jobs, imported, so that a worker knows each by its name."""

from shared.pipeline import clean_up, remove, scheduled_submission, search, sidecar
from shared.pipeline.background.job_manager import job_manager
from shared.pipeline.webhooks import announce

__all__ = ["announce", "clean_up", "job_manager", "remove", "scheduled_submission", "search", "sidecar"]
