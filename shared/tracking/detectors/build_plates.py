"""Build the plates of a recording, window by window, and find the people who are part of them.

Apart from the stage, because it knows nothing of storage.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from shared.domain.errors import DamagedRecording
from shared.domain.recording import Recording
from shared.media.video.frames import DEFAULT_WIDTH_PX, SampledFrame
from shared.media.video.keyframes import keyframes
from shared.tracking.detection import Box, Detection, Detector, overlap
from shared.tracking.detectors.faces import FaceDetector, find_face_places
from shared.tracking.detectors.lingering import find_lingering
from shared.tracking.plan import PlateOfWindow, windows
from shared.tracking.plate.plate import PLATE_WIDTH_PX, Plate, build_plates

DECODED_SEC = 600.0
"""Of a recording with few keyframes, at most this much is decoded, in all windows together."""
_PICTURES = 80
"""Pictures of a window."""
_PICTURES_OF_LONG = 48
"""Pictures of a window if the recording has more than `_FEW_WINDOWS`."""
_FEW_WINDOWS = 4
_MODEL_PICTURES = 10
"""Pictures of a window that the model examines."""
_STILL_SHARE = 0.6
"""Share of the examined pictures in which a person who is part of the plate is detected."""
_MIN_SCORE = 0.4
"""Least score of a detection in a picture."""
_MIN_SCORE_IN_PLATE = 0.25
"""Least score of a detection in the plate, which is small and slightly blurred."""
_SAME_PLACE_IOU = 0.45
"""Intersection over union from which two boxes are at the same place."""


def make_plates(
    source: BinaryIO,
    recording: Recording,
    model: Detector | None,
    report: Callable[[float], None],
    faces: FaceDetector | None = None,
    few_places: BinaryIO | None = None,
) -> Iterator[tuple[PlateOfWindow, Plate]]:
    """Yield the plates of all windows in order; hold the pictures of one window at a time.

    Args:
        source: the recording's file, seekable.
        recording: its facts.
        model: if given, a person it detects at one place in most of a window's pictures is noted as part of the plate.
        report: called with the fraction done; may raise to stop the work.
        faces: if given, places where faces are seen are noted.
        few_places: if given, the same file, opened so that a seek reads little.

    Raises:
        DamagedRecording: no picture could be decoded.
    """
    video = recording.video
    spans = windows(recording.duration_sec, [size.at_sec for size in video.resized] if video is not None else [])
    found = False
    for number, (start_sec, end_sec) in enumerate(spans):

        def report_window(fraction: float, before: int = number) -> None:
            report((before + fraction) / len(spans))

        pictures = list(
            keyframes(
                source,
                recording,
                limit=_PICTURES if len(spans) <= _FEW_WINDOWS else _PICTURES_OF_LONG,
                start_sec=start_sec,
                end_sec=end_sec,
                decoded_sec=DECODED_SEC / len(spans),
                width=PLATE_WIDTH_PX if model is None and faces is None else DEFAULT_WIDTH_PX,
                report=report_window,
                few_places=few_places,
            )
        )
        if not pictures:  # damaged there, or shorter than it says
            continue
        for made in build_window_plates(pictures, number, (start_sec, end_sec), model, report_window, faces):
            found = True
            yield made
    if not found:
        raise DamagedRecording("No picture of the recording could be decoded.")


def build_window_plates(
    pictures: list[SampledFrame],
    window: int,
    span: tuple[float, float],
    model: Detector | None,
    report: Callable[[float], None],
    faces: FaceDetector | None = None,
) -> Iterator[tuple[PlateOfWindow, Plate]]:
    """Yield the plates of the `pictures` of one window, one for each view.

    `span` is the start and end of the window in seconds. The rest is as in `make_plates`.
    """
    detections = _detect_in_some(pictures, model, report) if model is not None else []
    for view, plate in enumerate(build_plates(pictures)):
        good_enough = plate.is_steadied or plate.is_trusted
        seen = find_face_places(pictures, faces, plate.screen, anywhere=not good_enough) if faces else ()
        of_window = PlateOfWindow(
            name=f"plate-{window:03d}-{view}.png",
            start_sec=span[0],
            end_sec=span[1],
            is_trusted=plate.is_trusted,
            is_steadied=plate.is_steadied,
            faces=seen,
            still=tuple(_in_plate(plate, detections, model))
            if model is not None
            else find_lingering(pictures, plate, seen),
            warnings=plate.warnings,
        )
        yield of_window, plate


def _detect_in_some(
    pictures: list[SampledFrame], model: Detector, report: Callable[[float], None]
) -> list[list[Detection]]:
    """Return the model's detections in some of the pictures, one list for each."""
    found = []
    step = -(-len(pictures) // _MODEL_PICTURES)
    for picture in pictures[::step]:
        report(1.0)
        found.append([each for each in model.detect(picture) if each.score >= _MIN_SCORE])
    return found


def _in_plate(plate: Plate, examined: list[list[Detection]], model: Detector) -> Iterator[tuple[Box, float]]:
    """Yield box and mean score of each person that the model detects both in the plate and in most of the pictures."""
    for person in model.detect(SampledFrame(0, 0.0, plate.bgr)):
        if person.score < _MIN_SCORE_IN_PLATE:
            continue
        same = [
            max((d.score for d in found_there if overlap(d.box, person.box) >= _SAME_PLACE_IOU), default=0.0)
            for found_there in examined
        ]
        if sum(score > 0 for score in same) >= _STILL_SHARE * len(examined):
            yield person.box, sum(same) / len(same)
