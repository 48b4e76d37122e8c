"""Find the slides: the parts of the tracking watch the screen, its merge joins and reads what they saw.

Each part leaves the pictures of its stretches, so that the merge decodes nothing. What needs the transcript is added
when all stages are over.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import cv2
import numpy as np

from shared.domain.errors import EngineUnavailable
from shared.domain.recording import Recording
from shared.domain.tracks import slides_picture
from shared.domain.warning import About, RecordingWarning, texts
from shared.media.video.frames import SampledFrame, sample_frames
from shared.media.video.picture import UprightConverter, video_of
from shared.pipeline import artefacts
from shared.pipeline.context import StepContext
from shared.pipeline.stages.boards import BOARD_NOT_READ, write_boards
from shared.pipeline.stages.job_blobs import recording_of, write_file, write_json
from shared.pipeline.stages.stretches import (
    StretchWriter,
    covered_by_people,
    read_picture,
    seen_stretches,
)
from shared.slides.join import Slide, join_stretches
from shared.slides.payload import SlidePayload, Slides
from shared.slides.screen import WHOLE_PICTURE, Picture, Screen
from shared.slides.structure import tell_roles
from shared.slides.text import TextLine, load_reader
from shared.slides.watch import SIGNATURE_WIDTH_PX, ScreenWatcher
from shared.tracking.detection import FrameDetections
from shared.tracking.payload import InstructorTracking
from shared.tracking.plan import TrackingPlan

MAX_WIDTH_PX = 1920
"""Widest picture of a slide."""
MAX_READ = 240
"""Most slides that are read; at 1 CPU second each, the merge stays below its five minutes."""
_STILL_OF_VIDEO_SEC = 4.0
"""A picture without text that stood for less than this is a moment of a video."""
_ROOM_COVERAGE_PERCENT = 15.0
_ROOM_PERSON_HEIGHT = 0.35
"""In a room, a person is this high and present for this much of the time; in a screencast, at most an inset is."""
_READABLE_SHARE = 0.3
"""A picture without a screen has slides only if text stood in it for this share of the still time."""

NO_SLIDES = RecordingWarning("no_slides", About.PICTURE, "No slides were found in the picture.")
TEXT_UNAVAILABLE = RecordingWarning(
    "slide_text_unavailable", About.PICTURE, "The text of the slides was not read: no text model is installed."
)
TEXT_LIMITED = RecordingWarning(
    "slide_text_limited", About.PICTURE, f"The recording has more than {MAX_READ} slides: the later ones were not read."
)


class SlideWatch:
    """Watches the screen through the samples of one part, and writes what stood there.

    The slides of a recording with a picture of their own are watched there, all of it.
    """

    def __init__(self, context: StepContext, plan: TrackingPlan) -> None:
        self._context = context
        self._writer = StretchWriter(context, artefacts.SLIDE_STRETCHES, artefacts.SLIDE_STRETCH_PICTURE)
        recording = recording_of(context)
        self._second = slides_picture(recording)
        self._screen = screen_of(plan, recording)
        if self._screen is None:
            return
        self._full = UprightConverter(video_of(self._second or recording), MAX_WIDTH_PX)
        self._watcher = ScreenWatcher(1 / context.services.settings.sample_fps)
        self._size: tuple[int, int] | None = None

    @property
    def has_own_picture(self) -> bool:
        """Return whether the slides have a picture of their own, which `watch_own_picture` reads."""
        return self._second is not None and self._screen is not None

    def watch_own_picture(self, source: BinaryIO, samples: range, report: Callable[[float], None]) -> None:
        """Look at the samples of the slides' own picture; do nothing without one."""
        if self._second is None or self._screen is None:
            return
        sample_fps = self._context.services.settings.sample_fps
        frames = sample_frames(
            source,
            self._second,
            sample_fps=sample_fps,
            start_sec=samples.start / sample_fps,
            end_sec=samples.stop / sample_fps,
            report=report,
        )
        for frame in frames:
            self._see(frame, FrameDetections(frame.index, frame.time_sec, ()))

    def see(self, frame: SampledFrame, detections: FrameDetections) -> None:
        """Look at a sample of the picture that is followed, and write the picture of a stretch that it ends."""
        if self._second is None:
            self._see(frame, detections)

    def _see(self, frame: SampledFrame, detections: FrameDetections) -> None:
        screen, coded = self._screen, frame.coded
        if screen is None or coded is None:
            return
        if self._size is None:
            height, width = frame.bgr.shape[:2]
            across, down = screen.size_in(width, height)
            self._size = (SIGNATURE_WIDTH_PX, max(16, round(SIGNATURE_WIDTH_PX * min(2.0, down / across))))
        whole = np.asarray(cv2.cvtColor(frame.bgr, cv2.COLOR_BGR2GRAY), np.uint8)
        grey = screen.straighten(whole, self._size)
        covered = covered_by_people(screen, detections, self._size)

        def straightened() -> Picture:
            picture = self._full(coded)
            height, width = picture.shape[:2]
            across, down = screen.size_in(width, height)
            return screen.straighten(picture, (max(1, round(across)), max(1, round(down))))

        for stretch in self._watcher.see(frame.time_sec, grey, covered, straightened):
            self._writer.add(stretch)

    def finish(self, end_sec: float) -> None:
        """Write the last stretch and the list of all."""
        if self._screen is not None:
            for stretch in self._watcher.finish(end_sec):
                self._writer.add(stretch)
        self._writer.finish()


