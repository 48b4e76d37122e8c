"""How pictures go into models of the YOLOX family, and how people come out; pure arithmetic, without the runtime.

The official export (https://github.com/Megvii-BaseDetection/YOLOX, Apache-2.0): BGR from 0 to 255, scaled to fit and
put into the top left of a grey square, or of as much of it as the picture needs; out come, for every cell of three
grids, the offset of the centre, the logarithm of the size, the likelihood of anything being there, and of each class if
so. Class 0 of COCO is a person.
"""

import math
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Values = NDArray[np.float32]

_STRIDES = (8, 16, 32)
_GREY = 114
_BOX, _OBJECT, _PERSON = slice(0, 4), 4, 5
_MOST_SAME = 0.5
"""Boxes that overlap by more show the same person: the less likely one is dropped."""


def needed_size(bgr: Picture, side: int) -> tuple[int, int]:
    """Of a square of `side` pixels, the height and width that `bgr` needs, scaled to fit: whole cells of all grids."""
    height, width = bgr.shape[:2]
    scale = min(side / width, side / height)
    cell = _STRIDES[-1]
    return min(side, math.ceil(height * scale / cell) * cell), min(side, math.ceil(width * scale / cell) * cell)


def letterbox(bgr: Picture, size: tuple[int, int]) -> tuple[Values, float]:
    """`bgr` as the model takes it (1 × 3 × height × width, these being the `size`), and by how much it was scaled."""
    height, width = bgr.shape[:2]
    scale = min(size[1] / width, size[0] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    box = np.full((*size, 3), _GREY, np.uint8)
    box[: inner[1], : inner[0]] = cv2.resize(bgr, inner, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(box.transpose(2, 0, 1)[None], np.float32), scale


def row_count(size: tuple[int, int]) -> int:
    """How many rows come out for a picture of `size` (height, width) pixels."""
    return sum((size[0] // stride) * (size[1] // stride) for stride in _STRIDES)


def check_values(output: Values) -> None:
    """Raises ValueError when `output` (rows × columns) is not what the official export gives: other exports leave the
    likelihoods unbounded, or have decoded the boxes to pixels already."""
    likely = output[:, _OBJECT:]
    if not np.isfinite(output).all():
        raise ValueError("it gives values that are no numbers")
    if float(likely.min()) < -1e-3 or float(likely.max()) > 1 + 1e-3:
        raise ValueError("its likelihoods are not between 0 and 1")
    if float(np.abs(output[:, 2:4]).max()) > 12 or float(np.abs(output[:, :2]).max()) > 200:
        raise ValueError("its boxes are not relative to the grid")


def people(
    output: Values, size: tuple[int, int], min_score: float
) -> list[tuple[tuple[float, float, float, float], float]]:
    """The people in `output` (rows × columns) for a picture of `size` (height, width), the likeliest first: (left, top,
    width, height) in its pixels, and the score from 0 to 1; of those that overlap much, the likeliest one."""
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
    """Each row's cell (x, y), and its grid's stride in pixels."""
    cells, strides = [], []
    for stride in _STRIDES:
        across, down = np.meshgrid(np.arange(size[1] // stride), np.arange(size[0] // stride))
        cells.append(np.stack([across.ravel(), down.ravel()], axis=1))
        strides.append(np.full((across.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _suppress(boxes: Values, scores: Values) -> Sequence[int]:
    """The rows of `boxes` that stay, the likeliest first."""
    order = [int(row) for row in np.lexsort((boxes[:, 0], -scores))]
    right_bottom = boxes[:, :2] + boxes[:, 2:]
    area = boxes[:, 2] * boxes[:, 3]
    kept: list[int] = []
    for row in order:
        common = np.minimum(right_bottom[row], right_bottom[kept]) - np.maximum(boxes[row, :2], boxes[kept, :2])
        overlap = np.prod(np.maximum(common, 0.0), axis=1)
        if not np.any(overlap > _MOST_SAME * (area[row] + area[kept] - overlap)):
            kept.append(row)
    return kept


def _four(box: Values) -> tuple[float, float, float, float]:
    left, top, width, height = (float(value) for value in box)
    return left, top, width, height
