"""Storage from a connection string or an identity: the clients of one account, sharing a pool of connections."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.blob import LinearRetry as BlobRetry
from azure.storage.queue import LinearRetry as QueueRetry
from azure.storage.queue import QueueServiceClient
from requests.adapters import HTTPAdapter

from shared.settings import StorageUris
from shared.storage.azure_blobs import AzureBlobs
from shared.storage.azure_queues import AzureQueues
from shared.storage.azure_table import AzureTable
from shared.storage.dead_letter_table import DeadLetterTable
from shared.storage.delivery_table import DeliveryTable
from shared.storage.idempotency_table import IdempotencyTable
from shared.storage.identity import AccountKey, DelegationKey, Signer
from shared.storage.job_table import JobTable
from shared.storage.metered import MeteredTable, metered_blobs, metered_queues
from shared.storage.pace_table import PaceTable
from shared.storage.ports import Storage
from shared.storage.removal_table import RemovalTable
from shared.storage.schedule_table import ScheduleTable
from shared.storage.search_table import SearchTable
from shared.storage.session_table import SessionTable
from shared.storage.step_run_table import StepRunTable
from shared.storage.table import Table
from shared.storage.task_table import TaskTable
from shared.storage.transcript_version_table import TranscriptVersionTable
from shared.storage.upload_table import UploadTable
from shared.storage.vocabulary_table import VocabularyTable

CONNECT_TIMEOUT_SEC = 5
READ_TIMEOUT_SEC = 30
RETRIES = 2
RETRY_PAUSE_SEC = 1
POOL_SIZE = 64

MAX_SINGLE_READ_BYTES = 64 * 1024**2
"""A range up to this long is read in one request."""

# The account name and key that Microsoft publishes for the emulator:
# https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_EMULATOR = {
    "defaultendpointsprotocol": "http",
    "accountname": "devstoreaccount1",
    "accountkey": _EMULATOR_KEY,
    "blobendpoint": "http://127.0.0.1:10000/devstoreaccount1",
    "queueendpoint": "http://127.0.0.1:10001/devstoreaccount1",
    "tableendpoint": "http://127.0.0.1:10002/devstoreaccount1",
}
_LOOPBACK = ("http://127.0.0.1", "http://localhost")


@dataclass(frozen=True, slots=True)
class AzureStorage(Storage):
    """A storage account. Its clients may be used by many threads at once."""

    session: requests.Session

    def close(self) -> None:
        """Close the connections; a process that lives with its storage need not."""
        self.session.close()


def connect(
    connection_string: str,
    *,
    hint: tuple[str, int] | None = None,
    origins: Sequence[str] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    retries: int = RETRIES,
) -> AzureStorage:
    """Return the account's storage; tables, containers and queues are created at their first use.

    Args:
        connection_string: of the account.
        hint: where the local host listens for news of messages, as (host, port).
        origins: the pages whose scripts may use signed addresses; empty: the account's CORS rules are left as they are.
        clock: returns the time.
        retries: how often a request that fails is sent again.

    Raises:
        ValueError: The connection string lacks the account's key.
    """
    settings = parse_connection_string(connection_string)
    text = ";".join(f"{name}={value}" for name, value in settings.items())
    session = _session(trust_env=not settings.get("blobendpoint", "").startswith(_LOOPBACK))
    tables, blobs, queues = (_options(session, each, retries) for each in ("table", "blob", "queue"))
    return _storage(
        session,
        TableServiceClient.from_connection_string(text, **tables),
        BlobServiceClient.from_connection_string(text, **blobs),
        QueueServiceClient.from_connection_string(text, **queues),
        signer=lambda _: AccountKey(settings["accountkey"]),
        hint=hint,
        origins=origins,
        clock=clock,
    )


def connect_by_identity(
    uris: StorageUris,
    credential: TokenCredential,
    *,
    hint: tuple[str, int] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AzureStorage:
    """Return the storage of the account with these addresses, for the identity. The rest is as in `connect`."""
    session = _session(trust_env=True)
    tables, blobs, queues = (_options(session, each) for each in ("table", "blob", "queue"))
    return _storage(
        session,
        TableServiceClient(uris.table, credential=credential, **tables),
        BlobServiceClient(uris.blob, credential=credential, **blobs),
        QueueServiceClient(uris.queue, credential=credential, **queues),
        signer=lambda service: DelegationKey(service, clock),
        hint=hint,
        origins=(),
        clock=clock,
    )


def _options(session: requests.Session, service: str, retries: int = RETRIES) -> dict[str, Any]:
    """Return the options of a client, which shares the session's connections."""
    shared: dict[str, Any] = {
        "transport": RequestsTransport(session=session, session_owner=False),
        "connection_timeout": CONNECT_TIMEOUT_SEC,
        "read_timeout": READ_TIMEOUT_SEC,
    }
    if service == "table":
        return {"retry_total": retries, "retry_backoff_factor": RETRY_PAUSE_SEC / 2, **shared}
    retry = {"blob": BlobRetry, "queue": QueueRetry}[service]
    shared["retry_policy"] = retry(backoff=RETRY_PAUSE_SEC, retry_total=retries, random_jitter_range=1)
    return {"max_single_get_size": MAX_SINGLE_READ_BYTES, **shared} if service == "blob" else shared


