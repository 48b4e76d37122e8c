"""Reads the copy of a storage account, and puts it into the in-memory storage or into an emulator.

Rows and messages go in below the code that knows what they mean: as columns of tables and as texts in queues.
"""

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.data.tables import EdmType, EntityProperty, TableClient, TableServiceClient
from azure.storage.blob import BlobServiceClient, ContentSettings
from azure.storage.queue import QueueServiceClient

from shared.domain.message import QUEUES, Message, StageMessage
from shared.domain.task import TASK_QUEUES, TaskMessage
from shared.storage.memory import MemoryStorage
from shared.storage.memory_table import MemoryTable
from shared.storage.table import Row, Value

FILE = Path(__file__).with_name("e4b8643.json.gz")
KEYS = ("PartitionKey", "RowKey")
TYPE = "@odata.type"

Names = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class StoredCopy:
    """The copy, with the server of recordings at this address."""

    server: str

    @cached_property
    def _copy(self) -> dict[str, Any]:
        found: dict[str, Any] = read_copy()
        text = json.dumps({key: found[key] for key in ("tables", "names")}).replace(found["server"], self.server)
        return {**found, **json.loads(text)}

    @property
    def taken_at(self) -> datetime:
        """When the old application was stopped, by its clock."""
        return datetime.fromisoformat(self._copy["takenAt"])

    @property
    def names(self) -> Names:
        """The ids of the job, session and other rows of each state."""
        names: Names = self._copy["names"]
        return names

    def rows(self, table: str) -> list[dict[str, Value]]:
        """Return the rows of a table as they were, keys included."""
        return [_columns(entity) for entity in self._copy["tables"][table]]

    def blobs(self, container: str, prefix: str) -> dict[str, bytes]:
        """Return the blobs whose names begin so, by the rest of their names."""
        return {
            each["name"].removeprefix(prefix): self._content(each)
            for each in self._copy["blobs"]
            if each["container"] == container and each["name"].startswith(prefix)
        }

    def in_memory(
        self, clock: Callable[[], datetime], table: Callable[[str], MemoryTable] | None = None
    ) -> MemoryStorage:
        """Return an in-memory storage that holds everything, over these tables or over its own."""
        table = table or cache(lambda name: MemoryTable(clock))
        storage = MemoryStorage(clock, table)
        for name in self._copy["tables"]:
            for columns in self.rows(name):
                partition, key = (str(columns.pop(name)) for name in KEYS)
                table(name).upsert(Row(partition, key, columns))
        for message in self._copy["messages"]:
            storage.queues.put(message["queue"], _message(message), timedelta(seconds=message["visibleInSec"]))
        for blob in self._copy["blobs"]:
            place, data = (blob["container"], blob["name"]), self._content(blob)
            if "staged" in blob:
                storage.blobs.stage_block(*place, 0, data)
            elif "sha256" in (blob["metadata"] or {}):
                written = storage.blobs.write(*place, data, blob["contentType"])
                assert written.sha256 == blob["metadata"]["sha256"]
            else:
                storage.blobs.stage_block(*place, 0, data)
                storage.blobs.commit_blocks(*place, 1, blob["contentType"])
        return storage

    def into_account(self, connection: str) -> None:
        """Write everything to an empty account, each column with its type and each message as its text."""
        with TableServiceClient.from_connection_string(connection) as tables:
            for name, entities in self._copy["tables"].items():
                client = tables.create_table(name)
                for entity in entities:
                    _create(client, entity)
        with QueueServiceClient.from_connection_string(connection) as queues:
            for message in self._copy["messages"]:
                queue = queues.get_queue_client(message["queue"])
                with suppress(ResourceExistsError):
                    queue.create_queue()
                queue.send_message(message["text"], visibility_timeout=int(message["visibleInSec"]))
        with BlobServiceClient.from_connection_string(connection) as blobs:
            for container in {each["container"] for each in self._copy["blobs"]}:
                blobs.create_container(container)
            for blob in self._copy["blobs"]:
                place = blobs.get_blob_client(blob["container"], blob["name"])
                if "staged" in blob:
                    (block,) = blob["staged"]
                    place.stage_block(block, self._content(blob))
                    continue
                kind = ContentSettings(content_type=blob["contentType"])
                place.upload_blob(self._content(blob), content_settings=kind, metadata=blob["metadata"])

    def _content(self, blob: Mapping[str, Any]) -> bytes:
        return base64.b64decode(self._copy["contents"][blob["content"]])


@cache
def read_copy() -> Any:
    """Return the file's JSON."""
    return json.loads(gzip.decompress(FILE.read_bytes()))


def served_files() -> dict[str, bytes]:
    """Return the recordings that jobs of the copy are still to fetch, by their names on the server."""
    copy = read_copy()
    return {name: base64.b64decode(copy["contents"][content]) for name, content in copy["served"].items()}


def _message(message: Mapping[str, Any]) -> Message:
    """Return the message of a text in a queue, read by the code that reads it today."""
    body = base64.b64decode(message["text"], validate=True)
    kind = TaskMessage if message["queue"].removesuffix("-poison") in TASK_QUEUES else StageMessage
    assert message["queue"].removesuffix("-poison") in (*QUEUES.values(), *TASK_QUEUES)
    return kind.from_bytes(body)


def _columns(entity: Mapping[str, Any]) -> dict[str, Value]:
    """Return an entity's columns as plain values."""
    return {name: _value(name, entity) for name in entity if not name.endswith(TYPE)}


def _value(name: str, entity: Mapping[str, Any]) -> Value:
    value: Value = entity[name]
    match entity.get(name + TYPE):
        case "Edm.Int64":
            return int(value)  # type: ignore[arg-type]
        case "Edm.DateTime":
            return datetime.fromisoformat(str(value))
        case None:
            return value
        case other:
            raise ValueError(f"{name} has the type {other}")


def _create(client: TableClient, entity: Mapping[str, Any]) -> None:
    typed: dict[str, Any] = dict(_columns(entity))
    for name, value in typed.items():
        if type(value) is int:
            typed[name] = EntityProperty(value, EdmType.INT64)
    client.create_entity(typed)
