"""Define every setting, once.

Each is an environment variable named `ROSTRUM_` and the field's name in capitals. In Azure it is an application
setting, locally a value in `local.settings.json`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.domain.errors import SettingsInvalid
from shared.domain.options import DetectorName, EngineName

GIB = 1024**3

MAX_DAYS = 36_500
"""A hundred years, the longest retention; none keeps sessions for ever."""

LOCAL_ORIGINS = ("http://localhost:8080", "http://127.0.0.1:8080")
"""The origins of the dashboard that `dev.py up` serves."""

ANY_ORIGIN = "*"

DEFAULT_SWEEP_SCHEDULE = "*/15 * * * * *"

AZURE_MARKS = ("WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME", "CONTAINER_NAME")
"""Variables that Azure sets for every function app."""

NO_STORAGE = (
    "AzureWebJobsStorage is not set. In Azure there is no emulator to fall back to: set a connection string, or "
    "AzureWebJobsStorage__accountName for an account that is reached with an identity."
)

_ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_DAYS_OF_ORG = re.compile(r"([^=\s]+)\s*=\s*(\d{1,6}(?:\.\d+)?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class StorageUris:
    """The addresses of a storage account's services."""

    blob: str
    queue: str
    table: str


class Settings(BaseSettings):
    """How Rostrum is set up."""

    model_config = SettingsConfigDict(env_prefix="ROSTRUM_", frozen=True)

    storage_connection: str = Field(default="UseDevelopmentStorage=true", validation_alias="AzureWebJobsStorage")
    """Connection string of the storage account; the same setting that the Functions host uses. In Azure there is no
    default: give one, or an identity's account."""

    storage_account: str | None = Field(
        default=None, validation_alias="AzureWebJobsStorage__accountName", pattern=r"^[a-z0-9]{3,24}$"
    )
    """Name of the storage account that is reached with an identity, without a connection string."""

    storage_blob_uri: str | None = Field(
        default=None, validation_alias="AzureWebJobsStorage__blobServiceUri", pattern=r"^https://"
    )
    """Address of its blobs, where the name does not tell it; with those of queues and tables."""

    storage_queue_uri: str | None = Field(
        default=None, validation_alias="AzureWebJobsStorage__queueServiceUri", pattern=r"^https://"
    )
    """Address of its queues."""

    storage_table_uri: str | None = Field(
        default=None, validation_alias="AzureWebJobsStorage__tableServiceUri", pattern=r"^https://"
    )
    """Address of its tables."""

    storage_credential: Literal["managedidentity"] | None = Field(
        default=None, validation_alias="AzureWebJobsStorage__credential"
    )
    """Which identity: `managedidentity`, that of the app. Not set: the first that is there, such as a developer's."""

    storage_client_id: str | None = Field(default=None, validation_alias="AzureWebJobsStorage__clientId")
    """The client id of a user-assigned identity."""

    auth: Literal["none", "jwt"] = "none"
    """How callers are authenticated: `jwt` by a bearer token; `none` only while the storage is the local emulator."""

    jwt_secret: SecretStr | None = None
    """The secret of tokens signed with HS256, at least 32 bytes; or `jwks_url`."""

    jwks_url: str | None = None
    """Where the public keys of tokens signed with RS256 or ES256 are; needs `jwt_issuer` and `jwt_audience`."""

    jwt_issuer: str | None = None
    """The token's `iss`; not looked at when empty and `jwt_secret` is used."""

    jwt_audience: str | None = None
    """What the token's `aud` must be or contain; not looked at when empty and `jwt_secret` is used."""

    jwt_org_claim: str = Field(default="org_id", min_length=1)
    """The claim that names the organisation, such as `tid` for Entra ID."""

    jwt_leeway_sec: float = Field(default=30.0, ge=0, le=600)
    """How far the clocks of the token's issuer and of this machine may differ, in seconds."""

    rate_limit_per_minute: int = Field(default=6000, ge=0)
    """Requests of an organisation a minute that each process of the API answers; 0: any number."""

    max_event_streams_per_org: int = Field(default=500, ge=0)
    """Event streams that an organisation may hold open at once in each process of the API; 0: any number."""

    role: Literal["all", "api", "worker"] = "all"
    """Which functions this app runs: all, those of HTTP, or those of queues and timers. With two apps over one storage
    account a crash of a step costs no other step an attempt, and the API stays quick."""

    sweep_schedule: str = Field(default=DEFAULT_SWEEP_SCHEDULE, pattern=r"^\S+( \S+){5}$")
    """When the sweep runs, as a cron of six fields with seconds. Rarer is cheaper where nothing else runs. A step that
    lost its worker or its message, and a schedule that is due, wait for it."""

    execution: Literal["queue", "inline"] = "queue"
    """Where steps run: in the workers of the queues, or inside the request (for scripts and tests: the request takes as
    long as the job)."""

    engine: EngineName = "auto"
    """Transcription engine. `auto` takes moonshine where it is installed and the language is English or open, else
    faster-whisper where its model is, else pocketsphinx."""

    whisper_model: str = "base"
    """Name or local directory of the faster-whisper model."""

    whisper_threads: int = Field(default=1, ge=1)
    """Threads of one faster-whisper model."""

    models_dir: Path = Path(__file__).resolve().parent.parent / ".rostrum" / "models"
    """Where `dev.py models` puts what it fetches."""

    azure_speech_key: SecretStr | None = None
    """The key of a speech resource in Azure, for the engine `azure-speech`."""

    azure_speech_region: str | None = Field(default=None, pattern=r"^[a-z0-9]+$")
    """The resource's region, such as `westeurope`; or `azure_speech_endpoint`."""

    azure_speech_endpoint: str | None = Field(default=None, pattern=r"^https?://[^/?#]+/?$")
    """The resource's endpoint, such as `https://NAME.cognitiveservices.azure.com`."""

    azure_speech_locales: str = ""
    """The languages of jobs without one, such as `en-US,de-DE`: the service identifies one of them for each part.
    Empty: the service's multilingual model."""

    detector: DetectorName = "auto"
    """What finds people: the plate (the empty room, learned from each recording), a model in onnxruntime, or both.
    `auto` takes both when the model is present locally, else the plate."""

    detector_model: Path | None = None
    """File of a YOLOX model in ONNX; none: the first `yolox*.onnx` in the directory of the models."""

    slide_text_model: Path | None = None
    """File of a PP-OCR recognition model in ONNX that reads the slides, for other scripts than Latin and Chinese; none:
    the model in the package rapidocr."""

    rendition_codec: Literal["h264", "vp9", "av1"] = "h264"
    """What pictures of videos are encoded as, `rendition.mp4` and the videos of the track alike. Every browser plays
    H.264; VP9 and AV1 leave out x264, which is under the GPL. A job keeps the codec that it began with."""

    transcription_part_sec: float = Field(default=300.0, ge=10)
    """Longest nominal length of a transcription part in seconds; parts are of equal nominal length, except the first
    one of long recordings."""

    transcription_first_part_sec: float = Field(default=60.0, ge=5)
    """Nominal length of the first transcription part in seconds, in recordings of more than one part: it runs while the
    sound is still copied, so that there is text to read soon."""

    tracking_part_sec: float = Field(default=300.0, ge=10)
    """Longest nominal length of a tracking part in seconds; parts are of equal nominal length."""

    rendition_part_sec: float = Field(default=240.0, ge=10)
    """Longest nominal length of a part of a rendered video in seconds; parts are of equal nominal length."""

    sample_fps: float = Field(default=2.0, gt=0, le=10)
    """Frames looked at per second of the recording."""

    max_source_bytes: int = Field(default=20 * GIB, ge=1)
    """Largest recording accepted, in bytes."""

    body_silence_sec: float = Field(default=30.0, gt=0)
    """How long a client may send nothing of a body, in seconds; also how long a JSON body may take in all, and the time
    over which the rate of a recording is measured."""

    import_min_bytes_per_sec: int = Field(default=16 * 1024, ge=0)
    """Least rate of a recording that is sent with the request, in bytes a second; slower clients are given up."""

    import_max_sec: float = Field(default=3600.0, gt=0)
    """Longest time that a recording may take to arrive with the request, in seconds."""

    max_duration_sec: float = Field(default=6 * 3600.0, gt=0)
    """Longest recording accepted, in seconds."""

    max_download_sec: float = Field(default=3600.0, gt=0)
    """Longest time that fetching a source may take in all, in seconds."""

    allow_loopback_sources: bool = False
    """Whether the address of a source or a callback may lead to this machine: for development only."""

    webhook_secret: SecretStr | None = None
    """What webhooks are signed with, in the forms of Standard Webhooks: `whsec_` and base64, or any text. Several are
    separated by spaces, and each signs. Without one, callbacks are refused, and unsigned with the local emulator."""

    probe_max_sec: float = Field(default=20.0, gt=0)
    """Longest time that a probe may take, in seconds."""

    probe_max_bytes: int = Field(default=32 * 1024**2, ge=1024**2)
    """Most bytes of a recording that a probe reads in search of its index."""

    invocation_budget_sec: float = Field(default=240.0, gt=0)
    """After this many seconds a download goes on in a new invocation, where it can."""

    invocation_limit_sec: float = Field(default=540.0, gt=0)
    """After this many seconds a download that cannot go on elsewhere is given up: less than the host's own limit."""

    heartbeat_sec: float = Field(default=1.0, gt=0)
    """The seconds between two heartbeats of a running step."""

    max_attempts: int = Field(default=5, ge=1)
    """The attempts at a step, including crashes; after the last one its job ends in ERROR."""

    max_running_jobs_per_org: int = Field(default=16, ge=0)
    """How many jobs of an organisation may run at once; the oldest begin first. 0: any number."""

    messages_ahead: int = Field(default=2, ge=1)
    """How many messages of a job may wait in a stage's queue; each step that begins sends the next one."""

    model_idle_sec: float = Field(default=300.0, ge=0)
    """After so many seconds without a step a worker releases its models of speech, slides and people, and loads them
    again when it needs them. 0: they are kept."""

    stale_after_sec: float = Field(default=30.0, gt=0)
    """After so many seconds without a heartbeat a lease is stale, and the sweep enqueues the step again."""

    retention_days: float | None = Field(default=None, gt=0, le=MAX_DAYS)
    """Sessions without a change for so many days are deleted; none: they are kept."""

    retention_days_by_org: str = ""
    """The same for single organisations, such as `acme=30,globex=365`. The fewest days that apply count: these, those
    for all, and those of a session's latest job (`retentionDays`)."""

    removal_record_days: float = Field(default=365.0, gt=0, le=MAX_DAYS)
    """How long the record of a deleted session is kept, in days."""

    upload_valid_hours: float = Field(default=24.0, gt=0)
    """How long an upload address works, in hours."""

    media_url_minutes: float = Field(default=60.0, gt=0)
    """How long a media address works, in minutes."""

    public_url: str | None = None
    """The API's address as clients see it, for links. None: with the emulator the address that a request came to, else
    links are relative."""

    cors_origins: str | None = None
    """The origins of pages that browsers may let call the API, separated by commas, such as
    `https://rostrum.example,https://studio.example`; `*` is every page, and needs `auth` to be `jwt`. Not set: the
    local dashboard's while the storage is the emulator, else none."""

    otlp_endpoint: str | None = Field(
        default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT", pattern=r"^https?://[^?#]+$"
    )
    """Address of an OpenTelemetry collector that takes OTLP over HTTP, such as `http://localhost:4318`: traces and
    metrics are sent there. The Functions host obeys the same variable."""

    application_insights: SecretStr | None = Field(
        default=None, validation_alias="APPLICATIONINSIGHTS_CONNECTION_STRING", min_length=1
    )
    """Connection string of Application Insights: traces and metrics are sent there, as the Functions host does."""

    sentry_dsn: SecretStr | None = Field(default=None, min_length=1)
    """The DSN of a project at Sentry, which is told of errors; needs the package of `requirements-sentry.txt`."""

    queue_hint: str | None = None
    """`host:port` of the local host's wake-up listener; set by the local host itself."""

    local_data_dir: Path | None = None
    """Where the local storage emulator keeps its data; set by the local host itself."""

    min_free_bytes: int = Field(default=1 * GIB, ge=0)
    """With less free disk behind the local storage than this, submissions are refused."""

    @field_validator("retention_days_by_org")
    @classmethod
    def _is_days_by_org(cls, text: str) -> str:
        days_by_org(text)
        return text

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is not None and ANY_ORIGIN in origins(text) and info.data.get("auth") == "none":
            raise ValueError("ROSTRUM_CORS_ORIGINS may be * only with ROSTRUM_AUTH=jwt.")
        return text

    @property
    def browser_origins(self) -> Sequence[str]:
        """Return the origins of pages that browsers may let call the API; `*` is any."""
        if self.cors_origins is None:
            return LOCAL_ORIGINS if self.storage_is_emulator else ()
        return origins(self.cors_origins)

    def retention_days_of(self, org_id: str) -> float | None:
        """Return the retention that is set for this organisation alone, in days; None without one."""
        return days_by_org(self.retention_days_by_org).get(org_id)

    @property
    def queue_hint_address(self) -> tuple[str, int] | None:
        """Return the address of the local host's wake-up listener, as (host, port); None without one."""
        host, _, port = (self.queue_hint or "").rpartition(":")
        return (host, int(port)) if host else None

    @property
    def storage_uris(self) -> StorageUris | None:
        """Return the addresses of the account that is reached with an identity; None with a connection string."""
        given = (self.storage_blob_uri, self.storage_queue_uri, self.storage_table_uri)
        if self._has_connection_string or not (self.storage_account or all(given)):
            return None
        blob, queue, table = (
            uri or f"https://{self.storage_account}.{service}.core.windows.net"
            for uri, service in zip(given, ("blob", "queue", "table"), strict=True)
        )
        return StorageUris(blob, queue, table)

    @property
    def _has_connection_string(self) -> bool:
        return "storage_connection" in self.model_fields_set and bool(self.storage_connection.strip())

    @property
    def storage_is_missing(self) -> bool:
        """Return whether neither a connection string nor an account is given, so that the emulator is meant."""
        return not self._has_connection_string and self.storage_uris is None

    @property
    def storage_is_emulator(self) -> bool:
        """Return whether the storage is Azurite rather than an account in Azure."""
        if self.storage_uris is not None:
            return False
        marks = ("UseDevelopmentStorage=true", "AccountName=devstoreaccount1;")
        return any(mark in self.storage_connection + ";" for mark in marks)


