"""Plan the stages of a job: the number of parts, the stages that do not apply, the speech engine and the detector.

Asked before a job is accepted, and again when it runs. Reads no storage.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.errors import RecordingTooLong
from shared.domain.options import NO_RENDITION, PLAYABLE_ALREADY, JobOptions
from shared.domain.playable import is_playable, is_remuxable
from shared.domain.recording import Recording
from shared.domain.stage import Stage
from shared.settings import Settings
from shared.tracking.detectors.choose import DetectorChoice, choose_detector
from shared.transcription.choose import AzureSpeech, EngineChoice, choose_engine

NO_PICTURE = "The recording has no picture."

_TWO_WORKERS_FROM_SEC = 120.0
"""Pictures of recordings from this length on are work for two workers; below, the second one hardly ends sooner."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Parts for the stages that apply, and a sentence for each that is skipped."""

    parts: Mapping[Stage, int]
    skipped: Mapping[Stage, str]


def plan_stages(
    recording: Recording, settings: Settings, options: JobOptions, first_part_sec: float | None = None
) -> Plan:
    """Cut a recording by time into equal parts: a short one has one part per stage.

    The first part of the transcription is `first_part_sec` long, unless that is None; then it has at least two parts.
    """
    parts: dict[Stage, int] = {}
    skipped: dict[Stage, str] = {}
    if recording.audio:
        rest_sec = recording.duration_sec - (first_part_sec or 0.0)
        parts[Stage.TRANSCRIPTION] = part_count(rest_sec, settings.transcription_part_sec) + bool(first_part_sec)
    else:
        skipped[Stage.TRANSCRIPTION] = "The recording has no sound."
    if recording.video:
        parts[Stage.TRACKING] = even_part_count(recording.duration_sec, settings.tracking_part_sec)
    else:
        skipped[Stage.TRACKING] = NO_PICTURE
    if not options.wants_rendition:
        skipped[Stage.RENDITION] = NO_RENDITION
    elif recording.video and not options.wants_track_video and not makes_playable(recording, options):
        skipped[Stage.RENDITION] = PLAYABLE_ALREADY
    elif recording.video:
        encodes = options.wants_track_video or not remuxes_playable(recording, options)
        parts[Stage.RENDITION] = even_part_count(recording.duration_sec, settings.rendition_part_sec) if encodes else 1
    else:
        skipped[Stage.RENDITION] = NO_PICTURE
    return Plan(parts, skipped)


def early_part_sec(recording: Recording, settings: Settings) -> float | None:
    """Return how long the first part of the transcription is to be if it begins while the sound is copied.

    None where it waits as the others: in recordings that their header says, rightly or not, to have a single part.
    """
    if recording.audio is None or part_count(recording.duration_sec, settings.transcription_part_sec) == 1:
        return None
    return min(settings.transcription_first_part_sec, settings.transcription_part_sec)


def makes_playable(recording: Recording, options: JobOptions) -> bool:
    """Return whether a job makes the video that every browser plays."""
    return options.rendition == "always" or (options.rendition != "never" and not is_playable(recording))


def remuxes_playable(recording: Recording, options: JobOptions) -> bool:
    """Return whether that video is made without encoding the picture again."""
    return options.rendition != "always" and makes_playable(recording, options) and is_remuxable(recording)


def refuse_too_long(duration_sec: float, settings: Settings) -> None:
    """Raise RecordingTooLong for a recording over the limit."""
    limit = settings.max_duration_sec
    if duration_sec > limit:
        raise RecordingTooLong(
            f"The recording is {duration_sec / 60:.0f} minutes long; at most {limit / 60:.0f} are accepted."
        )


def part_count(duration_sec: float, part_sec: float) -> int:
    """Return the smallest number of equal parts that are at most `part_sec` seconds long."""
    return max(1, math.ceil(duration_sec / part_sec))


def even_part_count(duration_sec: float, part_sec: float) -> int:
    """Return an even number of equal parts, so that two workers end together; a short recording has one part.

    Of three parts the last one would keep one worker busy while the other one waits.
    """
    count = part_count(duration_sec, part_sec)
    return count + count % 2 if duration_sec >= _TWO_WORKERS_FROM_SEC else count


def sample_range(recording: Recording, parts: int, number: int, sample_fps: float) -> range:
    """Return the samples k, at k / sample_fps seconds, of part `number`; together the `parts` own each sample once."""

    def first_from(sec: float) -> int:
        return math.ceil(round(sec * sample_fps, 6))

    length = recording.duration_sec / parts
    return range(first_from(number * length), first_from((number + 1) * length))


def engine_for(settings: Settings, options: JobOptions) -> EngineChoice:
    """Return the speech engine for a job with these options; raise EngineUnavailable if no engine here can do it.

    Costs one directory listing, so that a request can be refused with the error that the stage would end with.
    """
    return choose_engine(
        options.engine or settings.engine,
        whisper_model=settings.whisper_model,
        language=options.language,
        models=settings.models_dir,
        azure=_azure(settings),
    )


def refuse_unavailable(settings: Settings, options: JobOptions) -> None:
    """Raise EngineUnavailable for options that no engine or detector here can serve.

    An app that only answers requests has none: the app that does the work refuses then.
    """
    if settings.role != "api":
        engine_for(settings, options)
        detector_for(settings, options)


def detector_for(settings: Settings, options: JobOptions) -> DetectorChoice:
    """Return the detector for a job with these options; raise EngineUnavailable if no detector here can do it."""
    return choose_detector(options.detector or settings.detector, settings.detector_model, settings.models_dir)


def _azure(settings: Settings) -> AzureSpeech | None:
    endpoint, region = settings.azure_speech_endpoint, settings.azure_speech_region
    if settings.azure_speech_key is None or not (endpoint or region):
        return None
    locales = tuple(filter(None, (each.strip() for each in settings.azure_speech_locales.split(","))))
    return AzureSpeech(
        (endpoint or f"https://{region}.api.cognitive.microsoft.com").rstrip("/"), settings.azure_speech_key, locales
    )
