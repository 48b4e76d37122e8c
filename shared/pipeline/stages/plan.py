"""What a recording needs: how many parts each stage has, and which stages do not apply. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.errors import RecordingTooLong
from shared.domain.recording import Recording
from shared.domain.renditions import NO_RENDITION, Renditions
from shared.domain.stage import Stage
from shared.settings import Settings

NO_PICTURE = "The recording has no picture."


@dataclass(frozen=True, slots=True)
class Plan:
    """Parts for the stages that apply, and a sentence for each that is skipped."""

    parts: Mapping[Stage, int]
    skipped: Mapping[Stage, str]


def plan_stages(recording: Recording, settings: Settings, options: Mapping[str, Any]) -> Plan:
    """Cuts a recording by time into equal parts: a short one has one part per stage."""
    parts: dict[Stage, int] = {}
    skipped: dict[Stage, str] = {}
    if recording.audio:
        parts[Stage.TRANSCRIPTION] = part_count(recording.duration_sec, settings.transcription_part_sec)
    else:
        skipped[Stage.TRANSCRIPTION] = "The recording has no sound."
    if recording.video:
        parts[Stage.TRACKING] = part_count(recording.duration_sec, settings.tracking_part_sec)
    else:
        skipped[Stage.TRACKING] = NO_PICTURE
    if not Renditions.of(options).any_wanted:
        skipped[Stage.RENDITION] = NO_RENDITION
    elif recording.video:
        parts[Stage.RENDITION] = part_count(recording.duration_sec, settings.rendition_part_sec)
    else:
        skipped[Stage.RENDITION] = NO_PICTURE
    return Plan(parts, skipped)


def refuse_too_long(duration_sec: float, settings: Settings) -> None:
    """Raises RecordingTooLong."""
    limit = settings.max_duration_sec
    if duration_sec > limit:
        raise RecordingTooLong(
            f"The recording is {duration_sec / 60:.0f} minutes long; at most {limit / 60:.0f} are accepted."
        )


def part_count(duration_sec: float, part_sec: float) -> int:
    """The fewest equal parts that are at most `part_sec` seconds long."""
    return max(1, math.ceil(duration_sec / part_sec))


def sample_range(recording: Recording, parts: int, number: int, sample_fps: float) -> range:
    """The samples k, at k / sample_fps seconds, that part `number` of `parts` owns; together they own each once."""

    def first_from(sec: float) -> int:
        return math.ceil(round(sec * sample_fps, 6))

    length = recording.duration_sec / parts
    return range(first_from(number * length), first_from((number + 1) * length))
