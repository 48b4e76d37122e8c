"""Compose the process: the only module that builds clients and binds steps to their work."""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from threading import Lock

from shared.domain.errors import SettingsInvalid
from shared.domain.ids import newest_first_id
from shared.domain.job import Job
from shared.domain.message import StepKind
from shared.domain.stage import Stage
from shared.pipeline import inline
from shared.pipeline.artefacts import required_results
from shared.pipeline.context import Services, StepContext, StepWork
from shared.pipeline.tasks.job_manager import job_manager
from shared.settings import Settings, load_settings
from shared.storage.ports import Storage
from shared.telemetry.cost_meter import loading
from shared.telemetry.setup import make_telemetry
from shared.telemetry.telemetry import OFF, Telemetry
from shared.warm_models import IdleRelease

log = logging.getLogger(__name__)


class ProcessServices:
    """The services of this process, which its triggers and its background jobs share."""

    def __init__(self, build: Callable[[], Services]) -> None:
        self._build = build
        self._lock = Lock()
        self._services: Services | None = None

    def __call__(self) -> Services:
        """Return the services, built at the first call; raise SettingsInvalid."""
        with self._lock:
            if self._services is None:
                self._services = self._build()
            return self._services

    @contextmanager
    def replaced_by(self, other: Services | None) -> Iterator[None]:
        """Give out other services for a while, as a host without an environment does; with None, build them anew."""
        before, self._services = self._services, other
        try:
            yield
        finally:
            self._services = before


def _build_from_environment() -> Services:
    from shared.storage.connect import connect, connect_by_identity  # costs indexing a third of a second
    from shared.storage.identity import make_credential

    settings = load_settings()
    origins = settings.browser_origins if settings.storage_is_emulator else ()  # an account's rules are its operator's
    uris, hint = settings.storage_uris, settings.queue_hint_address
    storage: Storage
    if uris is not None:
        try:
            credential = make_credential(settings.storage_credential, settings.storage_client_id)
        except ValueError as error:  # which may repeat a variable's value
            log.error("no identity", extra={"action": "start"}, exc_info=error)
            raise SettingsInvalid(
                "AzureWebJobsStorage__credential: the identity that reaches the storage account cannot be made from "
                "this process's environment. Look at the variables that begin with AZURE_; the log says which is wrong."
            ) from None
        storage = connect_by_identity(uris, credential, hint=hint)
    else:
        try:
            storage = connect(settings.storage_connection, hint=hint, origins=origins)
        except ValueError:  # which may repeat the connection string
            raise SettingsInvalid(
                "AzureWebJobsStorage is not a connection string with an account's name and key."
            ) from None
    built = build_services(settings, storage, make_telemetry(settings))
    return replace(built, models=IdleRelease(settings.model_idle_sec))


services = ProcessServices(_build_from_environment)

job_manager.bind(services)


def process_job(job_id: str, org_id: str = "local") -> Job:
    """Run the rest of a job in this process, for scripts and shells; raise NotFound."""
    return inline.process_job(services(), org_id, job_id)


def build_services(settings: Settings, storage: Storage, telemetry: Telemetry = OFF) -> Services:
    """Return services with the real clock and the real work of every step, executed as the settings say."""
    built = Services(
        storage=storage,
        settings=settings,
        clock=_now,
        new_id=_new_id,
        work=STEP_WORK,
        results=required_results(),
        telemetry=telemetry,
    )
    return inline.inline_services(built) if settings.execution == "inline" else built


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return newest_first_id(_now(), secrets.randbits)


def _step_work(module: str, function: str) -> StepWork:
    """Return the work as a function that imports its module at its first run: indexing loads no media libraries."""

    def work(context: StepContext, /) -> None:
        with loading():
            stage = import_module(f"shared.pipeline.stages.{module}")
        getattr(stage, function)(context)

    return work


STEP_WORK: dict[tuple[Stage, StepKind], StepWork] = {
    (Stage.DOWNLOAD, StepKind.PART): _step_work("download", "download_recording"),
    (Stage.TRANSCRIPTION, StepKind.PART): _step_work("transcription", "transcribe_part"),
    (Stage.TRANSCRIPTION, StepKind.MERGE): _step_work("transcription", "merge_transcript"),
    (Stage.TRACKING, StepKind.PREPARE): _step_work("tracking", "prepare_tracking"),
    (Stage.TRACKING, StepKind.PART): _step_work("tracking", "track_part"),
    (Stage.TRACKING, StepKind.MERGE): _step_work("tracking", "merge_tracking"),
    (Stage.RENDITION, StepKind.PART): _step_work("rendition", "render_part"),
    (Stage.RENDITION, StepKind.MERGE): _step_work("rendition", "join_renditions"),
}
