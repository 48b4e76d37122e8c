"""Cleaning up after uploads whose address has stopped working: what arrived of those that nobody committed, and their
rows. May be run at any time, by several at once, and again after it broke off."""

import logging
from datetime import timedelta

from shared.domain.errors import NotFound, RowOfLaterRelease, UnreadableRow, WriteConflict
from shared.domain.session import Upload
from shared.pipeline.context import Services
from shared.storage.ports import SOURCES, Stored

log = logging.getLogger(__name__)

GRACE = timedelta(hours=1)
"""How long after its expiry an upload is left alone: a block or a commit may still be on its way."""


def expire_uploads(services: Services) -> int:
    """Deletes what nobody committed in time; returns how many uploads that were.

    The row is marked before the blob goes, so that of a commit at the same moment and this only one gets its way.
    """
    uploads, deleted = services.storage.uploads, 0
    for stored in uploads.expired(services.clock() - GRACE):
        try:
            if not _is_committed(services, stored.value):
                stored = _abandoned(services, stored)
                services.storage.blobs.discard(SOURCES, stored.value.source_blob)
                deleted += 1
            uploads.delete(stored)
        except (WriteConflict, NotFound):
            continue  # a commit was quicker, or somebody else who cleans up
    if deleted:
        log.info("uploads expired", extra={"action": "expire_uploads", "count": deleted})
    return deleted


def _is_committed(services: Services, upload: Upload) -> bool:
    """Return whether a session was made of it: a commit that crashed may have reserved its job only."""
    if upload.job_id is None:
        return False
    try:
        services.storage.sessions.get(upload.org_id, upload.session_id, even_deleted=True)
    except NotFound:
        return False
    except (UnreadableRow, RowOfLaterRelease):  # there is one
        return True
    return True


def _abandoned(services: Services, stored: Stored[Upload]) -> Stored[Upload]:
    if stored.value.abandoned:
        return stored
    return services.storage.uploads.update(stored, stored.value.evolve(abandoned=True))
