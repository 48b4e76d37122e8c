"""Group pictures into views, a view being one camera in one light: each needs a plate of its own.

Apart from the plate, because the grouping knows nothing of what a plate is made of.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from shared.tracking.plate.exposure import Image, colour_distance, match_exposure
from shared.tracking.plate.repair import edge_strength, has_edges_of

MAX_VIEWS = 3
"""Most views of a window."""
MIN_PICTURES = 8
"""Fewer pictures of a view do not separate a person from the room."""
_COMPARE_WIDTH_PX = 96
"""Width at which pictures are compared."""
_DIFFERENT_STEPS = 22.0
"""A pixel differs beyond this distance, in steps of 0 to 255."""
_MAX_DIFFERENT_SHARE = 0.55
"""Largest share of the picture that differs within a view. A person close by together with a new slide changes less."""
_MIN_COVERED_SHARE = 0.6
"""Least share of the pictures that the views have to cover."""


def group_views(pictures: Sequence[Image]) -> list[list[int]]:
    """Return the indices of the pictures of each view, the view with most pictures first.

    Views of fewer than `MIN_PICTURES` are left out. If the rest covers too little of the recording (a camera that never
    rests, slides that fill the picture), all pictures are one view. Each picture is height × width × 3, 0 to 255.
    """
    height, width = pictures[0].shape[:2]
    size = (_COMPARE_WIDTH_PX, max(1, round(_COMPARE_WIDTH_PX * height / width)))
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
    if len(views) == 1 or sum(map(len, large)) < _MIN_COVERED_SHARE * len(pictures):
        return [list(range(len(pictures)))]
    return large


def _is_same(one: Image, other: Image) -> bool:
    """Return whether two pictures show the same view.

    Either they agree in most of the picture, matched in exposure one way or the other. Or their edges agree: light that
    drives the camera into clipping changes everything else.
    """
    for a, b in ((one, other), (other, one)):
        if float(np.mean(colour_distance(match_exposure(a, b), b) > _DIFFERENT_STEPS)) <= _MAX_DIFFERENT_SHARE:
            return True
    return has_edges_of(edge_strength(one), edge_strength(other))
