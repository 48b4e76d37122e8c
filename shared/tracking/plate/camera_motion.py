"""Tells whether the camera stood still and the light stayed, without which a plate says little."""

import cv2
import numpy as np

from shared.domain.warning import About, RecordingWarning
from shared.tracking.plan import MOVED
from shared.tracking.plate.exposure import Image, apart
from shared.tracking.plate.repair import Mask, edge_strength

_MOVED = 0.006  # of the picture's width: an edge has then left its place
_MOVED_FRAMES = 0.1
_TILES = (3, 4)
_MIN_EDGES = 0.5  # steps a pixel: a blank wall cannot tell
_SURE = 0.2  # response of the phase correlation, 1 for a mere shift
_NEAR = 18.0  # steps of 0 to 255
_SETTLED_FRAMES = 0.3
_UNSETTLED = 0.35  # of the picture

UNSETTLED = RecordingWarning(
    "background_unsettled",
    About.PICTURE,
    "Much of the picture never comes to rest: the background could not be learned well.",
)


def camera_warnings(stack: Image, room: Image, screen: Mask) -> tuple[RecordingWarning, ...]:
    """Return what speaks against a fixed camera in `stack` (n × height × width × 3), judged against `room`."""
    room_edges = edge_strength(room)
    room_edges[screen] = 0
    moved = sum(_has_moved(room_edges, np.where(screen, 0, edge_strength(picture))) for picture in stack)
    settled = np.zeros(screen.shape, np.int32)
    for picture in stack:
        settled += apart(picture, room) < _NEAR
    warnings = []
    if moved > _MOVED_FRAMES * len(stack):
        warnings.append(MOVED)
    unsettled = (settled < _SETTLED_FRAMES * len(stack)) & ~screen
    if np.count_nonzero(unsettled) > _UNSETTLED * unsettled.size:
        warnings.append(UNSETTLED)
    return tuple(warnings)


def _has_moved(room_edges: Image, edges: Image) -> bool:
    """Whether most tiles that can tell are shifted: one person fills some of them, a camera moves all."""
    height, width = room_edges.shape
    rows, columns = _TILES
    window = cv2.createHanningWindow((width // columns, height // rows), cv2.CV_32F)
    shifts = []
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height // rows), column * (width // columns)
            tile = np.s_[top : top + height // rows, left : left + width // columns]
            if float(room_edges[tile].mean()) < _MIN_EDGES:
                continue
            still, now = (np.ascontiguousarray(values[tile], np.float32) for values in (room_edges, edges))
            (x, y), response = cv2.phaseCorrelate(still, now, window)
            if response > _SURE:
                shifts.append(float(np.hypot(x, y)))
    return len(shifts) >= 2 and float(np.median(shifts)) > _MOVED * width
