"""The board without the lecturer: what was written before each wipe, from the moments in which each place was free."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.slides.board import BoardWatcher, raise_contrast
from shared.slides.watch import Stretch

WIDTH, HEIGHT = 320, 180
Grey = NDArray[np.uint8]


def board(*lines: str, dark: bool = False) -> Grey:
    """Return a board with these lines."""
    picture = np.full((HEIGHT, WIDTH), 50 if dark else 230, np.uint8)
    for row, line in enumerate(lines):
        ink = 220 if dark else 40
        cv2.putText(picture, line, (20, 40 + 40 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (ink,), 2, cv2.LINE_AA)
    return picture


def watched(states: list[tuple[Grey, int]]) -> tuple[list[Stretch], int]:
    """Return the stretches of boards that stand for so many seconds, before which a person walks to and fro."""
    watcher, found, at = BoardWatcher(), list[Stretch](), 0
    for state, seconds in states:
        for _ in range(seconds):
            left = 40 + 25 * (at % 9)
            frame, covered = state.copy(), np.zeros(state.shape, bool)
            frame[60:, left : left + 40], covered[60:, left : left + 40] = 120, True
            if watcher.wants(float(at)):
                found += watcher.see(float(at), frame, covered, lambda frame=frame: np.dstack([frame] * 3))
            at += 1
    return [*found, *watcher.finish(float(at))], at


@pytest.mark.parametrize("dark", [False, True], ids=["whiteboard", "blackboard"])
def test_a_board_is_kept_before_it_is_wiped_and_at_the_end(dark: bool) -> None:
    first, second = board("Theorem 1", "a + b = c", "Proof", dark=dark), board("Theorem 2", "sin x", dark=dark)
    states = [(board(dark=dark), 10), (board("Theorem 1", dark=dark), 12), (first, 15), (board(dark=dark), 12)]
    found, end = watched([*states, (second, 20)])
    assert [stretch.end_sec for stretch in found] == [pytest.approx(39, abs=3), end]
    for stretch, true in zip(found, (first, second), strict=True):
        error = np.square(stretch.picture[..., 0].astype(float) - true).mean()
        assert 10 * np.log10(255**2 / max(error, 1e-9)) >= 28


def test_what_was_never_written_upon_is_no_board() -> None:
    found, _ = watched([(board("A poster"), 40)])
    assert found == []


def test_a_person_who_stands_there_for_a_moment_is_no_board() -> None:
    watcher, found, at = BoardWatcher(), list[Stretch](), 0
    empty, nothing = board(), np.zeros((HEIGHT, WIDTH), bool)
    striped = empty.copy()  # a person without a detection
    striped[20:170, 60:240:6] = striped[20:170, 61:240:6] = 120
    for picture, seconds in ((empty, 12), (striped, 5), (empty, 20)):
        for _ in range(seconds):
            found += watcher.see(float(at), picture, nothing, lambda seen=picture: np.dstack([seen] * 3))
            at += 1
    assert [*found, *watcher.finish(float(at))] == []


def test_boxes_that_are_drawn_around_people_are_no_board() -> None:
    watcher, found = BoardWatcher(), list[Stretch]()
    for at in range(60):
        left = 20 + 50 * (at // 6 % 5)  # a step every six seconds
        frame, covered = board(), np.zeros((HEIGHT, WIDTH), bool)
        frame[70:, left : left + 30], covered[70:, left : left + 30] = 120, True
        cv2.rectangle(frame, (left - 8, 60), (left + 38, 178), (30,), 2)
        cv2.putText(frame, f"person {at % 9}", (left - 8, 52), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30,), 1)
        found += watcher.see(float(at), frame, covered, lambda seen=frame: np.dstack([seen] * 3))
    assert [*found, *watcher.finish(60.0)] == []


def test_a_part_that_begins_with_a_full_board_keeps_it_before_the_wipe() -> None:
    full = board("Theorem 1", "a + b = c")
    found, _ = watched([(full, 20), (board(), 15)])
    assert len(found) == 1
    assert np.abs(found[0].picture[..., 0].astype(int) - full).mean() < 2


def test_the_contrast_is_raised_gently() -> None:
    plain = np.dstack([board("Theorem 1")] * 3)
    raised = raise_contrast(plain)
    assert int(raised.max()) - int(raised.min()) > int(plain.max()) - int(plain.min())
    assert np.abs(raised.astype(int) - plain).mean() < 6
