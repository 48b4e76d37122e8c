"""The watcher of a screen: what stands still, people before it, films and animations."""

from collections.abc import Callable, Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.slides.watch import ScreenWatcher, Stretch

SIZE = (240, 136)
Frame = NDArray[np.uint8]


def slide(*lines: str) -> Frame:
    """Return a white slide of `SIZE` × 4 with these lines."""
    picture = np.full((SIZE[1] * 4, SIZE[0] * 4, 3), 245, np.uint8)
    for row, line in enumerate(lines):
        cv2.putText(picture, line, (40, 90 + 80 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (30, 30, 30), 4, cv2.LINE_AA)
    return picture


def watch(frames: Iterable[Frame], people: Callable[[int], NDArray[np.bool_] | None] = lambda _: None) -> list[Stretch]:
    """Return the stretches of these samples, two a second."""
    watcher, found, last = ScreenWatcher(0.5), [], 0
    for at, frame in enumerate(frames):
        grey = cv2.cvtColor(cv2.resize(frame, SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        covered = people(at)
        none = np.zeros(grey.shape, bool)
        found += watcher.see(at / 2, grey.astype(np.uint8), none if covered is None else covered, lambda f=frame: f)
        last = at
    return found + list(watcher.finish((last + 1) / 2))


def spans(stretches: Iterable[Stretch]) -> list[tuple[float, float]]:
    return [(each.start_sec, each.end_sec) for each in stretches]


FIRST, SECOND = slide("Gradient descent", "one step", "two steps"), slide("Momentum", "keeps", "its way for long")


def test_a_stretch_begins_with_the_sample_that_shows_it() -> None:
    assert spans(watch([FIRST] * 8 + [SECOND] * 6)) == [(0.0, 4.0), (4.0, 7.0)]


def test_the_picture_is_that_of_the_last_moment() -> None:
    pointed = FIRST.copy()
    cv2.circle(pointed, (800, 500), 8, (0, 0, 255), -1)
    first, _ = watch([FIRST] * 7 + [pointed] + [SECOND] * 6)
    assert (first.picture == pointed).all()


def test_a_slide_that_is_passed_over_is_none() -> None:
    third = slide("Entropy", "of a source", "in bits for each symbol")
    assert spans(watch([FIRST] * 6 + [SECOND] * 2 + [third] * 6)) == [(0.0, 3.0), (4.0, 7.0)]


def test_a_glance_at_something_else_does_not_cut() -> None:
    assert spans(watch([FIRST] * 6 + [SECOND] + [FIRST] * 6)) == [(0.0, 6.5)]


def test_light_that_fades_does_not_cut() -> None:
    frames = [np.clip(FIRST.astype(int) - at, 0, 255).astype(np.uint8) for at in range(30)]
    assert len(watch(frames)) == 1


def test_a_person_who_walks_past_is_left_out_of_time_and_picture() -> None:
    def with_person(at: int) -> Frame:
        frame = FIRST.copy()
        frame[200:, 60 * at : 60 * at + 160] = (90, 40, 30)
        return frame

    def covered(at: int) -> NDArray[np.bool_]:
        mask = np.zeros(SIZE[::-1], bool)
        mask[48:, max(0, 15 * at - 2) : 15 * at + 42] = True
        return mask

    (stretch,) = watch([with_person(at) for at in range(12)], covered)
    assert (stretch.start_sec, stretch.end_sec) == (0.0, 6.0)
    assert stretch.known.all()
    assert np.abs(stretch.picture.astype(int) - FIRST).mean() < 0.5


def test_places_that_were_never_free_are_not_known() -> None:
    mask = np.zeros(SIZE[::-1], bool)
    mask[60:, 100:130] = True
    (stretch,) = watch([FIRST] * 6, lambda _: mask)
    assert (stretch.known == ~mask).all()


def test_a_film_on_the_whole_screen_is_no_slide() -> None:
    film = []
    for at in range(20):
        frame = np.full_like(FIRST, 60 + 3 * at)
        cv2.circle(frame, (80 + 45 * at % 900, 270), 200, (200, 180, 40), -1)
        film.append(frame)
    found = spans(watch([FIRST] * 8 + film + [SECOND] * 8))
    assert found == [(0.0, 4.0), (14.0, 18.0)]


def test_an_animation_does_not_cut_its_slide() -> None:
    def animated(at: int) -> Frame:
        frame = FIRST.copy()
        cv2.circle(frame, (700 + 25 * (at % 6), 430), 60, (30, 160, 40), -1)
        return frame

    found = watch([FIRST] * 6 + [animated(at) for at in range(30)] + [SECOND] * 6)
    assert len(found) <= 3, spans(found)
    assert found[-1].start_sec == 18.0


def test_an_animation_that_jumps_back_does_not_cut_its_slide_and_is_not_known() -> None:
    def animated(at: int) -> Frame:
        frame = FIRST.copy()
        cv2.circle(frame, (700 + 6 * (at % 20), 330 + 5 * (at % 17)), 45, (30, 160, 40), -1)
        return frame

    (stretch,) = watch([animated(at) for at in range(50)])
    assert stretch.start_sec <= 1.0, "at first it is not known that it moves"
    assert stretch.end_sec == 25.0
    shown = cv2.resize(cv2.absdiff(stretch.picture, FIRST), SIZE, interpolation=cv2.INTER_AREA).max(axis=2)
    assert shown.max() > 100, "the animation is in the picture"
    assert not (stretch.known & (shown > 30)).any()
    assert stretch.known.mean() > 0.8


def test_a_person_who_comes_back_to_their_place_is_left_out_of_the_picture() -> None:
    left = [300] * 4 + [400, 620, 620, 400] + [300] * 4

    def with_person(at: int) -> Frame:
        frame = FIRST.copy()
        frame[200:, left[at] : left[at] + 200] = (90, 40, 30)
        return frame

    def covered(at: int) -> NDArray[np.bool_]:
        mask = np.zeros(SIZE[::-1], bool)
        mask[48:, left[at] // 4 - 2 : left[at] // 4 + 52] = True
        return mask

    (stretch,) = watch([with_person(at) for at in range(len(left))], covered)
    assert stretch.known.all()
    assert (stretch.picture == FIRST).all()
