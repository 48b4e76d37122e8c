"""Tell whether the camera stood still and the picture came to rest; without either, a plate is not to be trusted.

Apart from `stabilize.py`, which estimates the motion and corrects it.
"""

import cv2
import numpy as np

from shared.domain.warning import About, RecordingWarning
from shared.tracking.plan import MOVED
from shared.tracking.plate.exposure import Image, colour_distance
from shared.tracking.plate.repair import Mask, edge_strength

_MOVED_SHARE = 0.006
"""An edge has left its place beyond this shift, as a share of the picture's width."""
_MOVED_FRAMES_SHARE = 0.1
"""The camera moved if more than this share of the pictures is shifted."""
_TILES = (3, 4)
"""Rows and columns of the tiles in which the shift is measured."""
_MIN_EDGES_STEPS = 0.5
"""Least mean edge of a tile in steps a pixel: the shift of a blank wall cannot be measured."""
_MIN_RESPONSE = 0.2
"""Least response of the phase correlation, which is 1 for a mere shift."""
_NEAR_STEPS = 18.0
"""A pixel shows the room up to this distance, in steps of 0 to 255."""
_SETTLED_FRAMES_SHARE = 0.3
"""A pixel is settled if it shows the room in this share of the pictures."""
_MAX_UNSETTLED_SHARE = 0.35
"""Largest share of the picture that may be unsettled without a warning."""

UNSETTLED = RecordingWarning(
    "background_unsettled",
    About.PICTURE,
    "Much of the picture never comes to rest: the background could not be learned well.",
)


def camera_warnings(stack: Image, room: Image, screen: Mask) -> tuple[RecordingWarning, ...]:
    """Return the reasons against a fixed camera.

    Args:
        stack: pictures, n × height × width × 3, in the exposure of `room`.
        room: the plate, height × width × 3.
        screen: where changes do not count, height × width.
    """
    room_edges = edge_strength(room)
    room_edges[screen] = 0
    moved = sum(_has_moved(room_edges, np.where(screen, 0, edge_strength(picture))) for picture in stack)
    settled = np.zeros(screen.shape, np.int32)
    for picture in stack:
        settled += colour_distance(picture, room) < _NEAR_STEPS
    warnings = []
    if moved > _MOVED_FRAMES_SHARE * len(stack):
        warnings.append(MOVED)
    unsettled = (settled < _SETTLED_FRAMES_SHARE * len(stack)) & ~screen
    if np.count_nonzero(unsettled) > _MAX_UNSETTLED_SHARE * unsettled.size:
        warnings.append(UNSETTLED)
    return tuple(warnings)


def _has_moved(room_edges: Image, edges: Image) -> bool:
    """Return whether most tiles with enough edges are shifted.

    One person fills some of the tiles; a moving camera shifts all. The shift is measured by phase correlation.
    """
    height, width = room_edges.shape
    rows, columns = _TILES
    window = cv2.createHanningWindow((width // columns, height // rows), cv2.CV_32F)
    shifts = []
    for row in range(rows):
        for column in range(columns):
            top, left = row * (height // rows), column * (width // columns)
            tile = np.s_[top : top + height // rows, left : left + width // columns]
            if float(room_edges[tile].mean()) < _MIN_EDGES_STEPS:
                continue
            still, now = (np.ascontiguousarray(values[tile], np.float32) for values in (room_edges, edges))
            (x, y), response = cv2.phaseCorrelate(still, now, window)
            if response > _MIN_RESPONSE:
                shifts.append(float(np.hypot(x, y)))
    return len(shifts) >= 2 and float(np.median(shifts)) > _MOVED_SHARE * width
