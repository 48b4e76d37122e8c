"""The plate shows the room without people, knows its screens, and says when the camera did not stand still."""

from collections.abc import Callable

import numpy as np
import pytest

from shared.domain.errors import DamagedRecording
from shared.domain.warning import About, RecordingWarning
from shared.media.video.frames import SampledFrame
from shared.tracking.plate.camera_motion import MOVED
from shared.tracking.plate.plate import MAX_FRAMES, Plate, build_plate

MakeRoom = Callable[..., list[SampledFrame]]


@pytest.fixture(scope="module")
def empty(make_room: MakeRoom) -> Plate:
    return build_plate(make_room(lambda t: None, seconds=20))


def worst(plate: Plate, other: Plate) -> float:
    """The greatest difference of any pixel, the noisiest two in a thousand left out."""
    return float(np.quantile(np.abs(plate.bgr.astype(int) - other.bgr).max(axis=-1), 0.998))


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9])
def test_who_stands_still_is_not_part_of_the_room(make_room: MakeRoom, empty: Plate, share: float) -> None:
    """Away before and after; in between in one place for `share` of the recording."""
    edge = 30 * (1 - share)
    plate = build_plate(make_room(lambda t: 0.4 if edge <= t < 60 - edge else None))
    assert worst(plate, empty) < 12
    assert plate.warnings == ()


def test_several_people_one_after_the_other_in_the_same_place(make_room: MakeRoom, make_figure: Callable[..., object],
                                                              empty: Plate) -> None:  # fmt: skip
    frames = []
    for shirt in ((40, 40, 200), (200, 90, 30), (60, 160, 60)):
        frames += make_room(lambda t: 0.5 if t < 16 else None, seconds=20, figure=make_figure(shirt=shirt))
    assert worst(build_plate(frames), empty) < 12


def test_noise_is_measured(make_room: MakeRoom) -> None:
    quiet, loud = (build_plate(make_room(lambda t: None, seconds=20, noise=noise)) for noise in (1.0, 12.0))
    assert np.median(loud.noise_level) > 3 * np.median(quiet.noise_level)


def test_a_screen_is_where_slides_change(make_room: MakeRoom) -> None:
    plate = build_plate(make_room(lambda t: 0.3 if t < 40 else None, slide_sec=8.0))
    expected = np.zeros(plate.screen.shape, bool)
    expected[20:87, 200:300] = True
    assert np.count_nonzero(plate.screen & expected) / np.count_nonzero(plate.screen | expected) > 0.8


def test_people_are_no_screens(make_room: MakeRoom) -> None:
    assert not build_plate(make_room(lambda t: 0.2 + 0.1 * (t // 8) if t % 8 else None)).screen.any()


def test_a_camera_in_the_hand_is_told(make_room: MakeRoom) -> None:
    assert MOVED in build_plate(make_room(lambda t: 0.5, seconds=20, shake=6.0)).warnings
    assert MOVED not in build_plate(make_room(lambda t: 0.2 + t / 40, seconds=20)).warnings


def test_png_keeps_everything(make_room: MakeRoom) -> None:
    made = build_plate(make_room(lambda t: None, seconds=12, slide_sec=3.0))
    warnings = (RecordingWarning("dark", About.PICTURE, "The light went out – twice."), MOVED)
    plate = Plate(made.bgr, made.noise, made.screen, made.slides, warnings)
    again = Plate.from_png(plate.to_png())
    assert plate.screen.any()
    assert np.array_equal(again.bgr, plate.bgr)
    assert np.array_equal(again.noise, plate.noise)
    assert np.array_equal(again.screen, plate.screen)
    assert again.warnings == plate.warnings
    assert again.to_png() == plate.to_png()


@pytest.mark.parametrize("data", [b"", b"no picture"], ids=["empty", "text"])
def test_what_is_no_plate_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no plate"):
        Plate.from_png(data)


def test_without_pictures_there_is_no_plate() -> None:
    with pytest.raises(DamagedRecording):
        build_plate([])


def test_many_pictures_are_thinned_out() -> None:
    """Twenty times as many as are held, and the plate still shows what most of all of them show."""
    most = MAX_FRAMES * 20
    frames = (
        SampledFrame(index, float(index), np.full((18, 32, 3), 90 if index > most * 0.4 else 200, np.uint8))
        for index in range(most)
    )
    assert np.abs(build_plate(frames).bgr.astype(int) - 90).max() <= 1


def test_few_pictures_are_told(make_room: MakeRoom) -> None:
    assert any("too few" in warning.text for warning in build_plate(make_room(lambda t: None, seconds=3)).warnings)
