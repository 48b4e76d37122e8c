"""The options of a job beside its recording."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict


class Processing(TypedDict, total=False):
    """How the recording is processed, and where to tell of the job's end."""

    options: Mapping[str, Any] | None
    callback_url: str | None


class Naming(TypedDict, total=False):
    """The session's name, and metadata to keep with it."""

    session_name: str | None
    metadata: Mapping[str, Any] | None


class Timing(TypedDict, total=False):
    """When the work begins, unless at once: a time without a zone is local."""

    start_at: datetime | None
    delay_seconds: float | None


class ForUpload(Processing, Naming):
    """The options of a job over a file."""


class ForSession(Processing, Timing):
    """The options of a job over a stored recording."""


class ForJob(Processing, Naming, Timing):
    """The options of a job over any recording."""
