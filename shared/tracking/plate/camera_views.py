"""Tells the pictures of one camera in one light from those of another: each such view needs a plate of its own.

Knows nothing of what a plate is made of.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from shared.tracking.plate.exposure import Image, apart, exposed_like
from shared.tracking.plate.repair import edge_strength, has_edges_of

MAX_VIEWS = 3
MIN_PICTURES = 8
"""Fewer pictures of a view do not tell a person from the room."""
_COMPARE_WIDTH = 96
_DIFFERENT = 22.0  # steps of 0 to 255
_MOST_DIFFERENT = 0.55  # of the picture: a person close by and a new slide together change less
_ENOUGH = 0.6  # of the pictures


def group_views(pictures: Sequence[Image]) -> list[list[int]]:
    """The numbers of the `pictures` (each height × width × 3) of each view, the view with most pictures first.

    Views of fewer than `MIN_PICTURES` are left out. When what is left is but a part of the recording, as with a camera
    that never rests or slides that fill the picture, all pictures are one view.
    """
    height, width = pictures[0].shape[:2]
    size = (_COMPARE_WIDTH, max(1, round(_COMPARE_WIDTH * height / width)))
    small = [np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA), np.float32) for each in pictures]
    views: list[list[int]] = []
    for number, picture in enumerate(small):
        for view in views:
            if _is_same(small[view[0]], picture):
                view.append(number)
                break
        else:
            views.append([number])
    large = sorted((view for view in views if len(view) >= MIN_PICTURES), key=len, reverse=True)[:MAX_VIEWS]
    if len(views) == 1 or sum(map(len, large)) < _ENOUGH * len(pictures):
        return [list(range(len(pictures)))]
    return large


def _is_same(one: Image, other: Image) -> bool:
    """Whether the two agree in most of the picture, whichever is the brighter one, or else in their edges: light that
    drives the camera into clipping changes all but these."""
    for a, b in ((one, other), (other, one)):
        if float(np.mean(apart(exposed_like(a, b), b) > _DIFFERENT)) <= _MOST_DIFFERENT:
            return True
    return has_edges_of(edge_strength(one), edge_strength(other))
