"""Reads everything out of the storage account as it stands there, and writes the copy."""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from old_host import OldHost, Sent

AFTER = timedelta(minutes=2)
"""The application was stopped so long ago that no lease lives."""

SERVER = "server.example:80"
"""Stands in the copy for the address of the server of recordings."""

NOT_STORED = ("odata.etag", "odata.metadata", "Timestamp")


def write_copy(host: OldHost, target: Path, commit: str) -> None:
    """Write the copy."""
    host.wait_until(host.now + AFTER)
    contents: dict[str, str] = {}
    copy = {
        "commit": commit,
        "takenAt": host.now.isoformat(),
        "server": SERVER,
        "served": {name: _kept(contents, data) for name, data in host.server.files.items()},
        "names": host.names,
        "tables": dict(_tables(host.connection)),
        "messages": list(_messages(host)),
        "blobs": list(_blobs(host.connection, contents)),
        "contents": contents,
    }
    text = json.dumps(copy, ensure_ascii=False, indent=0, sort_keys=True).replace(host.server.netloc, SERVER)
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _tables(connection: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Give each table's entities as the service sends them, with the types of their columns."""
    with TableServiceClient.from_connection_string(connection) as service:
        for name in sorted(table.name for table in service.list_tables()):
            pages: list[dict[str, Any]] = []
            client = service.get_table_client(name)
            list(client.list_entities(raw_response_hook=lambda answer: pages.append(answer.http_response.json())))  # noqa: B023  called at once
            found = [entity for page in pages for entity in page["value"]]
            yield name, [{key: entity[key] for key in entity if key not in NOT_STORED} for entity in found]


def _messages(host: OldHost) -> Iterator[dict[str, Any]]:
    """Give every message as it stands in its queue: base64 of JSON."""
    with QueueServiceClient.from_connection_string(host.connection) as service:
        for sent in host.queues.sent:
            queue = service.get_queue_client(sent.receipt.queue)
            queue.update_message(sent.receipt.message_id, sent.receipt.pop_receipt, visibility_timeout=0)
        for name in {sent.receipt.queue for sent in host.queues.sent}:
            texts = {
                message.id: message.content
                for page in service.get_queue_client(name).receive_messages(messages_per_page=32).by_page()
                for message in page
            }
            there: list[Sent] = [sent for sent in host.queues.sent if sent.receipt.queue == name]
            assert texts.keys() == {sent.receipt.message_id for sent in there}, name
            for sent in there:
                visible_in = (sent.visible_at - host.now).total_seconds()
                text = texts[sent.receipt.message_id]
                yield {"queue": name, "text": text, "visibleInSec": max(visible_in, 0), "deliveries": sent.deliveries}


def _blobs(connection: str, contents: dict[str, str]) -> Iterator[dict[str, Any]]:
    with BlobServiceClient.from_connection_string(connection) as service:
        for container in sorted(each.name for each in service.list_containers()):
            client = service.get_container_client(container)
            for blob in client.list_blobs(include=["metadata", "uncommittedblobs"]):
                one = client.get_blob_client(blob.name)
                committed, staged = one.get_block_list("all")
                known = {"container": container, "name": blob.name}
                if staged:
                    # no operation reads a staged block: it is committed first
                    one.commit_block_list([block.id for block in staged])
                    data = one.download_blob().readall()
                    yield {**known, "staged": [block.id for block in staged], "content": _kept(contents, data)}
                    continue
                data = one.download_blob().readall()
                kind = blob.content_settings.content_type
                yield {**known, "contentType": kind, "metadata": blob.metadata, "content": _kept(contents, data)}
                assert committed is not None


def _kept(contents: dict[str, str], data: bytes) -> str:
    """Keep what is the same once, and return the name under which it is kept."""
    name = hashlib.sha256(data).hexdigest()
    contents[name] = base64.b64encode(data).decode()
    return name