def _storage(
    session: requests.Session,
    tables: TableServiceClient,
    blobs: BlobServiceClient,
    queues: QueueServiceClient,
    *,
    signer: Callable[[BlobServiceClient], Signer],
    hint: tuple[str, int] | None,
    origins: Sequence[str],
    clock: Callable[[], datetime],
) -> AzureStorage:
    def table(name: str) -> Table:
        return MeteredTable(AzureTable(tables.get_table_client(name)))

    return AzureStorage(
        jobs=JobTable(jobs=table("jobs"), index=table("jobindex"), events=table("events"), clock=clock),
        step_runs=StepRunTable(table("parts")),
        sessions=SessionTable(table("sessions")),
        uploads=UploadTable(table("uploads")),
        idempotency=IdempotencyTable(table("idempotency")),
        tasks=TaskTable(table("tasks"), table("timeindex"), clock),
        schedules=ScheduleTable(table("schedules"), table("timeindex"), clock),
        dead_letters=DeadLetterTable(table("deadletters")),
        deliveries=DeliveryTable(table("deliveries")),
        removals=RemovalTable(table("removals")),
        vocabularies=VocabularyTable(table("vocabularies")),
        transcript_versions=TranscriptVersionTable(table("transcriptversions")),
        paces=PaceTable(table("paces")),
        search=SearchTable(words=table("words"), passages=table("passages")),
        blobs=metered_blobs(AzureBlobs(blobs, signer(blobs), clock, origins)),
        queues=metered_queues(AzureQueues(queues, clock, hint)),
        session=session,
    )


def parse_connection_string(text: str) -> dict[str, str]:
    """Return the settings of a connection string by lower-case name; `UseDevelopmentStorage=true` means the emulator on
    its usual ports."""
    pairs = (pair.strip().partition("=") for pair in text.split(";") if pair.strip())
    settings = {name.lower(): value for name, _, value in pairs}
    if settings.get("usedevelopmentstorage", "").lower() == "true":
        return dict(_EMULATOR)
    missing = [name for name in ("AccountName", "AccountKey") if not settings.get(name.lower())]
    if missing:
        raise ValueError(f"The storage connection string lacks {' and '.join(missing)}.")
    return settings


def _session(*, trust_env: bool) -> requests.Session:
    """Return a pool large enough for the API's threads; towards the emulator no proxy of the environment is used."""
    session = requests.Session()
    session.trust_env = trust_env
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=POOL_SIZE))
    return session
