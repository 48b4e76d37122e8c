"""Measure how much each pixel of a window changes, from picture to picture and against the empty room.

Apart from `outlines.py` and `fans.py`, which tell what it is that moves.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.plate.exposure import Image, colour_distance
from shared.tracking.plate.repair import edge_strength

_ACTIVE_STEPS = 3.0
"""A pixel leaves its median beyond this distance in steps of 0 to 255, plus the terms below."""
_STEPS_PER_NOISE = 3.0
"""Added for each step of the median distance of all pixels."""
_STEPS_PER_EDGE = 0.35
"""Added for each step a pixel of edge strength, because coders and cameras shift edges."""
_LOCAL_SHARE = 0.065
"""Side of the surroundings whose brightness a pixel may follow without being active, as a share of the width."""
_LOCAL_FACTOR = 0.6
"""Factor on the threshold for what a pixel changes more than its surroundings."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """How much each pixel of a window changes."""

    stack: Image
    """The pictures, n × height × width × 3, 0 to 255."""
    threshold: Image
    """Steps of 0 to 255 beyond which a pixel changes, height × width."""
    share: Image
    """Share of the pictures in which a pixel differs from the room, height × width."""
    restless: Image
    """Share of the pictures in which a pixel differs from the picture before, height × width."""


def measure_activity(stack: Image, room: Image) -> Activity:
    """Return how much each pixel of `stack` (n × height × width × 3) differs from `room`.

    A pixel that only follows the brightness of its surroundings does not differ.
    """
    noise = float(np.median([colour_distance(picture, room)[::4, ::4] for picture in stack]))
    threshold = _ACTIVE_STEPS + _STEPS_PER_NOISE * noise + _STEPS_PER_EDGE * edge_strength(room)
    side = (max(3, round(_LOCAL_SHARE * room.shape[1]) | 1),) * 2
    around_room = cv2.blur(room, side) + 1
    times, moves = np.zeros(room.shape[:2], np.float32), np.zeros(room.shape[:2], np.float32)
    before = stack[0]
    for picture in stack:
        lit = room * ((cv2.blur(picture, side) + 1) / around_room)
        times += (colour_distance(picture, room) > threshold) & (
            colour_distance(picture, lit) > _LOCAL_FACTOR * threshold
        )
        moves += colour_distance(picture, before) > threshold
        before = picture
    return Activity(stack, threshold, times / np.float32(len(stack)), moves / np.float32(max(1, len(stack) - 1)))
