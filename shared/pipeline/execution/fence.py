"""Writes of a step that ask first, when nothing was heard of the step for a while.

A process that stood still, or was cut off from storage, does not know how long it was away: others may have done its
step since, with what an earlier or later release makes of it. Between two signs of life nothing is asked.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, cast

from shared.pipeline.context import Services
from shared.storage.ports import BlobStore, Storage

WRITES = frozenset({"write", "stage_block", "commit_blocks", "note_sha256", "delete", "discard"})


def guard_writes(services: Services, ask: Callable[[], None]) -> Services:
    """The same services, with `ask` called before each write of a blob; what it raises keeps the blob as it is."""
    kept = {each.name: getattr(services.storage, each.name) for each in fields(Storage)}
    blobs = cast(BlobStore, _FencedBlobs(services.storage.blobs, ask))
    return replace(services, storage=Storage(**{**kept, "blobs": blobs}))


class _FencedBlobs:
    """A `BlobStore` in front of another one."""

    def __init__(self, blobs: BlobStore, ask: Callable[[], None]) -> None:
        self._blobs = blobs
        self._ask = ask

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._blobs, name)
        if name not in WRITES:
            return found

        def write(*arguments: Any, **more: Any) -> Any:
            self._ask()
            return found(*arguments, **more)

        return write
