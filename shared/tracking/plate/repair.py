"""Takes people out of a plate who stood in one place for most of the recording.

When such a person is away, a picture differs from the plate in just their outline: a ghost. Which of the two shows the
room is told by the outline itself: a person's stands out from what surrounds them, and the room's goes on across it.
So along the outline of every difference the edges in the plate are compared with those in the picture; where the
plate has them, and several pictures agree on what is behind, the plate takes that over.
Ghosts are found so in Cucchiara et al., "Detecting moving objects, ghosts, and shadows in video streams" (2003), by
motion there, by the outline here, for pictures are seconds apart.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.tracking.plate.exposure import Image, apart, strongest

_DIFFERENT = 18.0  # steps of 0 to 255
_MIN_AREA = 0.001  # of the picture
_EDGE_MARGIN = 3.0  # steps a pixel: weaker edges are noise
_CLEARLY = 1.5  # how many times more edge the plate has to show
_MIN_FRAMES = 3
_MIN_SHARE = 0.03
_AGREE = 0.4
_ROUNDS = 4
_SAME_EDGES = 0.4  # correlation: 0.1 between two rooms
_AROUND = np.ones((5, 5), np.uint8)

Mask = NDArray[np.bool_]


def repair_plate(room: Image, stack: Image, screen: Mask) -> Image:
    """`room` (height × width × 3) without baked-in people; the same object when nothing was found.

    `stack` are pictures of the recording in the exposure of `room`; on a `screen` nothing is repaired, for what is
    shown there has outlines too.
    """
    frame_edges = [edge_strength(frame) for frame in stack]
    needed = np.full(screen.shape, max(_MIN_FRAMES, round(_MIN_SHARE * len(stack))))
    for _ in range(_ROUNDS):
        room_edges = edge_strength(room)
        ghosts = np.stack(
            [_ghosts(frame, edges, room, room_edges, screen) for frame, edges in zip(stack, frame_edges, strict=True)]
        )
        votes = np.count_nonzero(ghosts, axis=0)
        candidates = (votes >= needed) & ~screen
        behind = _behind(stack, ghosts, candidates)
        changed = candidates & ~np.isnan(behind).any(axis=-1)
        if not np.any(changed & (apart(behind, room) > _DIFFERENT)):
            break
        room = np.where(changed[..., None], behind, room).astype(np.float32)
        needed = np.where(changed, votes + 1, needed)  # what was repaired is not given up for less
    return room


def edge_strength(picture: Image) -> Image:
    """The steepest channel's gradient in steps a pixel, height × width."""
    across = cv2.Sobel(picture, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(picture, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return strongest(np.hypot(across, down))


def has_edges_of(one: Image, other: Image) -> bool:
    """Whether two pictures' edges (height × width each) are where the other's are: light does not move them."""
    if float(np.ptp(one)) == 0 or float(np.ptp(other)) == 0:
        return False
    return bool(np.corrcoef(one.ravel(), other.ravel())[0, 1] > _SAME_EDGES)


def _ghosts(frame: Image, frame_edges: Image, room: Image, room_edges: Image, screen: Mask) -> Mask:
    different = (apart(frame, room) > _DIFFERENT) & ~screen
    beside_screen = cv2.dilate(screen.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    blobs = cv2.morphologyEx(different.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    blobs = cv2.morphologyEx(blobs, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(blobs, connectivity=8)
    found = np.zeros(different.shape, bool)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] < _MIN_AREA * different.size:
            continue
        blob = (labels == label).astype(np.uint8)
        if is_ghost(blob, frame_edges, room_edges, ignored=beside_screen):
            found |= cv2.dilate(blob, _AROUND) > 0
    return found


def is_ghost(blob: NDArray[np.uint8], frame_edges: Image, room_edges: Image, ignored: Mask | None = None) -> bool:
    """Whether what differs in `blob` stands out from its surroundings in the room's picture, not in the frame.

    Edges that are `ignored` have no say.
    """
    wide: NDArray[Any] = cv2.dilate(blob, _AROUND)
    outline = (wide > 0) & (cv2.erode(blob, np.ones((3, 3), np.uint8), borderValue=1) == 0)
    if ignored is not None:
        outline &= ~ignored
    more = room_edges[outline] - frame_edges[outline]
    in_room = float(np.sum(more[more > _EDGE_MARGIN]))
    in_frame = float(-np.sum(more[more < -_EDGE_MARGIN]))
    return in_room > max(_CLEARLY * in_frame, float(np.count_nonzero(outline)))


def _behind(stack: Image, ghosts: Mask, candidates: Mask) -> Image:
    """What the pictures show where they have ghosts; NaN where they do not agree."""
    behind = np.full(stack.shape[1:], np.nan, np.float32)
    for row in np.flatnonzero(candidates.any(axis=1)):
        columns = candidates[row]
        values = stack[:, row][:, columns].copy()
        values[~ghosts[:, row][:, columns]] = np.nan
        middle = np.nanmedian(values, axis=0)
        near = apart(values, middle) < _DIFFERENT
        agree = np.count_nonzero(near, axis=0) >= _AGREE * np.count_nonzero(ghosts[:, row][:, columns], axis=0)
        middle[~agree] = np.nan
        behind[row][columns] = middle
    return behind
