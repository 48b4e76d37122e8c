"""Write the verdict on a recording (`quality.json`): join what the stages measured, when all of them are over.

Decodes nothing. What is wrong is decided in `shared.domain.quality`. A record that is missing, as in the job of an
earlier release, or unreadable leaves out what it would have shown.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from shared.domain.job import Job
from shared.domain.quality.facts import Facts, HeardText, Span
from shared.domain.quality.records import Look, PictureLooks, SoundLevels
from shared.domain.quality.verdict import assess
from shared.domain.recording import Recording
from shared.domain.stage import Stage
from shared.pipeline.artefacts import (
    INSTRUCTOR_TRACKING,
    PICTURE_LOOKS,
    QUALITY,
    SLIDE_PICTURE,
    SLIDES_AS_READ,
    SOUND_LEVELS,
    TRANSCRIPT,
    TRANSCRIPT_PART,
    Artefact,
)
from shared.pipeline.context import Services
from shared.pipeline.stages.job_blobs import find_json, recording_of_job, write_json
from shared.slides.payload import Slides
from shared.transcription.payload import UNDETERMINED, Transcript, TranscriptPart

T = TypeVar("T", bound=BaseModel)

SENTENCE_ENDS = (".", "?", "!", "…", '"', "”", "。", "？", "！")
JOINT_SEC = 0.1
"""Speech that goes on over a part's border is one span."""
WHOLE_PICTURE_SHARE = 0.95
"""Slides in a region of this share of the picture, or more, fill it."""


class _Metrics(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    coverage_percent: float


class _Track(BaseModel):
    """The part of `instructor-tracking.json` that is needed here."""

    model_config = ConfigDict(alias_generator=to_camel)

    derived_metrics: _Metrics
    presence: list[tuple[float, float]]


def write_quality(services: Services, job: Job) -> None:
    """Write the verdict; the same facts give the same bytes."""
    facts = _facts(services, job, recording_of_job(services, job))
    write_json(services, job, QUALITY, assess(facts, session_id=job.session_id, job_id=job.job_id))


def _facts(services: Services, job: Job, recording: Recording) -> Facts:
    parts = list(_parts(services, job, Stage.TRANSCRIPTION, TRANSCRIPT_PART, TranscriptPart))
    transcript = find_json(services, job, TRANSCRIPT, Transcript)
    track = find_json(services, job, INSTRUCTOR_TRACKING, _Track)
    looks = _parts(services, job, Stage.TRACKING, PICTURE_LOOKS, PictureLooks)
    slides = find_json(services, job, SLIDES_AS_READ, Slides)
    speech = _joined(chain.from_iterable(part.speech for part in parts))
    if not speech and transcript is not None and transcript.speech_sec:  # a part of an earlier release
        speech = [(segment.start, segment.end) for segment in transcript.segments]
    return Facts(
        duration_sec=recording.duration_sec,
        has_sound=recording.audio is not None,
        has_picture=recording.video is not None,
        levels=find_json(services, job, SOUND_LEVELS, SoundLevels),
        speech=[(start, min(end, recording.duration_sec)) for start, end in speech if start < recording.duration_sec],
        text=None if transcript is None else _text(transcript, parts),
        looks=tuple(_in_order(chain.from_iterable(part.looks for part in looks))),
        coverage_percent=None if track is None else track.derived_metrics.coverage_percent,
        presence=() if track is None else track.presence,
        has_slides=slides is not None and _are_followed(slides),
        slides_fill_picture=slides is not None and _are_followed(slides) and _fill_picture(slides),
    )


def _text(transcript: Transcript, parts: Sequence[TranscriptPart]) -> HeardText:
    quality, segments = transcript.quality, transcript.segments
    languages = dict.fromkeys(segment.language for segment in segments if segment.language)
    languages |= dict.fromkeys(part.language for part in parts if part.language and part.segments)
    languages.pop(UNDETERMINED, None)
    is_written = bool(parts) and parts[-1].written
    return HeardText(
        transcribed_share=0.0 if quality is None else quality.transcribed_share,
        words=sum(len(segment.words) for segment in segments),
        last_word_end=segments[-1].end if segments else None,
        ends_sentence=not is_written or not segments or segments[-1].text.rstrip().endswith(SENTENCE_ENDS),
        low_confidence=() if quality is None else [(each.start, each.end) for each in quality.doubtful],
        doubtful_share=0.0 if quality is None else quality.doubtful_share,
        languages=tuple(str(each) for each in languages),
        warnings=frozenset(warning.code for warning in transcript.warning_details),
    )


def _are_followed(slides: Slides) -> bool:
    """Return whether there are slides, and no boards, in the picture that is followed."""
    return slides.track is None and any(SLIDE_PICTURE.matches(f"slides/{slide.picture}") for slide in slides.slides)


def _fill_picture(slides: Slides) -> bool:
    """Return whether the slides fill the whole picture."""
    if slides.region is None:
        return False
    _, _, width, height = slides.region
    return min(width, height) >= WHOLE_PICTURE_SHARE


def _joined(spans: Iterator[Span]) -> list[Span]:
    """Return the spans, with those that touch as one."""
    found: list[Span] = []
    for start, end in spans:
        if found and start - found[-1][1] <= JOINT_SEC:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _in_order(looks: Iterator[Look]) -> Iterator[Look]:
    """Yield the samples without those that do not come after the one before."""
    listed = list(looks)
    yield from listed[:1]
    yield from (after for before, after in pairwise(listed) if after.t > before.t)


def _parts(services: Services, job: Job, stage: Stage, artefact: Artefact, kind: type[T]) -> Iterator[T]:
    """Yield the files of the stage's parts that are there and can be read."""
    for number in range(job.stages[stage].parts):
        if (found := find_json(services, job, artefact, kind, part=number)) is not None:
            yield found
