"""Keep the versions of transcripts in table `transcriptversions`: a partition per job, newest first.

The keys are unique, so that of two editors who make the same version one fails.
"""

from collections.abc import Iterator

from shared.domain.transcript_version import TranscriptVersion
from shared.storage.ports import Stored
from shared.storage.rows import Rows
from shared.storage.table import Table

_LAST = 10**9 - 1


class TranscriptVersionTable:
    """A `TranscriptVersionStore`."""

    def __init__(self, versions: Table) -> None:
        self._rows = Rows(versions, "transcriptversions", TranscriptVersion, _keys, "version")

    def create(self, version: TranscriptVersion) -> None:
        self._rows.insert(version)

    def latest(self, org_id: str, job_id: str) -> TranscriptVersion | None:
        newest = self._rows.scan_all(_partition(org_id, job_id), page_size=1)
        return next((stored.value for stored in newest), None)

    def get(self, org_id: str, job_id: str, version: int) -> Stored[TranscriptVersion]:
        return self._rows.get(_partition(org_id, job_id), _key(version))

    def update(self, stored: Stored[TranscriptVersion], version: TranscriptVersion) -> None:
        self._rows.replace(stored, version)

    def of_job(self, org_id: str, job_id: str) -> Iterator[TranscriptVersion]:
        return (stored.value for _, stored in self._rows.scan(_partition(org_id, job_id)))

    def delete(self, version: TranscriptVersion) -> None:
        self._rows.remove(*_keys(version))

    def delete_of(self, org_id: str, job_id: str) -> int:
        return self._rows.clear(_partition(org_id, job_id))


def _keys(version: TranscriptVersion) -> tuple[str, str]:
    return _partition(version.org_id, version.job_id), _key(version.version)


def _partition(org_id: str, job_id: str) -> str:
    return f"{org_id}|{job_id}"


def _key(version: int) -> str:
    return f"{_LAST - version:09d}"
