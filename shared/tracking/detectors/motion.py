"""Measure how much of each detection moved since the sample before.

Apart from the detectors, which judge each frame alone. A person always moves a little. Text on a screen is written, and
then stands as it is.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.tracking.detection import FrameDetections

_CHANGED_STEPS = 4.0
"""A pixel moved if it differs by more than this, in steps of luma; less is what an encoder writes anew."""


def measure_motion(frame: FrameDetections, difference: NDArray[Any] | None) -> FrameDetections:
    """Return `frame` with the share of each detection's box that moved.

    `difference` is the absolute difference of luma to the sample before, of any size; None for the first sample.
    """
    if difference is None or not frame.detections:
        return frame
    height, width = difference.shape
    measured = []
    for each in frame.detections:
        x, y, across, down = each.box
        left, top = min(width - 1, int(x * width)), min(height - 1, int(y * height))
        right, bottom = max(left + 1, round((x + across) * width)), max(top + 1, round((y + down) * height))
        moved = np.count_nonzero(difference[top:bottom, left:right] > _CHANGED_STEPS)
        measured.append(replace(each, moves=round(moved / ((right - left) * (bottom - top)), 4)))
    return replace(frame, detections=tuple(measured))
