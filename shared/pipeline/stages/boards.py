"""Find what was written on the board: the parts of the tracking watch it, its merge joins what they saw.

Looked for where the camera films a room without a screen. Handwriting is not read.
"""

import cv2
import numpy as np

from shared.domain.tracks import slides_picture
from shared.domain.warning import About, RecordingWarning
from shared.media.video.frames import SampledFrame
from shared.media.video.picture import UprightConverter, video_of
from shared.pipeline import artefacts
from shared.pipeline.context import StepContext
from shared.pipeline.stages.job_blobs import recording_of, write_file
from shared.pipeline.stages.stretches import (
    StretchWriter,
    covered_by_people,
    encoded,
    read_picture,
    seen_stretches,
)
from shared.slides.board import BoardWatcher, raise_contrast
from shared.slides.join import join_stretches
from shared.slides.payload import SlidePayload
from shared.slides.screen import WHOLE_PICTURE, Screen
from shared.tracking.detection import FrameDetections
from shared.tracking.plan import TrackingPlan

MAX_WIDTH_PX = 1280
"""Widest picture of a board."""

BOARD_NOT_READ = RecordingWarning(
    "board_not_read", About.PICTURE, "The pictures show a board: what is written on it was not read."
)


_WHOLE = Screen(WHOLE_PICTURE, is_whole_picture=True)


class BoardWatch:
    """Watches the picture through the samples of one part, where it may show a board."""

    def __init__(self, context: StepContext, plan: TrackingPlan) -> None:
        recording = recording_of(context)
        self._writer = StretchWriter(context, artefacts.BOARD_STRETCHES, artefacts.BOARD_STRETCH_PICTURE)
        self._watcher: BoardWatcher | None = None
        if plan.screen is not None and plan.screen_is_whole_picture and slides_picture(recording) is None:
            self._watcher = BoardWatcher()
            self._full = UprightConverter(video_of(recording), MAX_WIDTH_PX)

    def see(self, frame: SampledFrame, detections: FrameDetections) -> None:
        """Look at a sample, and write the picture of a stretch that it ends."""
        coded = frame.coded
        if self._watcher is None or coded is None or not self._watcher.wants(frame.time_sec):
            return
        grey = np.asarray(cv2.cvtColor(frame.bgr, cv2.COLOR_BGR2GRAY), np.uint8)
        height, width = grey.shape
        covered = covered_by_people(_WHOLE, detections, (width, height))
        for stretch in self._watcher.see(frame.time_sec, grey, covered, lambda: self._full(coded)):
            self._writer.add(stretch)

    def finish(self, end_sec: float) -> None:
        """Write the last stretch and the list of all."""
        if self._watcher is not None:
            for stretch in self._watcher.finish(end_sec):
                self._writer.add(stretch)
        self._writer.finish()


def write_boards(context: StepContext) -> list[SlidePayload]:
    """Join what the parts saw to boards, and write their pictures; return them as slides without text."""
    listing, picture = artefacts.BOARD_STRETCHES, artefacts.BOARD_STRETCH_PICTURE
    boards = []
    for number, board in enumerate(join_stretches(list(seen_stretches(context, listing, picture))), start=1):
        whole = read_picture(context, picture, board.fullest.name, cv2.IMREAD_COLOR)
        data = encoded(".jpg", raise_contrast(whole))
        write_file(context.services, context.job, artefacts.BOARD_PICTURE, data, board=number)
        name = artefacts.BOARD_PICTURE.name_of(board=number).rpartition("/")[2]
        boards.append(SlidePayload(id=number, title=None, picture=name, lines=(), visits=tuple(board.visits)))
    return boards
