"""Probe a recording: its facts, and what a job over it would do, before there is a job. Reads little, stores nothing.

The decoder runs in a process of its own, because this one is the API's.
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
from shared.pipeline.stages.plan import early_part_sec, engine_for, plan_stages, refuse_too_long
from shared.settings import Settings
from shared.storage.ports import SOURCES, BlobFacts
from shared.transcription.choose import EngineChoice


@dataclass(frozen=True, slots=True)
class ExpectedStage:
    """The work of a stage."""

    parts: int | None
    """Time slices; 0 for a stage that is skipped, None while the recording's length is not known."""
    invocations: int | None
    """Messages in all; None while the recording's length is not known."""
    reason: str | None = None
    """A sentence for a stage that is skipped."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The work of a job."""

    stages: Mapping[Stage, ExpectedStage]
    engine: EngineChoice | None
    """The speech engine; None where there is nothing to transcribe, or no engine here can do it."""
    problem: FinalError | None
    """The error that the job would end with, or be refused with at once."""

    @property
    def invocations(self) -> int | None:
        """Return the invocations of all stages; None while they cannot be known."""
        counts = [stage.invocations for stage in self.stages.values()]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None


@dataclass(frozen=True, slots=True)
class Probed:
    """The facts of a recording; `duration_sec` and `size_bytes` are None if they need a full read."""

    recording: Recording
    duration_sec: float | None
    size_bytes: int | None
    sha256: str | None
    expected: Expected
    warnings: tuple[RecordingWarning, ...]


def probe_url(services: Services, url: str, options: JobOptions) -> Probed:
    """Probe a recording at a web address, under the same rules as when a job fetches it.

    Raise the FinalError that a job would end with, SourceUnavailable, SourceChanged, or CannotProbe.
    """
    from shared.media.network.fetch import FetchPolicy
    from shared.media.probe.quick_probe import ProbeBudget, quick_probe_url
    from shared.media.probe.sandbox import SandboxedDecoder

    settings = services.settings
    policy = FetchPolicy(
        allow_loopback=settings.allow_loopback_sources,
        max_bytes=settings.max_source_bytes,
        max_seconds=settings.probe_max_sec,
    )
    allowance = ProbeBudget(settings.probe_max_bytes, settings.probe_max_sec)
    decoder = SandboxedDecoder(settings.probe_max_sec)
    seen = quick_probe_url(url, policy, allowance, decoder=decoder, wanted=options.tracks)
    return _probed(settings, seen.recording, seen.duration_sec, seen.size_bytes, None, options)


def probe_upload(services: Services, org_id: str, upload_id: str, options: JobOptions) -> Probed:
    """Probe an upload that is complete, committed or not.

    Raise NotFound, UploadIncomplete, Conflict after its expiry, and as `probe_url`.
    """
    upload = services.storage.uploads.get(org_id, upload_id).value
    if upload.job_id is None:
        return _probe_blob(services, arrived_upload(services, upload), options)
    return probe_session(services, org_id, upload.session_id, options)


def address_to_probe(services: Services, org_id: str, session_id: str) -> str | None:
    """Return the source address of a recording that is neither known nor stored, else None; raise NotFound."""
    session = services.storage.sessions.get(org_id, session_id).value
    if session.recording is not None or session.source_url is None:
        return None
    blob = services.storage.blobs.facts(SOURCES, session.source_blob)
    return None if blob is not None and blob.size_bytes > 0 else session.source_url


def probe_session(services: Services, org_id: str, session_id: str, options: JobOptions) -> Probed:
    """Probe a session's stored recording, or return the facts that are known; raise NotFound, and as `probe_url`."""
    session = services.storage.sessions.get(org_id, session_id).value
    found = session.recording
    if found is not None and not options.tracks.any and not found.choice.asked:
        return _probed(services.settings, found, found.duration_sec, found.size_bytes, session.sha256, options)
    blob = services.storage.blobs.facts(SOURCES, session.source_blob)
    if blob is not None and blob.size_bytes > 0:
        return _probe_blob(services, blob, options)
    raise SourceNotFound("The recording is not in storage any more; upload it again.")


def _probe_blob(services: Services, blob: BlobFacts, options: JobOptions) -> Probed:
    from shared.media.probe.quick_probe import ProbeBudget, quick_probe_ranges
    from shared.media.probe.sandbox import SandboxedDecoder

    settings, blobs = services.settings, services.storage.blobs
    seen = quick_probe_ranges(
        lambda offset, length: blobs.read_range(SOURCES, blob.name, offset, length, blob.etag),
        blob.size_bytes,
        ProbeBudget(settings.probe_max_bytes, settings.probe_max_sec),
        SandboxedDecoder(settings.probe_max_sec),
        options.tracks,
    )
    return _probed(settings, seen.recording, seen.duration_sec, blob.size_bytes, None, options)


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
    plan = plan_stages(recording, settings, options, early_part_sec(recording, settings))
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
        engine = None if settings.role == "api" else engine_for(settings, options)  # another app has the engines
    except FinalError as err:
        problem = err
    return Expected(stages, engine if recording.audio else None, problem)


def _invocations(stage: Stage, parts: int) -> int:
    """Return the number of messages that the stage needs if each step works at the first try."""
    return sum(parts if step is StepKind.PART else 1 for step in STEPS[stage])
