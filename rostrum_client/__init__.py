"""A client of Rostrum: `RostrumClient(base_url)` and `AsyncRostrumClient(base_url)` in programs,
`python -m rostrum_client process FILE` for people."""

from rostrum_client.async_client import AsyncRostrumClient
from rostrum_client.client import RostrumClient
from rostrum_client.errors import (
    ArtefactDamaged,
    DownloadFailed,
    RostrumApiError,
    RostrumClientError,
    RostrumUnreachable,
    UnexpectedAnswer,
    UploadFailed,
    WaitTimedOut,
)

__all__ = [
    "ArtefactDamaged",
    "AsyncRostrumClient",
    "DownloadFailed",
    "RostrumApiError",
    "RostrumClient",
    "RostrumClientError",
    "RostrumUnreachable",
    "UnexpectedAnswer",
    "UploadFailed",
    "WaitTimedOut",
]
