"""Keep sessions in table `sessions`: an organisation's partition, newest first."""

from collections.abc import Iterator

from shared.domain.errors import NotFound
from shared.domain.session import Session
from shared.storage.cursor import decode_cursor, first_page
from shared.storage.ports import Page, Stored
from shared.storage.rows import Rows
from shared.storage.table import Table

_CURSOR_KIND = "sessions"


class SessionTable:
    """A `SessionStore`."""

    def __init__(self, sessions: Table) -> None:
        self._sessions = Rows(sessions, "sessions", Session, lambda one: (one.org_id, one.session_id), "session")

    def create(self, session: Session) -> Stored[Session]:
        return self._sessions.insert(session)

    def get(self, org_id: str, session_id: str, *, even_deleted: bool = False) -> Stored[Session]:
        stored = self._sessions.get(org_id, session_id)
        if stored.value.deleted_at is not None and not even_deleted:
            raise NotFound(f"There is no session {session_id}.")
        return stored

    def update(self, stored: Stored[Session], session: Session) -> Stored[Session]:
        return self._sessions.replace(stored, session)

    def delete(self, stored: Stored[Session]) -> None:
        self._sessions.delete(stored)

    def all(self) -> Iterator[Session]:
        return (stored.value for stored in self._sessions.scan_partitions(""))

    def keys(self) -> Iterator[tuple[str, str]]:
        return self._sessions.keys()

    def page(self, org_id: str, *, limit: int, cursor: str | None = None) -> Page[Session]:
        rows = self._sessions.scan(org_id, after=decode_cursor(_CURSOR_KIND, cursor), page_size=limit + 1)
        standing = ((key, stored.value) for key, stored in rows if stored.value.deleted_at is None)
        return first_page(_CURSOR_KIND, standing, limit)
