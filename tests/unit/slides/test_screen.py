"""Where the screen is, and how it is straightened."""

import cv2
import numpy as np
import pytest

from shared.pipeline.stages.stretches import covered_by_people
from shared.slides.screen import WHOLE_PICTURE, Corners, Screen, find_screen
from shared.tracking.detection import Detection, FrameDetections

CORNERS: Corners = ((0.2, 0.1), (0.8, 0.15), (0.78, 0.65), (0.22, 0.6))
FROM_EDGE_TO_EDGE: Corners = ((0.0, 0.0), (1.0, 0.1), (1.0, 1.0), (0.0, 0.9))


def room(corners: Corners, screen_luma: int = 230) -> tuple[np.ndarray, np.ndarray]:
    """Return a wall with a screen, and the mask of the part of the screen whose content changes."""
    picture = np.full((180, 320, 3), 110, np.uint8)
    points = (np.asarray(corners) * (320, 180)).astype(np.int32)
    cv2.fillConvexPoly(picture, points, (screen_luma,) * 3)
    mask = np.zeros((180, 320), np.uint8)
    cv2.fillConvexPoly(mask, ((points - points.mean(axis=0)) * 0.85 + points.mean(axis=0)).astype(np.int32), 1)
    return picture, mask > 0


@pytest.mark.parametrize("luma", [230, 25])
def test_the_edge_of_the_screen_is_found_around_what_changes(luma: int) -> None:
    screen = find_screen([room(CORNERS, luma)])
    assert not screen.is_whole_picture
    assert np.abs(np.asarray(screen.corners) - CORNERS).max() < 0.012


def test_rooms_agree_by_the_middle() -> None:
    other: Corners = ((0.0, 0.0), (0.4, 0.0), (0.4, 0.4), (0.0, 0.4))
    screen = find_screen([room(CORNERS), room(CORNERS), room(other)])
    assert np.abs(np.asarray(screen.corners) - CORNERS).max() < 0.012


def test_lines_that_change_on_a_page_are_no_screen() -> None:
    page = np.full((180, 320, 3), 245, np.uint8)
    mask = np.zeros((180, 320), bool)
    mask[20:40, 30:200] = mask[80:130, 30:260] = True
    page[mask] = 200
    assert find_screen([(page, mask)]).is_whole_picture


def test_a_large_region_without_an_edge_is_a_screen() -> None:
    picture, mask = room(CORNERS, 110)
    x, _, width, height = find_screen([(picture, mask)]).region
    assert abs(x + width / 2 - 0.5) < 0.02
    assert 0.45 < width < 0.58
    assert 0.4 < height < 0.52


def test_a_title_outside_the_frame_makes_it_no_screen() -> None:
    picture, mask = room(CORNERS)
    mask[2:8, 100:200] = True
    assert find_screen([(picture, mask)]).is_whole_picture


def test_a_room_without_a_screen_is_looked_at_whole() -> None:
    picture, mask = room(CORNERS)
    screen = find_screen([(picture, np.zeros_like(mask))])
    assert screen.is_whole_picture
    assert screen.region == (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("corners", "picture_size", "size"),
    [
        (CORNERS, (1280, 720), (640, 384)),
        (CORNERS, (1280, 720), (500, 300)),
        (CORNERS, (1280, 720), (250, 150)),
        pytest.param(FROM_EDGE_TO_EDGE, (1279, 719), (250, 150), id="to the edges of a picture of odd size"),
    ],
)
def test_a_screen_seen_at_an_angle_is_straightened(
    corners: Corners, picture_size: tuple[int, int], size: tuple[int, int]
) -> None:
    slide = np.full((300, 500, 3), 240, np.uint8)
    cv2.rectangle(slide, (100, 60), (200, 120), (20, 20, 20), -1)
    cv2.rectangle(slide, (10, 10), (489, 289), (20, 20, 20), 20)  # a frame, so that no edge can be missing unseen
    source = np.asarray([(0, 0), (500, 0), (500, 300), (0, 300)], np.float32)
    target = np.asarray(corners, np.float32) * np.asarray(picture_size, np.float32)
    seen = cv2.warpPerspective(slide, cv2.getPerspectiveTransform(source, target), picture_size)
    straight = Screen(corners).straighten(seen.astype(np.uint8), size)
    assert np.abs(straight.astype(int) - cv2.resize(slide, size, interpolation=cv2.INTER_AREA)).mean() < 3


def test_a_persons_box_covers_the_screen_where_it_stands() -> None:
    covered = Screen(((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))).covered_by([(0.7, 0.5, 0.1, 0.5)], (100, 50))
    assert covered[30, 50]
    assert not covered[10, 50]
    assert not covered[30, 10]


def test_only_what_is_likely_a_person_covers_the_picture_and_a_little_around_it() -> None:
    boxes = (Detection((0.4, 0.4, 0.2, 0.6), 0.9, "plate"), Detection((0.0, 0.0, 0.2, 0.2), 0.1, "plate"))
    whole = Screen(WHOLE_PICTURE, is_whole_picture=True)
    covered = covered_by_people(whole, FrameDetections(0, 0.0, boxes), (200, 100))
    assert covered.shape == (100, 200)
    assert covered[39:, 78:122].all()
    assert not covered[:37].any()
    assert not covered[:, :76].any()
    assert not covered[:, 125:].any()
