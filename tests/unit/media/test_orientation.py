"""A display matrix says how a picture is turned and mirrored."""

import struct
import sys

import av
import pytest

from shared.media.video.orientation import UPRIGHT, Orientation, orientation_of, orientation_of_matrix


def matrix(a: int, b: int, c: int, d: int) -> bytes:
    return struct.pack("=9i", *(each << 16 for each in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)


@pytest.mark.parametrize(
    ("values", "orientation"),
    [
        ((1, 0, 0, 1), Orientation(0)),
        ((0, 1, -1, 0), Orientation(90)),
        ((-1, 0, 0, -1), Orientation(180)),
        ((0, -1, 1, 0), Orientation(270)),
        ((-1, 0, 0, 1), Orientation(0, mirrored=True)),
        ((1, 0, 0, -1), Orientation(180, mirrored=True)),
        ((0, -1, -1, 0), Orientation(90, mirrored=True)),
        ((0, 1, 1, 0), Orientation(270, mirrored=True)),
        ((0, 0, 0, 0), UPRIGHT),
    ],
)
def test_turned_and_mirrored(values: tuple[int, int, int, int], orientation: Orientation) -> None:
    """The matrix takes a coded pixel (x, y) to (a x + c y, b x + d y); so does mirroring, then turning clockwise."""
    assert orientation_of_matrix(matrix(*values)) == orientation
    if orientation == UPRIGHT:
        return
    a, b, c, d = values
    for x, y in ((1, 0), (0, 1)):
        turned = (-x if orientation.mirrored else x, y)
        for _ in range(orientation.rotation // 90):
            turned = (-turned[1], turned[0])
        assert turned == (a * x + c * y, b * x + d * y)


def test_a_short_matrix_says_nothing() -> None:
    assert orientation_of_matrix(b"\x00" * 8) == UPRIGHT


def test_a_frame_that_was_asked_is_freed_without_the_garbage_collector() -> None:
    frame = av.VideoFrame(16, 16, "yuv420p")
    references = sys.getrefcount(frame)
    assert orientation_of(frame) == UPRIGHT
    assert sys.getrefcount(frame) == references
    frame.side_data.get("DISPLAYMATRIX")
    assert sys.getrefcount(frame) > references, "PyAV's own container refers back to the frame: else take it"
