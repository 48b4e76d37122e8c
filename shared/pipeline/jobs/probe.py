"""What a recording is and what a job over it would do, before there is a job. Reads little, and keeps nothing.

What decodes runs in a process of its own: this one is the API's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.errors import FinalError, SourceNotFound
from shared.domain.message import StepKind
from shared.domain.options import JobOptions
from shared.domain.recording import Recording
from shared.domain.stage import Stage
from shared.domain.step_run import STEPS
from shared.domain.warning import About, RecordingWarning
from shared.pipeline.context import Services
from shared.pipeline.jobs.uploads import arrived_upload
from shared.pipeline.stages.plan import engine_for, plan_stages, refuse_too_long
from shared.settings import Settings
from shared.storage.ports import SOURCES, BlobFacts
from shared.transcription.choose import EngineChoice


@dataclass(frozen=True, slots=True)
class ExpectedStage:
    """What a stage would do: in `parts` time slices and so many invocations in all (None while the recording's length
    is not known), or nothing, for the reason."""

    parts: int | None
    invocations: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a job would do. `engine` is None where nothing would be transcribed, or nothing here could; `problem` is
    what the job would end with, or be refused with at once."""

    stages: Mapping[Stage, ExpectedStage]
    engine: EngineChoice | None
    problem: FinalError | None

    @property
    def invocations(self) -> int | None:
        """The invocations of all stages; None while they cannot be known."""
        counts = [stage.invocations for stage in self.stages.values()]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found out. `duration_sec` and `size_bytes` are None where only reading all of it would tell."""

    recording: Recording
    duration_sec: float | None
    size_bytes: int | None
    sha256: str | None
    expected: Expected
    warnings: tuple[RecordingWarning, ...]


def probe_url(services: Services, url: str, options: JobOptions) -> Probed:
    """A recording at a web address, under the same rules as when a job fetches it.

    Raises the FinalError that a job would end with, SourceUnavailable, SourceChanged, and CannotProbe.
    """
    from shared.media.network.fetch import FetchPolicy
    from shared.media.probe.quick_probe import Allowance, glance_at_url
    from shared.media.probe.sandbox import Apart

    settings = services.settings
    policy = FetchPolicy(
        allow_loopback=settings.allow_loopback_sources,
        max_bytes=settings.max_source_bytes,
        max_seconds=settings.probe_max_sec,
    )
    allowance = Allowance(settings.probe_max_bytes, settings.probe_max_sec)
    seen = glance_at_url(url, policy, allowance, decoder=Apart(settings.probe_max_sec))
    return _probed(settings, seen.recording, seen.duration_sec, seen.size_bytes, None, options)


def probe_upload(services: Services, org_id: str, upload_id: str, options: JobOptions) -> Probed:
    """An upload that is complete, committed or not. Raises NotFound, UploadIncomplete, Conflict after its expiry, and
    as `probe_url`."""
    upload = services.storage.uploads.get(org_id, upload_id).value
    if upload.job_id is None:
        return _probe_blob(services, arrived_upload(services, upload), options)
    return probe_session(services, org_id, upload.session_id, options)


def address_to_probe(services: Services, org_id: str, session_id: str) -> str | None:
    """Where a session's recording has to be looked at while it is neither known nor stored; raises NotFound."""
    session = services.storage.sessions.get(org_id, session_id).value
    if session.recording is not None or session.source_url is None:
        return None
    blob = services.storage.blobs.facts(SOURCES, session.source_blob)
    return None if blob is not None and blob.size_bytes > 0 else session.source_url


def probe_session(services: Services, org_id: str, session_id: str, options: JobOptions) -> Probed:
    """A session's recording that is stored: what is known of it, else what shows. Raises NotFound, and as
    `probe_url`."""
    session = services.storage.sessions.get(org_id, session_id).value
    if session.recording is not None:
        found = session.recording
        return _probed(services.settings, found, found.duration_sec, found.size_bytes, session.sha256, options)
    blob = services.storage.blobs.facts(SOURCES, session.source_blob)
    if blob is not None and blob.size_bytes > 0:
        return _probe_blob(services, blob, options)
    raise SourceNotFound("The recording is not in storage any more; upload it again.")


def _probe_blob(services: Services, blob: BlobFacts, options: JobOptions) -> Probed:
    from shared.media.probe.quick_probe import Allowance, glance_at_ranges
    from shared.media.probe.sandbox import Apart

    settings, blobs = services.settings, services.storage.blobs
    seen = glance_at_ranges(
        lambda offset, length: blobs.read_range(SOURCES, blob.name, offset, length),
        blob.size_bytes,
        Allowance(settings.probe_max_bytes, settings.probe_max_sec),
        Apart(settings.probe_max_sec),
    )
    return _probed(settings, seen.recording, seen.duration_sec, blob.size_bytes, blob.sha256, options)


def _probed(
    settings: Settings,
    recording: Recording,
    duration_sec: float | None,
    size_bytes: int | None,
    sha256: str | None,
    options: JobOptions,
) -> Probed:
    expected = _expected(settings, recording, duration_sec, options)
    engine, problem = expected.engine, expected.problem
    warnings = (*recording.warnings, *(engine.warnings if engine else ()))
    if problem is not None:
        warnings = (*warnings, RecordingWarning(problem.code, About.RECORDING, problem.detail))
    return Probed(recording, duration_sec, size_bytes, sha256, expected, warnings)


def _expected(settings: Settings, recording: Recording, duration_sec: float | None, options: JobOptions) -> Expected:
    plan = plan_stages(recording, settings, options)
    stages = {Stage.DOWNLOAD: ExpectedStage(1, _invocations(Stage.DOWNLOAD, 1))}
    for stage in STEPS:
        if stage in plan.skipped:
            stages[stage] = ExpectedStage(0, 0, plan.skipped[stage])
        elif stage in plan.parts:
            parts = plan.parts[stage] if duration_sec is not None else None
            stages[stage] = ExpectedStage(parts, None if parts is None else _invocations(stage, parts))
    engine, problem = None, None
    try:
        if duration_sec is not None:
            refuse_too_long(duration_sec, settings)
        engine = engine_for(settings, options)
    except FinalError as err:
        problem = err
    return Expected(stages, engine if recording.audio else None, problem)


def _invocations(stage: Stage, parts: int) -> int:
    """How many messages the stage's steps take when each works at the first try."""
    return sum(parts if step is StepKind.PART else 1 for step in STEPS[stage])
