"""A client of Rostrum: `RostrumClient(base_url)` in programs, `python -m rostrum_client process FILE` for people."""

from rostrum_client.client import RostrumClient
from rostrum_client.errors import (
    ArtefactDamaged,
    RostrumApiError,
    RostrumClientError,
    RostrumUnreachable,
    UnexpectedAnswer,
    UploadFailed,
    WaitTimedOut,
)

__all__ = [
    "ArtefactDamaged",
    "RostrumApiError",
    "RostrumClient",
    "RostrumClientError",
    "RostrumUnreachable",
    "UnexpectedAnswer",
    "UploadFailed",
    "WaitTimedOut",
]
