"""The record of a removal while it goes on: made before anything is deleted, and added to as things go."""

from collections.abc import Callable
from typing import TypedDict, Unpack

from shared.domain.removal import Removal, RemovalReason
from shared.domain.session import Session
from shared.pipeline.context import Services
from shared.pipeline.updates import retry_conflicts


class Counts(TypedDict, total=False):
    """How much was deleted."""

    jobs: int
    blobs: int
    size_bytes: int
    rows: int
    messages: int


class RemovalRecord:
    """The record of the removal of a session that is marked as deleted."""

    def __init__(self, services: Services, session: Session) -> None:
        self._services = services
        at = session.deleted_at or services.clock()
        made = services.storage.removals.create(
            Removal(
                removal_id=session.removal_id or session.session_id,  # marked by an earlier release
                org_id=session.org_id,
                session_id=session.session_id,
                reason=session.removal_reason or RemovalReason.REQUEST,
                at=at,
            )
        )
        self._org_id, self._removal_id = made.value.org_id, made.value.removal_id

    def add(self, **counts: Unpack[Counts]) -> None:
        """Notes that so much more was deleted."""
        if any(counts.values()):
            self._change(lambda removal: removal.plus(**counts))

    def finish(self, *, rows: int) -> None:
        """Notes that nothing is left but the last `rows`; does nothing when that was noted before."""
        now = self._services.clock()

        def over(removal: Removal) -> Removal:
            return removal if removal.finished_at else removal.plus(rows=rows).evolve(finished_at=now)

        self._change(over)

    def _change(self, change: Callable[[Removal], Removal]) -> None:
        removals = self._services.storage.removals

        def once() -> None:
            stored = removals.get(self._org_id, self._removal_id)
            removals.update(stored, change(stored.value))

        retry_conflicts(once)
