"""At which rate a picture is rendered."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.recording import VideoStream
from shared.media.video.encode import MAX_FPS, MIN_FPS, frame_rate

VIDEO = VideoStream(0, "h264", 1920, 1080, 0, 25.0, 0.0, 10.0)


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (25.0, Fraction(25)),
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (59.94, Fraction(30000, 1001)),
        (60.0, Fraction(30)),
        (50.0, Fraction(25)),
        (0.0, Fraction(MIN_FPS)),
        (1.0, Fraction(MIN_FPS)),
    ],
)
def test_the_usual_rates_are_kept_or_halved(fps: float, rate: Fraction) -> None:
    assert frame_rate(replace(VIDEO, fps=fps)) == rate


@given(st.floats(0, 1000).map(lambda fps: round(fps, 3)))
def test_any_other_rate_is_made_one_that_is_enough_and_not_too_much(fps: float) -> None:
    assert MIN_FPS <= frame_rate(replace(VIDEO, fps=fps)) <= MAX_FPS
