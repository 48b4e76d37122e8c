"""Convert pictures into the input of YOLOX models, and their output into people.

The official export (https://github.com/Megvii-BaseDetection/YOLOX, Apache-2.0) takes BGR from 0 to 255, scaled to fit
into the top left of a grey square, or into as much of it as the picture needs. For every cell of three grids it gives
the offset of the centre, the logarithm of the size, the objectness and the probability of each class. Class 0 of COCO
is a person.

Apart from `onnx.py`, because it is arithmetic and needs no runtime.
"""

import math
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Values = NDArray[np.float32]

_STRIDES_PX = (8, 16, 32)
"""Cell sizes of the three grids."""
_GREY = 114
"""Value of the padding."""
_OBJECT = 4
"""Column of the objectness."""
_PERSON = 5
"""Column of the class "person"."""
_MAX_IOU = 0.5
"""Boxes with a larger intersection over union show the same person; the one with the lower score is dropped."""


def needed_size(bgr: Picture, side: int) -> tuple[int, int]:
    """Return the height and width of the square of `side` pixels that `bgr` needs, scaled to fit, in whole cells."""
    height, width = bgr.shape[:2]
    scale = min(side / width, side / height)
    cell = _STRIDES_PX[-1]
    return min(side, math.ceil(height * scale / cell) * cell), min(side, math.ceil(width * scale / cell) * cell)


def letterbox(bgr: Picture, size: tuple[int, int]) -> tuple[Values, float]:
    """Return `bgr` as model input (1 × 3 × height × width, these being `size`) and the scale factor."""
    height, width = bgr.shape[:2]
    scale = min(size[1] / width, size[0] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    box = np.full((*size, 3), _GREY, np.uint8)
    box[: inner[1], : inner[0]] = cv2.resize(bgr, inner, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(box.transpose(2, 0, 1)[None], np.float32), scale


def row_count(size: tuple[int, int]) -> int:
    """Return the number of output rows for a picture of `size` (height, width) in pixels."""
    return sum((size[0] // stride) * (size[1] // stride) for stride in _STRIDES_PX)


def check_values(output: Values) -> None:
    """Raise ValueError if `output` (rows × columns) is not what the official export gives.

    Other exports leave the scores unbounded, or have decoded the boxes to pixels already.
    """
    likely = output[:, _OBJECT:]
    if not np.isfinite(output).all():
        raise ValueError("it gives values that are no numbers")
    if float(likely.min()) < -1e-3 or float(likely.max()) > 1 + 1e-3:
        raise ValueError("its likelihoods are not between 0 and 1")
    if float(np.abs(output[:, 2:4]).max()) > 12 or float(np.abs(output[:, :2]).max()) > 200:
        raise ValueError("its boxes are not relative to the grid")


def decode_people(
    output: Values, size: tuple[int, int], min_score: float
) -> list[tuple[tuple[float, float, float, float], float]]:
    """Return the people in `output` (rows × columns) in descending order of score, after non-maximum suppression.

    Each is a box (left, top, width, height) in pixels of the picture of `size` (height, width) and a score from 0 to 1.
    """
    scores = output[:, _OBJECT] * output[:, _PERSON]
    rows = np.flatnonzero(scores >= min_score)
    if not len(rows):
        return []
    cells, strides = _grid(size)
    centre = (output[rows, 0:2] + cells[rows]) * strides[rows]
    extent = np.exp(np.minimum(output[rows, 2:4], 12.0)) * strides[rows]
    boxes = np.concatenate([centre - extent / 2, extent], axis=1)
    kept = _suppress(boxes, scores[rows])
    return [(_four(boxes[row]), float(scores[rows[row]])) for row in kept]


@cache
def _grid(size: tuple[int, int]) -> tuple[Values, Values]:
    """Return the cell (x, y) of each row, and its grid's stride in pixels."""
    cells, strides = [], []
    for stride in _STRIDES_PX:
        across, down = np.meshgrid(np.arange(size[1] // stride), np.arange(size[0] // stride))
        cells.append(np.stack([across.ravel(), down.ravel()], axis=1))
        strides.append(np.full((across.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _suppress(boxes: Values, scores: Values) -> Sequence[int]:
    """Return the rows of `boxes` that remain after non-maximum suppression, in descending order of score."""
    order = [int(row) for row in np.lexsort((boxes[:, 0], -scores))]
    right_bottom = boxes[:, :2] + boxes[:, 2:]
    area = boxes[:, 2] * boxes[:, 3]
    kept: list[int] = []
    for row in order:
        common = np.minimum(right_bottom[row], right_bottom[kept]) - np.maximum(boxes[row, :2], boxes[kept, :2])
        overlap = np.prod(np.maximum(common, 0.0), axis=1)
        if not np.any(overlap > _MAX_IOU * (area[row] + area[kept] - overlap)):
            kept.append(row)
    return kept


def _four(box: Values) -> tuple[float, float, float, float]:
    """Return the row of an array as four numbers."""
    left, top, width, height = (float(value) for value in box)
    return left, top, width, height
