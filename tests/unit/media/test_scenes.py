"""A cut and a new slide are changes of scene; a person who walks, a camera's noise and a short flash are not."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.media.video.scenes import Scene, SceneScorer, scenes_from_scores

SIZE = (320, 180)


def slide(number: int) -> NDArray[np.uint8]:
    """A white page with words of its own, 160 × 100."""
    page = np.full((100, 160, 3), 240, np.uint8)
    letters = np.random.default_rng(number)
    for line in range(6):
        words = "".join(chr(97 + c) for c in letters.integers(0, 26, 14))
        cv2.putText(page, words, (6, 16 + 15 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30, 30, 30), 1, cv2.LINE_AA)
    return page


def room(slide_number: int, person_x: int, noise: int) -> NDArray[np.uint8]:
    """A room with a board and a person before it, as a noisy camera sees it."""
    picture = np.full((SIZE[1], SIZE[0], 3), (120, 130, 140), np.uint8)
    picture[20:120, 130:290] = slide(slide_number)
    picture[70:170, person_x : person_x + 26] = (60, 40, 30)
    noisy = picture + np.random.default_rng(noise).normal(0, 3, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def scores_of(frames: list[NDArray[np.uint8]]) -> list[tuple[float, float]]:
    scorer = SceneScorer()
    return [(i / 2, s) for i, frame in enumerate(frames) if (s := scorer.score(frame)) is not None]


def test_a_slide_change_is_a_scene_and_a_walking_person_is_not() -> None:
    frames = [room(slide_number=i // 40, person_x=20 + abs(i % 50 - 25) * 8, noise=i) for i in range(120)]
    scenes = scenes_from_scores(scores_of(frames), 60.0)
    assert scenes == [Scene(0.0, 20.0), Scene(20.0, 40.0), Scene(40.0, 60.0)]


def test_a_person_who_walks_and_stands_makes_no_scene() -> None:
    there_and_back = [0] * 15 + list(range(15)) + [15] * 15 + list(range(15, 0, -1))
    frames = [room(slide_number=1, person_x=20 + 16 * step, noise=i) for i, step in enumerate(there_and_back * 2)]
    assert scenes_from_scores(scores_of(frames), 60.0) == [Scene(0.0, 60.0)]


def test_a_cut_is_a_scene_at_any_size() -> None:
    dark, bright = np.full((90, 120, 3), 40, np.uint8), np.full((720, 1280, 3), 200, np.uint8)
    assert scenes_from_scores(scores_of([dark] * 20 + [bright] * 20), 20.0) == [Scene(0.0, 10.0), Scene(10.0, 20.0)]


def test_scores_of_a_split_run_equal_those_of_an_unsplit_one() -> None:
    frames = [room(slide_number=i // 10, person_x=20 + 5 * i, noise=i) for i in range(40)]
    whole = [score for _, score in scores_of(frames)]
    split = [s for _, s in scores_of(frames[:21])] + [s for _, s in scores_of(frames[20:])]
    assert split == whole


def test_the_first_frame_has_no_score_and_an_equal_one_scores_nothing() -> None:
    scorer = SceneScorer()
    assert scorer.score(room(1, 20, 0)) is None
    assert scorer.score(room(1, 20, 0)) == 0.0


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([], [Scene(0.0, 60.0)], id="no scores"),
        pytest.param([(30.0, 50.0)], [Scene(0.0, 30.0), Scene(30.0, 60.0)], id="one score"),
        pytest.param([(30.0, 4.9)], [Scene(0.0, 60.0)], id="below the threshold"),
        pytest.param([(2.0, 50.0), (58.0, 50.0)], [Scene(0.0, 60.0)], id="too near the ends"),
        pytest.param([(t / 2, 20.0) for t in range(120)], [Scene(0.0, 60.0)], id="always moving"),
        pytest.param(
            [(29.0, 0.0), (29.5, 0.0), (30.0, 20.0), (30.5, 20.0), (31.0, 0.0), (31.5, 0.0)],
            [Scene(0.0, 30.0), Scene(30.0, 60.0)],
            id="a fade over two frames is one change",
        ),
    ],
)
def test_decision(scores: list[tuple[float, float]], expected: list[Scene]) -> None:
    assert scenes_from_scores(scores, 60.0) == expected


@given(
    st.lists(st.floats(0, 100), max_size=60),
    st.floats(0.1, 120),
    st.floats(0, 10),
)
def test_scenes_follow_each_other_over_the_whole_recording(
    values: list[float], duration_sec: float, min_scene_sec: float
) -> None:
    scenes = scenes_from_scores(
        [((i + 1) / 2, value) for i, value in enumerate(values)], duration_sec, min_scene_sec=min_scene_sec
    )
    assert scenes[0].start == 0.0
    assert scenes[-1].end == duration_sec
    assert all(a.end == b.start for a, b in pairwise(scenes))
    assert len(scenes) == 1 or all(s.end - s.start >= min_scene_sec - 1e-9 for s in scenes)


def test_slides_that_differ_in_colour_and_not_in_brightness_are_scenes() -> None:
    red, green = np.zeros((90, 160, 3), np.uint8), np.zeros((90, 160, 3), np.uint8)
    red[:], green[:] = (0, 0, 255), (0, 130, 0)
    assert cv2.cvtColor(red, cv2.COLOR_BGR2GRAY)[0, 0] == pytest.approx(
        cv2.cvtColor(green, cv2.COLOR_BGR2GRAY)[0, 0], abs=1
    )
    scorer = SceneScorer()
    scores = [scorer.score(picture) for picture in (red, red, green, green)]
    assert scores == [None, 0.0, 100.0, 0.0]