def screen_of(plan: TrackingPlan, recording: Recording) -> Screen | None:
    """Return the screen of the plan, or all of the slides' own picture; None for a plan of an earlier release."""
    if plan.screen is not None and slides_picture(recording) is not None:
        return Screen(WHOLE_PICTURE, is_whole_picture=True)
    return None if plan.screen is None else Screen(plan.screen, plan.screen_is_whole_picture)


def read_slides(context: StepContext, plan: TrackingPlan, *, is_room: bool) -> None:
    """Join what the parts saw to slides, read their text, and write their pictures.

    `is_room` tells whether the camera films a person in a room (`shows_a_room`).
    """
    services, job, recording = context.services, context.job, recording_of(context)
    screen, second = screen_of(plan, recording), slides_picture(recording)
    warnings: list[RecordingWarning] = []
    found: list[tuple[Slide, list[TextLine]]] = []
    if screen is not None and not (screen.is_whole_picture and second is None and is_room):
        seen = list(seen_stretches(context, artefacts.SLIDE_STRETCHES, artefacts.SLIDE_STRETCH_PICTURE))
        joined = join_stretches(seen)
        found = list(zip(joined, _texts(context, joined, warnings), strict=True))
        found = [each for each in found if each[1] or _lasted(each[0]) >= _STILL_OF_VIDEO_SEC]
        if screen.is_whole_picture and not _is_readable(found):
            found = []
    slides = []
    for number, ((slide, _), text) in enumerate(
        zip(found, tell_roles([lines for _, lines in found]), strict=True), start=1
    ):
        write_file(
            services,
            job,
            artefacts.SLIDE_PICTURE,
            services.storage.blobs.read(
                artefacts.SLIDE_STRETCH_PICTURE.container, context.work_blob(slide.fullest.name)
            ),
            slide=number,
        )
        slides.append(
            SlidePayload(
                id=number,
                title=text.title,
                number=text.number,
                picture=artefacts.SLIDE_PICTURE.name_of(slide=number).rpartition("/")[2],
                lines=text.lines,
                visits=tuple(slide.visits),
            )
        )
    if not slides and screen is not None and screen.is_whole_picture and second is None and is_room:
        slides = write_boards(context)
        warnings = [BOARD_NOT_READ]
    if not slides:
        warnings = [NO_SLIDES]
    read = Slides(
        session_id=job.session_id,
        job_id=job.job_id,
        region=None if screen is None else screen.region,
        track=None if second is None else video_of(second).index,
        slides=tuple(slides),
        warnings=texts(warnings),
        warning_details=tuple(warnings),
    )
    write_json(services, job, artefacts.SLIDES_AS_READ, read)


def _texts(context: StepContext, slides: Sequence[Slide], warnings: list[RecordingWarning]) -> Iterator[list[TextLine]]:
    """Yield the lines of each slide; add to `warnings` why some were not read."""
    reader = None
    if slides:
        try:
            reader = load_reader(context.services.settings.slide_text_model)
        except EngineUnavailable:
            warnings.append(TEXT_UNAVAILABLE)
    if reader is not None and len(slides) > MAX_READ:
        warnings.append(TEXT_LIMITED)
    for number, slide in enumerate(slides):
        if reader is None or number >= MAX_READ:
            yield []
            continue
        context.report(number / len(slides))
        picture = read_picture(context, artefacts.SLIDE_STRETCH_PICTURE, slide.fullest.name, cv2.IMREAD_COLOR)
        yield reader.read(picture)


def _lasted(slide: Slide) -> float:
    return sum(end - start for start, end in slide.visits)


def _is_readable(found: Sequence[tuple[Slide, list[TextLine]]]) -> bool:
    """Return whether text stood in the picture for much of the time in which it stood still."""
    still = sum(_lasted(slide) for slide, _ in found)
    return sum(_lasted(slide) for slide, lines in found if lines) >= _READABLE_SHARE * still > 0


def shows_a_room(track: InstructorTracking) -> bool:
    """Return whether the camera films a person in a room, and not a screen with an inset at most."""
    heights = sorted(point.box[3] for point in track.track_points)
    if not heights or track.derived_metrics.coverage_percent < _ROOM_COVERAGE_PERCENT:
        return False
    return heights[len(heights) // 2] >= _ROOM_PERSON_HEIGHT
