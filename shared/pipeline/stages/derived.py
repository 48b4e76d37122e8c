"""Derive results from several others: chapters, the page to read, terms of slides not said, the instructor's places.

Transcription and tracking run side by side, so this runs when both are over, just before the sidecar. It is
idempotent.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from shared.domain.job import Job
from shared.domain.stage import Stage
from shared.domain.transcript_version import ReviewState
from shared.pipeline.artefacts import (
    CHAPTERS,
    CHAPTERS_VTT,
    INSTRUCTOR_BY_SEGMENT,
    INSTRUCTOR_TRACKING,
    PODCAST_CHAPTERS,
    SLIDES,
    SLIDES_AS_READ,
    TRANSCRIPT,
    TRANSCRIPT_HTML,
)
from shared.pipeline.context import Services
from shared.pipeline.stages.captions import write_captions
from shared.pipeline.stages.current_transcript import PresentText, present_text, read_version
from shared.pipeline.stages.job_blobs import find_json, write_file, write_json
from shared.pipeline.stages.sidecar import read_scenes
from shared.slides.payload import Slides
from shared.slides.unspoken import Said, unspoken_terms
from shared.transcription.chapters import Section, propose_chapters, to_webvtt_chapters
from shared.transcription.page import to_html
from shared.transcription.payload import Chapters, InstructorBySegment, SegmentPlace, Transcript, TranscriptSegment
from shared.transcription.podcast_chapters import to_podcast_chapters


class _TrackPoint(BaseModel):
    t: float
    x: float


class _Track(BaseModel):
    """The part of `instructor-tracking.json` that is needed here: the whole may hold a hundred thousand detections."""

    model_config = ConfigDict(alias_generator=to_camel)

    track_points: list[_TrackPoint]
    presence: list[tuple[float, float]]


def write_derived(services: Services, job: Job) -> None:
    """Write the files that can be derived; without a transcript or a track, leave out what needs it.

    They are written again when the transcript was edited meanwhile, so that the last writer is the one that knows all.
    So are the captions of a job at work, which `correct_by_slides` may have written over those of the edit. They come
    first, because the rest takes seconds in which a later edit writes its own.
    """
    present = None
    while present != (found := present_text(services, job.org_id, job.session_id, job.job_id)):
        if present is not None and not job.is_final and (edited := _transcript(services, job, found)) is not None:
            write_captions(services, job, edited, found.state)
        present = found
        _write_derived(services, job, present)


def _write_derived(services: Services, job: Job, present: PresentText) -> None:
    transcript, slides = _transcript(services, job, present), _read_slides(services, job)
    if transcript is not None and slides is not None and _may_be_corrected(job, present):
        transcript = _correct_by_slides(services, job, transcript, slides)
    if slides is not None:
        _write_slides(services, job, slides, transcript)
    if transcript is None:
        return
    chapters = propose_chapters(transcript, _picture_changes(services, job), _sections(slides))
    write_json(services, job, CHAPTERS, chapters)
    write_file(services, job, CHAPTERS_VTT, to_webvtt_chapters(chapters).encode())
    name = present.session_name
    write_json(services, job, PODCAST_CHAPTERS, to_podcast_chapters(chapters, name))
    write_file(services, job, TRANSCRIPT_HTML, to_html(transcript, chapters, name, present.state).encode())
    _add_chapters_to_sound(services, job, chapters, name)
    track = find_json(services, job, INSTRUCTOR_TRACKING, _Track)
    if track is not None:
        joined = InstructorBySegment(
            session_id=job.session_id, job_id=job.job_id, segments=tuple(_join(transcript.segments, track))
        )
        write_json(services, job, INSTRUCTOR_BY_SEGMENT, joined)


def _may_be_corrected(job: Job, present: PresentText) -> bool:
    """Return whether the text is still the machine's own: of a job at work, and neither edited nor reviewed."""
    return not job.is_final and present.version is None and present.state is ReviewState.AUTO


def _correct_by_slides(services: Services, job: Job, transcript: Transcript, slides: Slides) -> Transcript:
    from shared.pipeline.stages.slide_terms import correct_by_slides  # loads what the API is installed without

    return correct_by_slides(services, job, transcript, slides)


def _add_chapters_to_sound(services: Services, job: Job, chapters: Chapters, name: str) -> None:
    from shared.pipeline.stages.listening import write_chapters  # loads a media library, which triggers must not

    write_chapters(services, job, chapters, name)


def _transcript(services: Services, job: Job, present: PresentText) -> Transcript | None:
    if present.version is None:
        return find_json(services, job, TRANSCRIPT, Transcript)
    return read_version(services, present.version)


def _read_slides(services: Services, job: Job) -> Slides | None:
    """Return the slides as they were read; None where no slides were looked for."""
    if job.skips(Stage.TRACKING):
        return None
    return find_json(services, job, SLIDES_AS_READ, Slides) or find_json(
        services, job, SLIDES, Slides
    )  # after the clean-up


def _write_slides(services: Services, job: Job, read: Slides, transcript: Transcript | None) -> None:
    """Write the slides with the terms that were not said."""
    said = [
        Said(word.word, word.start)
        for segment in (transcript.segments if transcript is not None else ())
        for word in segment.words
    ]
    if said:
        completed = (slide.model_copy(update={"unspoken": unspoken_terms(slide, said)}) for slide in read.slides)
        read = read.model_copy(update={"slides": tuple(completed)})
    write_json(services, job, SLIDES, read)


def _sections(slides: Slides | None) -> list[Section]:
    """Return the sections in order of time: slides with one title that follow each other are one section."""
    found: list[Section] = []
    visits = sorted(
        (start, slide.title or "") for slide in (slides.slides if slides else ()) for start, _ in slide.visits
    )
    for start, title in visits:
        if title and (not found or found[-1].title.casefold() != title.casefold()):
            found.append(Section(start, title))
    return found


def _join(segments: Sequence[TranscriptSegment], track: _Track) -> list[SegmentPlace]:
    times = [point.t for point in track.track_points]
    starts = [start for start, _ in track.presence]
    ends = [end for _, end in track.presence]
    places = []
    for segment in segments:
        around = range(bisect_left(ends, segment.start), bisect_right(starts, segment.end))
        seen = sum(max(0.0, min(segment.end, ends[at]) - max(segment.start, starts[at])) for at in around)
        length = segment.end - segment.start
        visible = min(1.0, seen / length) if length else float(len(around) > 0)
        first, last = bisect_left(times, segment.start), bisect_right(times, segment.end)
        if first == last and visible and times:  # shorter than the sampling interval: take the nearest point
            first = min(
                range(max(0, first - 1), min(len(times), first + 1)), key=lambda at: abs(times[at] - segment.start)
            )
            last = first + 1
        passed = [point.x for point in track.track_points[first:last]]
        places.append(
            SegmentPlace(
                id=segment.id,
                start=segment.start,
                end=segment.end,
                visible=round(visible, 3),
                x=round(median(passed), 4) if passed and visible else None,
            )
        )
    return places


def _picture_changes(services: Services, job: Job) -> list[float]:
    return sorted(scene.start for scene in read_scenes(services, job).scenes if scene.start > 0)