@lru_cache(maxsize=8)
def days_by_org(text: str) -> Mapping[str, float]:
    """Return `acme=30,globex=365` as numbers by organisation; raise ValueError."""
    found: dict[str, float] = {}
    for entry in filter(None, (each.strip() for each in text.split(","))):
        match = _DAYS_OF_ORG.fullmatch(entry)
        if match is None or not 0 < float(match[2]) <= MAX_DAYS:
            raise ValueError(
                f"ROSTRUM_RETENTION_DAYS_BY_ORG must be organisations and their days (up to {MAX_DAYS}), such as "
                "acme=30,globex=365."
            )
        if match[1] in found:
            raise ValueError(
                "ROSTRUM_RETENTION_DAYS_BY_ORG says more than once how long an organisation keeps its sessions."
            )
        found[match[1]] = float(match[2])
    return found


@lru_cache(maxsize=8)
def origins(text: str) -> Sequence[str]:
    """Return the origins of a list with commas, as browsers write them; raise ValueError."""
    found = [each.lower().removesuffix("/") for each in map(str.strip, text.split(",")) if each]
    for origin in found:
        if origin != ANY_ORIGIN and _ORIGIN.fullmatch(origin) is None:
            raise ValueError("ROSTRUM_CORS_ORIGINS must be origins, such as https://rostrum.example, and no paths.")
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Return the settings of this process, read from its environment once.

    Raise SettingsInvalid, which names the settings that cannot be read, and not what they hold.
    """
    try:
        settings = Settings()
        if settings.storage_is_missing and any(os.environ.get(mark) for mark in AZURE_MARKS):
            raise SettingsInvalid(NO_STORAGE)
        return settings
    except ValidationError as err:
        faults = " ".join(f"{_variable(each['loc'])}: {_sentence(each['msg'])}" for each in err.errors())
    raise SettingsInvalid(f"The service cannot start before its settings are corrected. {faults}")


def _variable(location: Sequence[int | str]) -> str:
    """Return the environment variable of a field, which pydantic names by its alias where it has one."""
    field = str(location[0])
    return f"ROSTRUM_{field.upper()}" if field in Settings.model_fields else field


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ").rstrip(".") + "."
