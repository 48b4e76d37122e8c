"""What may be said of a job beside its recording."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict


class Processing(TypedDict, total=False):
    """How the recording is processed, and where to tell of the job's end."""

    options: Mapping[str, Any] | None
    callback_url: str | None


class Naming(TypedDict, total=False):
    """What the session is called, and anything that is to be kept with it."""

    session_name: str | None
    metadata: Mapping[str, Any] | None


class Timing(TypedDict, total=False):
    """When the work begins, unless at once: a time without a zone is local."""

    start_at: datetime | None
    delay_seconds: float | None


class ForUpload(Processing, Naming):
    """What may be said of a file."""


class ForSession(Processing, Timing):
    """What may be said of a recording that is there."""


class ForJob(Processing, Naming, Timing):
    """What may be said of any recording."""
