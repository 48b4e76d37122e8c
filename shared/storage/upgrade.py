"""Upgrade rows of older versions when they are read; they are written back in the new form with their next change.

To change a table's columns, append to its tuple in `UPGRADES` a function from the old columns to the new ones. The
table's version goes up by one with it, and every row that is written carries it in `schemaVersion`.
A column that is merely added, with a default in its dataclass, needs no new version.
"""

import math
from collections.abc import Callable, Mapping

from shared.domain.errors import RowOfLaterRelease
from shared.domain.options import NO_RENDITION
from shared.storage.table import Columns

Upgrade = Callable[[Columns], Columns]

VERSION_COLUMN = "schemaVersion"


def _without_rendition(columns: Columns) -> Columns:
    """Add the stage rendition to a job of version 1, which could not ask for one."""
    return {
        **columns,
        "renditionState": "skipped",
        "renditionParts": 0,
        "renditionReason": NO_RENDITION,
    }


def _line_of_sums(columns: Columns) -> Columns:
    """Replace a pace's sums of weight, length and duration by the line of least squares through them."""
    names = ("weight", "length", "lengthSquared", "duration", "lengthDuration", "variance")
    weight, length, squared, duration, product, variance = (float(str(columns[name])) for name in names)
    fixed_sec, rate = 0.0, product / squared
    determinant = weight * squared - length**2
    if determinant > 1e-9 * weight * squared:
        steep = (weight * product - length * duration) / determinant
        if steep < 0:
            fixed_sec, rate = duration / weight, 0.0
        elif duration >= steep * length:
            fixed_sec, rate = (duration - steep * length) / weight, steep
    kept = {name: value for name, value in columns.items() if name not in names}
    return {**kept, "fixedSec": fixed_sec, "rate": rate, "spread": math.sqrt(variance)}


UPGRADES: Mapping[str, tuple[Upgrade, ...]] = {
    "jobs": (_without_rendition,),
    "jobindex": (),
    "events": (),
    "parts": (),
    "sessions": (),
    "uploads": (),
    "tasks": (),
    "timeindex": (),
    "schedules": (),
    "deadletters": (),
    "deliveries": (),
    "idempotency": (),
    "removals": (),
    "vocabularies": (),
    "transcriptversions": (),
    "words": (),
    "passages": (),
    "paces": (_line_of_sums,),
}
"""Per table: the n-th function (from 1) makes version n + 1 of version n."""


def with_version(table: str, columns: Columns, upgrades: Mapping[str, tuple[Upgrade, ...]] = UPGRADES) -> Columns:
    """Return the columns of a row that is to be written, marked with the table's present version."""
    return {**columns, VERSION_COLUMN: len(upgrades[table]) + 1}


def upgraded(table: str, columns: Columns, upgrades: Mapping[str, tuple[Upgrade, ...]] = UPGRADES) -> Columns:
    """Return the columns of a row as they would be written today.

    Raise RowOfLaterRelease for a row of a later version: while a new release is rolled out, an instance of it can read
    what this one cannot. Raise ValueError for a version that no release wrote.
    """
    version, chain = int(str(columns.get(VERSION_COLUMN, 1))), upgrades[table]
    if version < 1:
        raise ValueError(f"no release writes version {version}")
    if version > len(chain) + 1:
        raise RowOfLaterRelease(f"A row of {table} was written by a later release (version {version}).")
    for upgrade in chain[version - 1 :]:
        columns = upgrade(columns)
    return with_version(table, columns, upgrades) if version <= len(chain) else columns
