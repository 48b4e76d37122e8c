"""Every module with background jobs, imported, so that a worker knows each by its name."""

from shared.pipeline import clean_up, remove, scheduled, search, sidecar, webhooks
from shared.pipeline.job_manager import job_manager

__all__ = ["clean_up", "job_manager", "remove", "scheduled", "search", "sidecar", "webhooks"]
