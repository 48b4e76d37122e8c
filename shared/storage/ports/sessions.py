"""Declare the stores of sessions: their rows, the uploads before them, and what is kept after their removal."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from shared.domain.removal import Removal
from shared.domain.session import Session, Upload
from shared.storage.ports.stored import Page, Stored


class SessionStore(Protocol):
    """Sessions."""

    def create(self, session: Session) -> Stored[Session]:
        """Insert the session; raise WriteConflict when the id is taken, and InvalidRequest when the metadata are longer
        than a row can hold (32,768 characters of JSON)."""

    def get(self, org_id: str, session_id: str, *, even_deleted: bool = False) -> Stored[Session]:
        """Return the session; raise NotFound, also for one that is being removed unless it may be `even_deleted`."""

    def update(self, stored: Stored[Session], session: Session) -> Stored[Session]:
        """Replace the session; raise WriteConflict when it was changed since it was read."""

    def page(self, org_id: str, *, limit: int, cursor: str | None = None) -> Page[Session]:
        """Return an organisation's sessions, newest first; cursors as for jobs."""

    def delete(self, stored: Stored[Session]) -> None:
        """Delete the session if it is there; raise WriteConflict when it was changed since it was read."""

    def all(self) -> Iterator[Session]:
        """Return every organisation's sessions, those that are being removed among them; read them all."""

    def keys(self) -> Iterator[tuple[str, str]]:
        """Return organisation and id of every session's row, unreadable ones among them; read them all."""


class UploadStore(Protocol):
    """Uploads that were announced."""

    def create(self, upload: Upload) -> Stored[Upload]:
        """Insert the upload; raise WriteConflict when the id is taken."""

    def get(self, org_id: str, upload_id: str) -> Stored[Upload]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[Upload], upload: Upload) -> Stored[Upload]:
        """Replace the upload; raise WriteConflict when it was changed since it was read."""

    def expired(self, now: datetime) -> Iterator[Stored[Upload]]:
        """Return every organisation's uploads with an address that has expired, committed or not."""

    def delete(self, stored: Stored[Upload]) -> None:
        """Delete the upload if it is there; raise WriteConflict when it was changed since it was read."""


class RemovalStore(Protocol):
    """What is kept of deleted sessions."""

    def create(self, removal: Removal) -> Stored[Removal]:
        """Insert the removal, or return the one that is there."""

    def get(self, org_id: str, removal_id: str) -> Stored[Removal]:
        """Return the row; raise NotFound."""

    def update(self, stored: Stored[Removal], removal: Removal) -> Stored[Removal]:
        """Replace the removal; raise WriteConflict when it was changed since it was read."""

    def page(self, org_id: str, *, limit: int, cursor: str | None = None) -> Page[Removal]:
        """Return an organisation's removals, newest first; cursors as for jobs."""

    def kept_before(self, at: datetime) -> Iterator[Stored[Removal]]:
        """Return every organisation's removals that were asked for before that time; read them all."""

    def delete(self, stored: Stored[Removal]) -> None:
        """Delete the removal if it is there; raise WriteConflict when it was changed since it was read."""
