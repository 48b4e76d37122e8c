"""Write the stretches that a part saw on a screen or a board, with their pictures, and read those of all parts.

Apart from `slides.py` and `boards.py`, which share them.
"""

import base64
from collections.abc import Iterator

import cv2
import numpy as np

from shared.domain.stage import Stage
from shared.pipeline.artefacts import Artefact
from shared.pipeline.context import StepContext
from shared.pipeline.stages.job_blobs import read_json, write_file, write_json
from shared.slides.join import COMPARED_WIDTH_PX, Seen
from shared.slides.payload import SlideStretches, StretchPayload
from shared.slides.screen import Mask, Picture, Screen
from shared.slides.watch import Stretch
from shared.tracking.detection import FrameDetections

PERSON_SCORE = 0.25
"""Least score of a detection that counts as a person before the screen or the board."""
AROUND_PERSON_SHARE = 0.015
"""A person's box is grown by this share of the picture on each side: hands and shadows pass it."""
_ENCODING = {".jpg": [cv2.IMWRITE_JPEG_QUALITY, 92], ".png": [cv2.IMWRITE_PNG_COMPRESSION, 6]}
"""Parameters of OpenCV's encoders."""


class StretchWriter:
    """Writes the stretches of one part: a picture for each, and the list of all."""

    def __init__(self, context: StepContext, listing: Artefact, picture: Artefact) -> None:
        self._context, self._listing, self._picture = context, listing, picture
        self._found: list[StretchPayload] = []

    def add(self, stretch: Stretch) -> None:
        """Write the picture of the next stretch."""
        number, part = len(self._found), self._context.message.part
        write_file(
            self._context.services,
            self._context.job,
            self._picture,
            encoded(".jpg", stretch.picture),
            part=part,
            stretch=number,
        )
        self._found.append(
            StretchPayload(
                start=stretch.start_sec,
                end=stretch.end_sec,
                number=number,
                known=base64.b64encode(encoded(".png", stretch.known * np.uint8(255))).decode(),
            )
        )

    def finish(self) -> None:
        """Write the list."""
        part = self._context.message.part
        found = SlideStretches(part=part, stretches=tuple(self._found))
        write_json(self._context.services, self._context.job, self._listing, found, part=part)


def covered_by_people(screen: Screen, detections: FrameDetections, size: tuple[int, int]) -> Mask:
    """Return where people may cover the straightened screen, as a mask of height × width for `size` (width, height)."""
    grown = AROUND_PERSON_SHARE
    people = [
        (x - grown, y - grown, width + 2 * grown, height + 2 * grown)
        for x, y, width, height in (each.box for each in detections.detections if each.score >= PERSON_SCORE)
    ]
    return screen.covered_by(people, size)


def seen_stretches(context: StepContext, listing: Artefact, picture: Artefact) -> Iterator[Seen]:
    """Yield the stretches of all parts in order of time."""
    for part in range(context.job.stages[Stage.TRACKING].parts):
        found = read_json(context.services, context.job, listing, SlideStretches, part=part)
        for stretch in found.stretches:
            name = picture.name_of(part=part, stretch=stretch.number)
            whole = read_picture(context, picture, name, cv2.IMREAD_GRAYSCALE)
            size = (COMPARED_WIDTH_PX, max(1, round(COMPARED_WIDTH_PX * whole.shape[0] / whole.shape[1])))
            grey = cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
            png = np.frombuffer(base64.b64decode(stretch.known), np.uint8)
            known = np.asarray(cv2.imdecode(png, cv2.IMREAD_GRAYSCALE), np.uint8)
            known = cv2.resize(known, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8, copy=False)
            yield Seen(stretch.start, stretch.end, grey, known > 127, name)


def read_picture(context: StepContext, artefact: Artefact, name: str, flags: int) -> Picture:
    """Return the picture of a stretch. Raise BlobMissing."""
    jpeg = context.services.storage.blobs.read(artefact.container, context.work_blob(name))
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), flags), np.uint8)


def encoded(extension: str, picture: Picture) -> bytes:
    """Return the picture as JPEG or PNG. Raise ValueError if OpenCV cannot encode it."""
    is_encoded, data = cv2.imencode(extension, picture, _ENCODING[extension])
    if not is_encoded:
        raise ValueError(f"a picture could not be written as {extension}")
    return data.tobytes()
