"""Remove people from a plate who stood in one place for most of the recording.

When such a person is away, a frame differs from the plate in exactly their outline: a ghost. The outline itself tells
which of the two pictures shows the room. A person stands out from the surroundings, while the room's edges continue
across the outline. So the edges along each difference are compared in both pictures. Where the plate has the stronger
ones and several frames agree on the background, the plate takes that background.

Ghosts are described in Cucchiara et al., "Detecting moving objects, ghosts, and shadows in video streams" (2003). They
are found by motion there and by the outline here, because the pictures are seconds apart.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.plate.exposure import Image, colour_distance, max_over_channels
from shared.tracking.plate.median import median_over_first

_DIFFERENT_STEPS = 18.0
"""A pixel differs beyond this distance, in steps of 0 to 255."""
_MIN_AREA_SHARE = 0.001
"""Smallest ghost, as a share of the picture."""
_EDGE_MARGIN_STEPS = 3.0
"""Weaker edges are noise; in steps a pixel."""
_EDGE_RATIO = 1.5
"""The plate has to show this many times more edge than the frame."""
_MIN_FRAMES = 3
"""Least number of frames that have to show the same ghost."""
_MIN_FRAMES_SHARE = 0.03
"""Least share of the frames that have to show the same ghost."""
_AGREEING_SHARE = 0.4
"""Share of the ghosts at a pixel that have to agree on the background."""
_ROUNDS = 4
"""Most rounds of repair: one person may hide another."""
_SAME_EDGES_CORRELATION = 0.4
"""Pictures of one room correlate above this; two different rooms reach 0.1."""
_OUTLINE_KERNEL = np.ones((5, 5), np.uint8)
"""Widens a blob by two pixels each way."""

Mask = NDArray[np.bool_]


def repair_plate(room: Image, stack: Image, screen: Mask) -> Image:
    """Return `room` without baked-in people, or the same object if none were found.

    Args:
        room: the plate so far, height × width × 3, 0 to 255.
        stack: pictures of the recording in the exposure of `room`, n × height × width × 3.
        screen: where nothing is repaired (height × width), because content on a screen has outlines too.
    """
    frame_edges = [edge_strength(frame) for frame in stack]
    needed = np.full(screen.shape, max(_MIN_FRAMES, round(_MIN_FRAMES_SHARE * len(stack))))
    for _ in range(_ROUNDS):
        room_edges = edge_strength(room)
        ghosts = np.stack(
            [_ghosts(frame, edges, room, room_edges, screen) for frame, edges in zip(stack, frame_edges, strict=True)]
        )
        votes = np.count_nonzero(ghosts, axis=0)
        candidates = (votes >= needed) & ~screen
        background = _background(stack, ghosts, candidates)
        changed = candidates & ~np.isnan(background).any(axis=-1)
        if not np.any(changed & (colour_distance(background, room) > _DIFFERENT_STEPS)):
            break
        room = np.where(changed[..., None], background, room).astype(np.float32)
        needed = np.where(changed, votes + 1, needed)  # a repaired pixel changes again only with more votes
    return room


def edge_strength(picture: Image) -> Image:
    """Return the gradient of the steepest channel in steps a pixel, height × width."""
    across = cv2.Sobel(picture, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(picture, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return max_over_channels(np.asarray(cv2.magnitude(across, down), np.float32))


def has_edges_of(one: Image, other: Image) -> bool:
    """Return whether two edge pictures (height × width each) correlate; light does not move edges."""
    if float(np.ptp(one)) == 0 or float(np.ptp(other)) == 0:
        return False
    return bool(np.corrcoef(one.ravel(), other.ravel())[0, 1] > _SAME_EDGES_CORRELATION)


def _ghosts(frame: Image, frame_edges: Image, room: Image, room_edges: Image, screen: Mask) -> Mask:
    """Return the mask (height × width) of the ghosts in `frame`, widened by two pixels."""
    different = (colour_distance(frame, room) > _DIFFERENT_STEPS) & ~screen
    beside_screen = cv2.dilate(screen.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    blobs = cv2.morphologyEx(different.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    blobs = cv2.morphologyEx(blobs, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(blobs, connectivity=8)
    found = np.zeros(different.shape, bool)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] < _MIN_AREA_SHARE * different.size:
            continue
        blob = (labels == label).astype(np.uint8)
        if is_ghost(blob, frame_edges, room_edges, ignored=beside_screen):
            found |= cv2.dilate(blob, _OUTLINE_KERNEL) > 0
    return found


def is_ghost(blob: NDArray[np.uint8], frame_edges: Image, room_edges: Image, ignored: Mask | None = None) -> bool:
    """Return whether the region `blob` stands out from its surroundings in the room's picture and not in the frame's.

    Edges in `ignored` are not counted.
    """
    wide: NDArray[Any] = cv2.dilate(blob, _OUTLINE_KERNEL)
    outline = (wide > 0) & (cv2.erode(blob, np.ones((3, 3), np.uint8), borderValue=1) == 0)
    if ignored is not None:
        outline &= ~ignored
    more = room_edges[outline] - frame_edges[outline]
    in_room = float(np.sum(more[more > _EDGE_MARGIN_STEPS]))
    in_frame = float(-np.sum(more[more < -_EDGE_MARGIN_STEPS]))
    return in_room > max(_EDGE_RATIO * in_frame, float(np.count_nonzero(outline)))


def _background(stack: Image, ghosts: Mask, candidates: Mask) -> Image:
    """Return the median of the frames where they have ghosts (height × width × 3); NaN where they disagree."""
    background = np.full(stack.shape[1:], np.nan, np.float32)
    for row in np.flatnonzero(candidates.any(axis=1)):
        columns = candidates[row]
        values = stack[:, row][:, columns].copy()
        values[~ghosts[:, row][:, columns]] = np.nan
        middle = median_over_first(values)
        near = colour_distance(values, middle) < _DIFFERENT_STEPS
        agree = np.count_nonzero(near, axis=0) >= _AGREEING_SHARE * np.count_nonzero(ghosts[:, row][:, columns], axis=0)
        middle[~agree] = np.nan
        background[row][columns] = middle
    return background
