"""Makes the plates of a recording, window by window, and finds who is part of them; knows nothing of storage."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from shared.domain.errors import DamagedRecording
from shared.domain.recording import Recording
from shared.media.video.frames import DEFAULT_WIDTH, SampledFrame, keyframes
from shared.tracking.detection import Box, Detection, Detector, overlap
from shared.tracking.detectors.faces import FaceDetector, places_of_faces
from shared.tracking.plan import PlateOfWindow, windows
from shared.tracking.plate.plate import PLATE_WIDTH_PX, Plate, build_plates

DECODED_SEC = 600.0
"""Of a recording with few key pictures, so much is decoded at most, in all windows together."""
_PICTURES = 80
_PICTURES_OF_LONG = 48
_FEW_WINDOWS = 4
_LOOKED_AT = 10
_STILL_SHARE = 0.6  # of the pictures that the model looks at
_MIN_SCORE = 0.4
_MIN_SCORE_IN_PLATE = 0.25  # a plate is small and a little blurred
_SAME_PLACE = 0.45


def make_plates(
    source: BinaryIO,
    recording: Recording,
    model: Detector | None,
    report: Callable[[float], None],
    faces: FaceDetector | None = None,
) -> Iterator[tuple[PlateOfWindow, Plate]]:
    """The plates of all windows, in order; holds one window's pictures at a time.

    With a `model`, somebody who is in most of a window's pictures at one place is noted as a part of its plate; with
    `faces`, where somebody's face is.
    `report` gets the fraction done, and may raise to stop the work. Raises DamagedRecording when nothing decodes.
    """
    spans = windows(recording.duration_sec)
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
                width=PLATE_WIDTH_PX if model is None and faces is None else DEFAULT_WIDTH,
                report=report_window,
            )
        )
        if not pictures:  # damaged there, or shorter than it says
            continue
        for made in plates_of(pictures, number, (start_sec, end_sec), model, report_window, faces):
            found = True
            yield made
    if not found:
        raise DamagedRecording("No picture of the recording could be decoded.")


def plates_of(
    pictures: list[SampledFrame],
    window: int,
    span: tuple[float, float],
    model: Detector | None,
    report: Callable[[float], None],
    faces: FaceDetector | None = None,
) -> Iterator[tuple[PlateOfWindow, Plate]]:
    """The plates from the `pictures` of one window, one for each view; as `make_plates` otherwise."""
    stood = _who_stays(pictures, model, report) if model is not None else []
    for view, plate in enumerate(build_plates(pictures)):
        good_enough = plate.is_steadied or plate.is_trusted
        of_window = PlateOfWindow(
            name=f"plate-{window:03d}-{view}.png",
            start_sec=span[0],
            end_sec=span[1],
            is_trusted=plate.is_trusted,
            is_steadied=plate.is_steadied,
            faces=places_of_faces(pictures, faces, plate.screen, anywhere=not good_enough) if faces else (),
            still=tuple(_in_plate(plate, stood, model)) if model is not None else (),
            warnings=plate.warnings,
        )
        yield of_window, plate


def _who_stays(pictures: list[SampledFrame], model: Detector, report: Callable[[float], None]) -> list[list[Detection]]:
    """What the model finds in some of the pictures."""
    found = []
    step = -(-len(pictures) // _LOOKED_AT)
    for picture in pictures[::step]:
        report(1.0)
        found.append([each for each in model.detect(picture) if each.score >= _MIN_SCORE])
    return found


def _in_plate(plate: Plate, looks: list[list[Detection]], model: Detector) -> Iterator[tuple[Box, float]]:
    """Where the model sees somebody in the plate itself who is in most of the pictures, too; with the mean score."""
    for person in model.detect(SampledFrame(0, 0.0, plate.bgr)):
        if person.score < _MIN_SCORE_IN_PLATE:
            continue
        same = [
            max((d.score for d in look if overlap(d.box, person.box) >= _SAME_PLACE), default=0.0) for look in looks
        ]
        if sum(score > 0 for score in same) >= _STILL_SHARE * len(looks):
            yield person.box, sum(same) / len(same)
