"""Pictures of one room in another light are of one view; another camera's are of another."""

from collections.abc import Callable

import numpy as np

from shared.media.video.frames import SampledFrame
from shared.tracking.plate.camera_views import MIN_PICTURES, group_views
from shared.tracking.plate.exposure import Image

MakeRoom = Callable[..., list[SampledFrame]]


def pictures(frames: list[SampledFrame]) -> list[Image]:
    return [frame.bgr.astype(np.float32) for frame in frames]


def test_light_and_people_make_no_other_view(make_room: MakeRoom) -> None:
    """Up to light that drives most of the picture into clipping."""
    frames = make_room(lambda t: 0.1 + t / 40, seconds=30, light=lambda t: 0.4 + t / 20, slide_sec=7)
    assert group_views(pictures(frames)) == [list(range(30))]


def test_two_cameras_are_two_views_and_a_moment_is_none(make_room: MakeRoom) -> None:
    room = pictures(make_room(lambda t: None, seconds=40))
    other = [255 - picture[::-1] for picture in room]
    for picture in other:
        picture[60:120, 40:280] = (200, 40, 20)
    mixed = [other[n] if 10 <= n < 20 else np.zeros_like(room[n]) if n == 30 else room[n] for n in range(40)]
    first, second = group_views(mixed)
    assert first == [n for n in range(40) if not 10 <= n < 20 and n != 30]
    assert second == list(range(10, 20))
    few = [other[n] if n < MIN_PICTURES - 1 else room[n] for n in range(40)]
    assert group_views(few) == [list(range(MIN_PICTURES - 1, 40))]
