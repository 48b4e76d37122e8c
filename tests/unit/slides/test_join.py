"""Slides of stretches: builds, slides that are seen again, the template."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.slides.join import COMPARED_WIDTH_PX, Seen, join_stretches

SIZE = (COMPARED_WIDTH_PX, 270)
TITLES = ("Gradient descent", "Momentum", "Entropy of a source", "Parsers", "Kernels", "Bases and spans", "Noise")


def stretch(start: float, end: float, lines: Sequence[str], known: NDArray[np.bool_] | None = None) -> Seen:
    """Return a stretch with a slide of these lines under the template's bar and above its footer."""
    picture = np.full((SIZE[1] * 2, SIZE[0] * 2), 245, np.uint8)
    cv2.rectangle(picture, (0, 0), (SIZE[0] * 2, 14), 90, -1)
    cv2.putText(picture, "Course in Rostrum, winter", (30, 520), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 60, 2, cv2.LINE_AA)
    for row, line in enumerate(lines):
        cv2.putText(picture, line, (40, 90 + 70 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 30, 3, cv2.LINE_AA)
    grey = np.asarray(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    return Seen(start, end, grey, np.ones(grey.shape, bool) if known is None else known, f"{start}")


def lists(number: int) -> list[str]:
    return [TITLES[number], f"point {number} of the list", f"another {TITLES[-1 - number].lower()}"]


def test_a_slide_that_gains_lines_is_one_and_its_fullest_state_is_kept() -> None:
    lines = ["Gradient descent", "one step", "two steps", "many steps"]
    seen = [stretch(5.0 * n, 5.0 * n + 5, lines[: n + 1]) for n in range(4)]
    (slide,) = join_stretches(seen)
    assert slide.visits == [(0.0, 20.0)]
    assert slide.fullest.name == "15.0"


def test_other_text_at_the_same_places_is_another_slide() -> None:
    seen = [stretch(5.0 * n, 5.0 * n + 5, lists(n)) for n in range(6)]
    assert [slide.visits for slide in join_stretches(seen)] == [[(5.0 * n, 5.0 * n + 5)] for n in range(6)]


def test_a_slide_that_is_seen_again_is_one_with_two_visits() -> None:
    seen = [stretch(5.0 * n, 5.0 * n + 5, lists(number)) for n, number in enumerate((0, 1, 2, 0, 3))]
    slides = join_stretches(seen)
    assert [slide.visits for slide in slides] == [
        [(0.0, 5.0), (15.0, 20.0)],
        [(5.0, 10.0)],
        [(10.0, 15.0)],
        [(20.0, 25.0)],
    ]


def test_a_slide_that_is_seen_again_before_it_is_full_is_the_same() -> None:
    seen = [stretch(0, 5, lists(0)), stretch(5, 10, lists(1)), stretch(10, 15, lists(0)[:2]), stretch(15, 20, lists(2))]
    slides = join_stretches(seen)
    assert [len(slide.visits) for slide in slides] == [2, 1, 1]
    assert slides[0].fullest.name == "0"


def test_a_film_between_two_visits_keeps_them_apart() -> None:
    (slide,) = join_stretches([stretch(0, 5, lists(0)), stretch(20, 25, lists(0))])
    assert slide.visits == [(0, 5), (20, 25)]


def test_a_person_who_hides_a_line_does_not_make_another_slide() -> None:
    hidden = np.ones(SIZE[::-1], bool)
    hidden[60:, 100:180] = False
    (slide,) = join_stretches([stretch(0, 5, lists(0)), stretch(5, 9, lists(0), hidden), stretch(9, 12, lists(0))])
    assert slide.visits == [(0.0, 12.0)]


def test_a_dark_screen_is_no_slide() -> None:
    dark = stretch(5, 9, lists(0))
    dark = Seen(5.0, 9.0, np.full_like(dark.grey, 8), dark.known, "dark")
    assert [slide.visits for slide in join_stretches([stretch(0, 5, lists(0)), dark])] == [[(0.0, 5.0)]]


def test_no_stretches_are_no_slides() -> None:
    assert join_stretches([]) == []


def test_words_at_the_edge_of_a_place_that_is_not_known_are_not_missed() -> None:
    lines = ["Gradient descent", "one step after another", "two steps and more steps"]
    known = np.ones(SIZE[::-1], bool)
    for left in range(20, SIZE[0], 12):
        known[20:130, left : left + 5] = False
    seen = [stretch(0, 5, lines), stretch(5, 10, [*lines, "many steps"], known)]
    assert [slide.visits for slide in join_stretches(seen)] == [[(0.0, 10.0)]]
