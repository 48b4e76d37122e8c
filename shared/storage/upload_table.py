"""Announced uploads in table `uploads`."""

from collections.abc import Iterator
from datetime import datetime

from shared.domain.session import Upload
from shared.storage.ports import Stored
from shared.storage.rows import Rows
from shared.storage.table import Table


class UploadTable:
    """An `UploadStore`."""

    def __init__(self, uploads: Table) -> None:
        self._uploads = Rows(uploads, "uploads", Upload, lambda one: (one.org_id, one.upload_id), "upload")

    def create(self, upload: Upload) -> Stored[Upload]:
        return self._uploads.insert(upload)

    def get(self, org_id: str, upload_id: str) -> Stored[Upload]:
        return self._uploads.get(org_id, upload_id)

    def update(self, stored: Stored[Upload], upload: Upload) -> Stored[Upload]:
        return self._uploads.replace(stored, upload)

    def expired(self, now: datetime) -> Iterator[Stored[Upload]]:
        return (stored for stored in self._uploads.scan_partitions("") if stored.value.expires_at <= now)

    def delete(self, stored: Stored[Upload]) -> None:
        self._uploads.delete(stored)
