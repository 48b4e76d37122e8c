"""A table of Azure Table storage. It is made when it turns out to be missing, so that a new account, or an emulator
that lost its data, needs no preparation."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError, ServiceRequestError, ServiceResponseError
from azure.data.tables import EdmType, EntityProperty, TableClient, TableEntity, TableTransactionError, UpdateMode

from shared.domain.errors import NotFound, StorageUnavailable, WriteConflict
from shared.storage.azure_errors import has_code, translated
from shared.storage.batches import batches, key_batches
from shared.storage.table import MAX_PAGE_SIZE, Row, Value, is_possible_key

T = TypeVar("T")

_KEYS = ("PartitionKey", "RowKey")
_SYSTEM_COLUMNS = (*_KEYS, "Timestamp")


class AzureTable:
    """A `Table`."""

    def __init__(self, client: TableClient) -> None:
        self._client = client

    def insert(self, row: Row) -> str:
        """Insert the row; repeat the request once when no answer came, for an idle connection may just have closed.

        The SDK never repeats a POST.
        """

        def create() -> str:
            return _etag(self._client.create_entity(_entity(row)))

        try:
            return self._call(create)
        except StorageUnavailable as err:
            if not _without_answer(err):
                raise
        try:
            return self._call(create)
        except WriteConflict:
            there = self.get(row.partition, row.key)
            if there.columns != row.columns:
                raise
            return there.etag  # the first try had reached the table after all

    def get(self, partition: str, key: str) -> Row:
        if not (is_possible_key(partition) and is_possible_key(key)):
            raise NotFound(f"There is no row {partition}/{key}.")
        return _row(self._call(lambda: self._client.get_entity(partition, key)))

    def replace(self, row: Row, etag: str) -> str:
        def update() -> dict[str, Any]:
            return self._client.update_entity(
                _entity(row), mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
            )

        return _etag(self._call(update))

    def upsert(self, row: Row) -> None:
        self._call(lambda: self._client.upsert_entity(_entity(row), mode=UpdateMode.REPLACE))

    def delete(self, partition: str, key: str, etag: str) -> None:
        def delete() -> None:
            self._client.delete_entity(
                partition, key, etag=etag, match_condition=MatchConditions.IfNotModified
            )  # the SDK takes a missing row for deleted

        self._call(delete)

    def upsert_many(self, rows: Iterable[Row]) -> None:
        for batch in batches(rows):
            self._submit([("upsert", _entity(row), {"mode": UpdateMode.REPLACE}) for row in batch])

    def delete_many(self, partition: str, keys: Iterable[str]) -> None:
        for batch in key_batches(keys):
            entities = [{"PartitionKey": partition, "RowKey": key} for key in batch]
            try:
                self._submit([("delete", entity, {}) for entity in entities])
            except NotFound:  # one is gone, and with it fails the batch
                for entity in entities:
                    self._call(partial(self._client.delete_entity, entity))

    def scan(
        self,
        partition: str,
        *,
        after: str = "",
        before: str | None = None,
        where: Mapping[str, Collection[str]] | None = None,
        select: Collection[str] | None = None,
        page_size: int = MAX_PAGE_SIZE,
    ) -> Iterator[Row]:
        terms = ["PartitionKey eq @partition", "RowKey gt @after"]
        values: dict[str, str] = {"partition": partition, "after": after}
        if before is not None:
            terms.append("RowKey lt @before")
            values["before"] = before
        return self._query(terms, values, where, select, page_size)

    def scan_partitions(self, prefix: str, *, where: Mapping[str, Collection[str]] | None = None) -> Iterator[Row]:
        terms, values = ["PartitionKey ge @first"], {"first": prefix}
        if prefix:
            terms.append("PartitionKey lt @end")
            values["end"] = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return self._query(terms, values, where)

    def _query(
        self,
        terms: Sequence[str],
        values: Mapping[str, str],
        where: Mapping[str, Collection[str]] | None,
        select: Collection[str] | None = None,
        page_size: int = MAX_PAGE_SIZE,
    ) -> Iterator[Row]:
        terms, values = list(terms), dict(values)
        for column, wanted in (where or {}).items():
            names = {f"{column}{number}": value for number, value in enumerate(sorted(wanted))}
            terms.append("( " + " or ".join(f"{column} eq @{name}" for name in names) + " )")
            values |= names
        pages = self._client.query_entities(
            " and ".join(terms),
            parameters=values,
            select=None if select is None else [*_SYSTEM_COLUMNS, *select],
            results_per_page=min(page_size, MAX_PAGE_SIZE),
        ).by_page()
        while (page := self._call(lambda: next(map(list, pages), None))) is not None:
            yield from map(_row, page)

    def _submit(self, operations: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]]) -> None:
        """Submit a batch; repeat it once when no answer came, for every batch is idempotent."""
        submit = partial(self._client.submit_transaction, operations)
        try:
            self._call(submit)
        except StorageUnavailable as err:
            if not _without_answer(err):
                raise
            self._call(submit)

    def _call(self, call: Callable[[], T]) -> T:
        with translated(f"row in table {self._client.table_name}"):
            try:
                return call()
            except (ResourceNotFoundError, TableTransactionError) as err:
                if not has_code(err, "TableNotFound"):
                    raise
            self._create()
            return call()

    def _create(self) -> None:
        try:
            self._client.create_table()
        except ResourceExistsError:
            return  # someone else noticed at the same time


def _without_answer(error: StorageUnavailable) -> bool:
    return isinstance(error.__cause__, ServiceRequestError | ServiceResponseError)


def _etag(answer: Mapping[str, Any]) -> str:
    return str(answer["etag"])


def _entity(row: Row) -> TableEntity:
    entity = TableEntity(PartitionKey=row.partition, RowKey=row.key)
    for name, value in row.columns.items():
        entity[name] = EntityProperty(value, EdmType.INT64) if type(value) is int else value
    return entity


def _row(entity: TableEntity) -> Row:
    columns = {name: _value(cell) for name, cell in entity.items() if name not in _KEYS}
    etag, written_at = entity.metadata["etag"], entity.metadata["timestamp"]
    return Row(str(entity["PartitionKey"]), str(entity["RowKey"]), columns, etag or "", written_at)


def _value(cell: Any) -> Value:
    """Return a column's value as a plain one: the SDK has types of its own for long integers and times."""
    if isinstance(cell, EntityProperty):
        return int(cell.value)
    if isinstance(cell, datetime):
        return datetime.combine(cell.date(), cell.time(), UTC)
    plain: Value = cell
    return plain
