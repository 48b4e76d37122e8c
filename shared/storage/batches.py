"""Cut rows into the batches that a table takes at once: rows of one partition, limited in number and size.

https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence

from shared.storage.table import Row

MAX_BATCH_ROWS = 100

MAX_BATCH_BYTES = 3 * 1024**2
"""The service takes 4 MiB with all that the protocol adds."""

_ROW_OVERHEAD_BYTES = 1024
"""Headers, address and keys of one row in a batch."""


def batches(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    """Yield the rows, by partition, in pieces that a table takes at once; of rows with the same keys only the last."""
    partitions: dict[str, dict[str, Row]] = {}
    for row in rows:
        partitions.setdefault(row.partition, {})[row.key] = row
    for of_partition in partitions.values():
        yield from _cut(of_partition.values())


def key_batches(keys: Iterable[str]) -> Iterator[Sequence[str]]:
    """Yield the keys, each once, in pieces of as many as a batch may delete."""
    distinct = list(dict.fromkeys(keys))
    for at in range(0, len(distinct), MAX_BATCH_ROWS):
        yield distinct[at : at + MAX_BATCH_ROWS]


def _cut(rows: Collection[Row]) -> Iterator[Sequence[Row]]:
    batch: list[Row] = []
    batch_bytes = 0
    for row in rows:
        row_bytes = _ROW_OVERHEAD_BYTES + len(json.dumps(dict(row.columns), default=str))
        if batch and (len(batch) == MAX_BATCH_ROWS or batch_bytes + row_bytes > MAX_BATCH_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(row)
        batch_bytes += row_bytes
    if batch:
        yield batch
